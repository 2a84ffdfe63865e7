"""Whether a Python version takes the syntax of some files: ruff's verdict, which knows every version, whatever Python runs here.

Source: https://docs.astral.sh/ruff/settings/#target-version. Syntax errors are reported whichever rules are selected.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from uv_workspace_function.code.syntax import Unparsed

# So many paths fit on a command line of every system.
_AT_ONCE = 500
# A rule that is cheap and finds next to nothing; one has to be selected.
_RULE = "PLE0117"


def refused(paths: Sequence[Path], python: tuple[int, int]) -> Mapping[Path, Unparsed] | None:
    """The files whose syntax a Python version does not take, with the first line that it refuses.

    Args:
        paths: Python files.
        python: the minor version that the code will run on.

    Returns:
        The refused ones among them; None where ruff is not installed or does not know the version.
    """
    if find_spec("ruff") is None:
        return None
    found: dict[Path, Unparsed] = {}
    for start in range(0, len(paths), _AT_ONCE):
        told = _ask(paths[start : start + _AT_ONCE], python)
        if told is None:
            return None
        found |= told
    return found


def _ask(paths: Sequence[Path], python: tuple[int, int]) -> dict[Path, Unparsed] | None:
    done = subprocess.run(
        [
            # -P: a ruff.py of the folder that the check runs in would be run in its place
            *(
                sys.executable,
                "-P",
                "-m",
                "ruff",
                "check",
                "--isolated",
                "--no-cache",
                "--exit-zero",
                "--select",
                _RULE,
            ),
            *(
                "--target-version",
                "py{}{}".format(*python),
                "--output-format",
                "json",
                "--",
                *map(os.path.abspath, paths),
            ),
        ],
        # Nothing of the workspace's or the user's configuration, which RUFF_* variables are too.
        env={key: value for key, value in os.environ.items() if not key.startswith("RUFF_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    given = {os.path.abspath(path): path for path in paths}  # noqa: PTH100 as ruff has it: links are not followed
    found: dict[Path, Unparsed] = {}
    for told in json.loads(done.stdout):
        if told["code"] in (None, "invalid-syntax"):
            path = given[told["filename"]]
            found.setdefault(path, Unparsed(line=told["location"]["row"], reason=_words(told["message"])))
    return found


def _words(message: str) -> str:
    """Ruff's words as a part of a sentence."""
    text = message.removeprefix("SyntaxError: ")
    return text[:1].lower() + text[1:]
