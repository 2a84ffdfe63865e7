"""How long `services --help` takes, against importing its argument library alone.

Run `uv run python benchmarks/start.py`; at most twice is the aim.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from timing import medians, seconds_of, table

_RUNS = 21


def main() -> int:
    """Print the figures as a table."""
    services = Path(sysconfig.get_path("scripts")) / "services"
    commands = {
        "python -c 'pass'": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "services --help": [str(services), "--help"],
        "services list --help": [str(services), "list", "--help"],
    }
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(command: list[str]) -> float:
        return seconds_of(
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=60)
        )

    found = medians({name: lambda c=command: run(c) for name, command in commands.items()}, _RUNS)  # type: ignore[misc]
    least = found["python -c 'import click'"]
    rows = [("command", "time", "ratio")]
    rows += [(f"`{name}`", f"{seconds * 1000:.0f} ms", f"{seconds / least:.2f}") for name, seconds in found.items()]
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
