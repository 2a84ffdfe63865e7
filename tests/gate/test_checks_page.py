"""docs/checks.md: every code is there, and each example is what the gate prints."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from gate.cases import Case
from uv_workspace_function.cli.main import main
from uv_workspace_function.gate.findings import CODES

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
_FENCE = re.compile(r"```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


def sections() -> Iterator[tuple[str, str, str]]:
    """Code, title and text of each section about a code."""
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        if title.startswith("UWF"):
            code, _, words = title.partition(" ")
            yield code, words, text


SECTIONS = {code: text for code, _, text in sections()}


def example(code: str) -> tuple[Case, list[str], str]:
    """A section's workspace, the command's arguments, and what it prints."""
    directives = [
        (key, value.strip()) for key, value in re.findall(r"^<!-- (\w+): (.*) -->$", SECTIONS[code], re.MULTILINE)
    ]
    later = {value for key, value in directives if key == "later"}
    files: dict[str, str] = {}
    command, printed = "", ""
    for fence in _FENCE.finditer(SECTIONS[code]):
        head, _, text = fence["text"].partition("\n")
        if fence["language"] == "console":
            command, printed = head, text
        else:
            path = re.sub(r",.*", "", head.removeprefix("# "))
            files[path] = text
    if not any("orders" in path for path in files.keys() - later):
        files["orders/src/orders/main.py"] = "def handler(event, context):\n    return event\n"
    case = Case(
        name=code,
        claim=code,
        directives=tuple(directives),
        files={path: text for path, text in files.items() if path not in later},
        later={path: text for path, text in files.items() if path in later},
    )
    return case, command.removeprefix("$ services ").split(), printed


def test_every_code_has_its_section_in_order() -> None:
    """Under its title."""
    assert [(code, kind.title) for code, kind in CODES.items()] == [(code, title) for code, title, _ in sections()]


@pytest.mark.parametrize("code", CODES)
def test_example(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate prints what the page shows, of the workspace that it shows; notes and the sum at the end are left out there."""
    case, arguments, printed = example(code)
    monkeypatch.chdir(case.make(tmp_path / "w"))
    result = CliRunner().invoke(main, arguments)
    shown = [line for line in result.stdout.splitlines() if not line.startswith("note: ")]
    if "UPDATE_CHECKS_PAGE" in os.environ:
        text = PAGE.read_text()
        start = text.index(f"## {code} ")
        at = text.index("```console\n", start) + len("```console\n")
        end = text.index("```", at)
        body = "\n".join([f"$ services {' '.join(arguments)}", *shown[:-1]]).rstrip() + "\n"
        PAGE.write_text(text[:at] + body + text[end:])
        return
    assert printed.splitlines() == "\n".join(shown[:-1]).rstrip().splitlines()
    assert f" {code}  " in printed
    assert 1 == result.exit_code
