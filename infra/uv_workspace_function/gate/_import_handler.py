"""A program: it imports a handler and writes down how that went. Run by the Python of a service's own environment."""

import importlib
import json
import platform
import sys
import traceback


def main() -> None:
    """Import `module.function`, given first, and write the result to the file given second; the rest goes on the path."""
    handler, result, *folders = sys.argv[1:]
    sys.path[:0] = folders
    said: dict[str, object] = {"python": platform.python_version(), "error": None}
    module, _, name = handler.rpartition(".")
    try:
        getattr(importlib.import_module(module.replace("/", ".")), name)
    except BaseException as error:  # noqa: BLE001 whatever it is, the report tells it
        said["error"] = type(error).__name__
        said["text"] = str(error)
        said["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        said["frames"] = [[frame.filename, frame.lineno] for frame in traceback.extract_tb(error.__traceback__)]
    with open(result, "w", encoding="utf-8") as stream:  # noqa: PTH123 the fewer imports, the less there is to shadow
        json.dump(said, stream)


if __name__ == "__main__":
    main()
