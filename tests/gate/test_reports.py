"""What the gate says, in each of its four formats.

Covers also: cli/check_command.py, gate/findings.py, gate/report_github.py, gate/report_json.py, gate/report_sarif.py,
gate/report_text.py.
"""

import io
import json
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from gate.repository import commit
from made import handler, hide_uv, lock, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.gate.findings import CODES, Finding, NotChecked, Report, Severity
from uv_workspace_function.gate.report_github import as_commands
from uv_workspace_function.gate.report_json import as_json
from uv_workspace_function.gate.report_sarif import as_sarif
from uv_workspace_function.gate.report_text import print_text

FINDING = Finding(
    code="UWF003",
    file="orders/src/orders/ma in.py",
    line=3,
    member="orders",
    problem="orders imports yaml, 100% undeclared",
    remedy="declare it: `uv add --package orders pyyaml`",
    subject="yaml",
    detail=("a line more",),
)
WARNING = Finding(
    code="UWF009",
    file="left,over/pyproject.toml",
    member=None,
    problem="nobody uses it",
    remedy="remove it",
    subject="leftover",
)
GAP = NotChecked(
    codes=("UWF003", "UWF004", "UWF005", "UWF011"), member="billing", reason="no metadata", remedy="run uv sync"
)
REPORT = Report(findings=(WARNING, FINDING), not_checked=(GAP,), notes=("UWF010 was skipped",), allowed=2)
SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text())


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def text(report: Report, stream: io.StringIO) -> str:
    """A report for people."""
    print_text(report, stream)
    return stream.getvalue()


def test_text_is_grouped_by_member() -> None:
    """And ends with the sum."""
    assert (
        "the workspace\n"
        "  warning UWF009  left,over/pyproject.toml\n"
        "    nobody uses it\n"
        "    fix: remove it\n"
        "\n"
        "orders\n"
        "  error UWF003  orders/src/orders/ma in.py:3\n"
        "    orders imports yaml, 100% undeclared\n"
        "      a line more\n"
        "    fix: declare it: `uv add --package orders pyyaml`\n"
        "\n"
        "could not check UWF003 to UWF005, UWF011 of billing: no metadata\n"
        "    fix: run uv sync\n"
        "\n"
        "note: UWF010 was skipped\n"
        "1 error, 1 warning, 1 thing could not be checked, 2 ignored\n"
    ) == text(REPORT, io.StringIO())


def test_names_that_one_module_lacks_are_told_together() -> None:
    """In text, where a renamed module is a whole list of them; each is a finding, with its own exception and place in the baseline."""

    def lacking(name: str, line: int, file: str = "orders/a.py") -> Finding:
        subject = f"orders.rates.{name}"
        problem = f"orders imports {subject}, but orders/rates.py binds no {name!r}"
        return Finding(
            code="UWF003",
            file=file,
            line=line,
            member="orders",
            problem=problem,
            remedy="define it",
            subject=subject,
            package=subject,
        )

    findings = (lacking("low", 1), lacking("high", 1), lacking("mean", 7), lacking("low", 2, "orders/b.py"))
    report = Report(findings=findings, not_checked=(), notes=())
    assert (
        "orders\n"
        "  error UWF003  orders/a.py:1\n"
        "    orders imports orders.rates.low, but orders/rates.py binds no 'low'\n"
        "      so it is with orders.rates.high (line 1), orders.rates.mean (line 7)\n"
        "    fix: define it\n"
        "  error UWF003  orders/b.py:2\n"
        "    orders imports orders.rates.low, but orders/rates.py binds no 'low'\n"
        "    fix: define it\n"
        "\n"
        "4 errors\n"
    ) == text(report, io.StringIO())
    assert 4 == len(as_json(report)["findings"])


def test_a_clean_report_says_so() -> None:
    """And how much was ignored."""
    assert "clean\n" == text(Report(findings=(), not_checked=(), notes=()), io.StringIO())
    assert "clean; 3 ignored\n" == text(Report(findings=(), not_checked=(), notes=(), allowed=3), io.StringIO())


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for pipes, nor where NO_COLOR is set, nor on a terminal that has none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31m\x1b[1merror\x1b[0m" in text(REPORT, Terminal())
    assert "\x1b" not in text(REPORT, io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in text(REPORT, Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in text(REPORT, Terminal())


def test_long_lines_are_not_cut() -> None:
    """Whatever the width of the terminal."""
    finding = Finding(code="UWF001", file="uv.lock", problem="x" * 500, remedy="y" * 500, subject="uv.lock")
    shown = text(Report(findings=(finding,), not_checked=(), notes=()), io.StringIO())
    assert "x" * 500 in shown
    assert "y" * 500 in shown


def test_markup_in_names_is_text() -> None:
    """A path or a table in brackets is no style."""
    finding = Finding(code="UWF001", file="[red]/uv.lock", problem="[tool.uv] says [bold]", remedy="[/]", subject="x")
    shown = text(Report(findings=(finding,), not_checked=(), notes=("[dim]",)), io.StringIO())
    assert "[red]/uv.lock" in shown
    assert "[tool.uv] says [bold]" in shown
    assert "note: [dim]" in shown


def test_json_has_the_shape_of_a_finding() -> None:
    """Every key that docs/checks.md names."""
    document = as_json(REPORT)
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text()
    named = re.search(r"the keys of a finding are\s+(.*?)\.\s+With", page, re.DOTALL)
    assert named is not None
    assert re.findall(r"`(\w+)`", named[1]) == list(document["findings"][0])
    assert {
        "code": "UWF003",
        "title": "undeclared import",
        "severity": "error",
        "file": "orders/src/orders/ma in.py",
        "line": 3,
        "member": "orders",
        "what": "orders imports yaml, 100% undeclared",
        "remedy": "declare it: `uv add --package orders pyyaml`",
        "subject": "yaml",
        "detail": ["a line more"],
        "places": [],
    } == document["findings"][1]
    assert [
        {"codes": list(GAP.codes), "member": "billing", "reason": "no metadata", "remedy": "run uv sync"}
    ] == document["not_checked"]
    assert ["UWF010 was skipped"] == document["notes"]


def test_workflow_commands_are_escaped() -> None:
    """As GitHub's own toolkit does: in values also colons and commas."""
    warning, error, gap, note = as_commands(REPORT, PurePosixPath("shop"))
    assert (
        "::warning file=shop/left%2Cover/pyproject.toml,line=1,title=UWF009 unused library::"
        "nobody uses it%0Afix: remove it"
    ) == warning
    assert (
        "::error file=shop/orders/src/orders/ma in.py,line=3,title=UWF003 undeclared import::"
        "orders imports yaml, 100%25 undeclared%0Aa line more%0Afix: declare it: `uv add --package orders pyyaml`"
    ) == error
    assert (
        "::warning title=services check::could not check UWF003, UWF004, UWF005, UWF011 of billing: no metadata%0A"
        "fix: run uv sync"
    ) == gap
    assert "::notice title=services check::UWF010 was skipped" == note


def test_no_text_begins_a_workflow_command_of_its_own() -> None:
    """Whatever line breaks are in it."""
    finding = Finding(code="UWF001", file="a\n::error::b", problem="x\r\n::stop-commands::y", remedy="z", subject="x")
    (command,) = as_commands(Report(findings=(finding,), not_checked=(), notes=()), PurePosixPath())
    assert (
        "::error file=a%0A%3A%3Aerror%3A%3Ab,line=1,title=UWF001 stale lock::x\\r; ::stop-commands::y%0Afix: z"
        == command
    )


def sarif(report: Report) -> Any:
    """A report as SARIF, held against the standard."""
    document = as_sarif(report, PurePosixPath("shop"))
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    return document


def test_sarif_meets_the_standard() -> None:
    """Also without a finding."""
    result = sarif(REPORT)["runs"][0]["results"][1]
    assert "shop/orders/src/orders/ma%20in.py" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert 3 == result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert ("UWF003", "error") == (result["ruleId"], result["level"])
    assert [] == sarif(Report(findings=(), not_checked=(), notes=()))["runs"][0]["results"]


def test_sarif_tells_what_could_not_be_checked() -> None:
    """As notifications of a run that did not go well."""
    assert [(False, 1)] == [
        (i["executionSuccessful"], len(i["toolExecutionNotifications"]))
        for i in sarif(REPORT)["runs"][0]["invocations"]
    ]


def test_a_rule_of_sarif_is_found_by_its_index() -> None:
    """Every code is a rule, with the severity that it has."""
    run = sarif(REPORT)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert list(CODES) == [rule["id"] for rule in rules]
    assert [kind.severity for kind in CODES.values()] == [rule["defaultConfiguration"]["level"] for rule in rules]
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]


def test_a_fingerprint_stays_when_the_line_moves() -> None:
    """So that an alert of code scanning is not closed and opened again."""
    moved = Finding(
        **{name: getattr(FINDING, name) for name in ("code", "file", "member", "problem", "remedy", "subject")},
        line=30,
    )
    prints = [
        sarif(Report(findings=(f,), not_checked=(), notes=()))["runs"][0]["results"][0]["partialFingerprints"]
        for f in (FINDING, moved, WARNING)
    ]
    assert prints[0] == prints[1] != prints[2]


def test_the_schema_refuses_what_is_no_sarif() -> None:
    """Else the tests above would prove nothing."""
    document = as_sarif(REPORT, PurePosixPath())
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_every_code_has_a_severity_and_a_title() -> None:
    """In the order of its number."""
    assert [f"UWF{number:03}" for number in range(1, len(CODES) + 1)] == list(CODES)
    assert {Severity.ERROR, Severity.WARNING} == {kind.severity for kind in CODES.values()}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service that imports what it does not declare, in a folder of a repository."""
    root = workspace(tmp_path / "repository" / "shop", ["orders", "billing"])
    handler(root / "orders", "import nowhere\ndef handler(event, context):\n    return event\n")
    handler(root / "billing")
    lock(root)
    commit(root.parent)
    return root


def run(root: Path, *arguments: str) -> Result:
    """Call the command."""
    return CliRunner().invoke(main, ["check", "--workspace", str(root), *arguments])


def test_paths_for_github_begin_at_the_top_of_the_repository(shop: Path) -> None:
    """People's and programs' begin at the workspace's root."""
    annotation = "::error file=shop/orders/src/orders/main.py,line=1,"
    assert annotation in run(shop, "--format", "github").stdout
    location = json.loads(run(shop, "--format", "sarif").stdout)["runs"][0]["results"][0]["locations"][0]
    assert "shop/orders/src/orders/main.py" == location["physicalLocation"]["artifactLocation"]["uri"]
    assert "orders/src/orders/main.py" == json.loads(run(shop, "--format", "json").stdout)["findings"][0]["file"]


def test_exit_codes(shop: Path) -> None:
    """0 clean, 1 found, 2 not checked or no sense."""
    assert 1 == run(shop).exit_code
    assert 0 == run(shop, "billing").exit_code
    result = run(shop, "bill")
    assert (
        2,
        "error: no workspace member is named 'bill'; did you mean 'billing'? services are: billing, orders\n",
    ) == (
        result.exit_code,
        result.stderr,
    )
    assert 2 == run(shop.parent).exit_code


def test_only_the_named_services_are_judged(shop: Path) -> None:
    """In any spelling, with their libraries."""
    assert "clean" in run(shop, "Billing").stdout
    assert "orders" in run(shop, "orders").stdout
    result = run(shop, "billing", "orders", "--format", "json")
    assert ["orders"] == [finding["member"] for finding in json.loads(result.stdout)["findings"]]


def test_without_uv_the_lock_is_not_checked(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is not called clean."""
    hide_uv(monkeypatch)
    document = json.loads((result := run(shop, "billing", "--format", "json")).stdout)
    assert 2 == result.exit_code
    assert ["uv.lock: uv could not be run"] == [gap["reason"] for gap in document["not_checked"]]


def test_without_an_index_a_stale_lock_is_found_all_the_same(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv is asked offline where it could not resolve."""
    path = shop / "billing" / "pyproject.toml"
    path.write_text(path.read_text().replace('version = "1"\n', 'version = "1"\ndependencies = ["redis"]\n'))
    (shop / "pyproject.toml").write_text((shop / "pyproject.toml").read_text().replace("no-index = true", ""))
    assert "uv.lock does not match its pyproject.toml files" in run(shop).stdout


def test_a_malformed_file_is_not_checked(shop: Path) -> None:
    """Nothing can be said of the workspace, and where it is wrong can."""
    (shop / "billing" / "pyproject.toml").write_text("[project\n")
    result = run(shop)
    assert 2 == result.exit_code
    assert "could not check UWF003 to UWF022: billing/pyproject.toml is malformed TOML: " in result.stdout


def test_the_cache_is_never_in_the_workspace(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And a broken one, or a place where there can be none, does no harm."""
    before = sorted(shop.rglob("*"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = run(shop).stdout
    stored = [path for path in (tmp_path / "cache" / "uv-workspace-function").iterdir() if path.name != "pythons"]
    assert {"imports", "secrets"} == {path.name.partition("-")[0] for path in stored}
    assert before == sorted(shop.rglob("*"))
    for path in stored:
        path.write_text("{")
    assert first == run(shop).stdout
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("a file")
    assert first == run(shop).stdout
