"""Writes the parts of the documentation that are made from the code: `uv run python docs/made.py`. A test holds them true.

A part stands between `<!-- made by docs/made.py: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import CliRunner
from uv_workspace_function.cli.main import COMMANDS, main
from uv_workspace_function.workspace.carried_settings import FATES

REPOSITORY = Path(__file__).parents[1]
PAGES = ("docs/getting-started.md", "docs/build-context.md", "docs/commands.md")
_PART = re.compile(r"(?P<head><!-- made by docs/made\.py: (?P<name>\w+) -->\n).*?(?P<tail><!-- end -->)", re.DOTALL)


def graph() -> str:
    """Who uses whom in this repository, as GitHub draws it."""
    return f"```mermaid\n{_said('graph', '--workspace', str(REPOSITORY))}```\n"


def settings() -> str:
    """What becomes of each of uv's settings."""
    rows = "".join(f"| `{name}` | {fate.what} | {fate.why} |\n" for name, fate in sorted(FATES.items()))
    return f"\n| setting | | why |\n|---|---|---|\n{rows}\n"


def commands() -> str:
    """The help of every command."""
    return "".join(f"\n## services {name}\n\n```text\n{_said(name, '--help')}```\n" for name in sorted(COMMANDS)) + "\n"


PARTS: Mapping[str, Callable[[], str]] = {"graph": graph, "settings": settings, "commands": commands}


def renewed(text: str) -> str:
    """A page with its parts made anew."""
    return _PART.sub(lambda part: part["head"] + PARTS[part["name"]]() + part["tail"], text)


def _said(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments, prog_name="services", terminal_width=100)
    if result.exit_code:
        raise RuntimeError(f"services {' '.join(arguments)} exited {result.exit_code}: {result.stderr}")
    return result.stdout


if __name__ == "__main__":
    for page in PAGES:
        path = REPOSITORY / page
        before = path.read_text()
        if (after := renewed(before)) != before:
            path.write_text(after)
            sys.stdout.write(f"{page}\n")
