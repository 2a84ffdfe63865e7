"""A report for people: by member, coloured on a terminal."""

from collections.abc import Iterable
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.text import Text

from uv_workspace_function.gate.findings import Finding, NotChecked, Report, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


def print_text(report: Report, stream: TextIO) -> None:
    """Write a report.

    Args:
        report: what the checks say.
        stream: where to; colours only where it is a terminal and `NO_COLOR` (https://no-color.org) is not set.
    """
    console = Console(file=stream, highlight=False, soft_wrap=True)
    for member, findings in groupby(report.findings, key=lambda finding: finding.member):
        console.print(Text(member or "the workspace", style="bold"))
        for finding in findings:
            _print_finding(console, finding)
        console.print()
    if report.gone:
        console.print(Text("gone from the baseline", style="bold"))
        for finding in report.gone:
            _print_finding(console, finding)
        console.print()
    for gap in report.not_checked:
        _print_gap(console, gap)
    if report.not_checked:
        console.print()
    for text in report.notes:
        console.print(Text.assemble(("note: ", "dim"), text))
    console.print(_summary(report))


def _print_finding(console: Console, finding: Finding) -> None:
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    severity = (finding.severity, _STYLES[finding.severity])
    console.print(Text.assemble("  ", severity, " ", (finding.code, "bold"), "  ", (place, "cyan")))
    for line in (finding.what, *(f"  {line}" for line in finding.detail)):
        console.print(Text(f"    {line}"))
    console.print(_mend(finding.remedy))


def _print_gap(console: Console, gap: NotChecked) -> None:
    whose = f" of {gap.member}" if gap.member else ""
    console.print(Text.assemble(("could not check", "bold magenta"), f" {_codes(gap.codes)}{whose}: {gap.reason}"))
    console.print(_mend(gap.remedy))


def _mend(remedy: str) -> Text:
    return Text.assemble("    ", ("mend: ", "green"), remedy)


def _codes(codes: Iterable[str]) -> str:
    """Codes with runs of them drawn together: `UWF003-006`."""
    numbers = sorted(int(code.removeprefix("UWF")) for code in codes)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"UWF{a:03}" if a == b else f"UWF{a:03} to UWF{b:03}" for a, b in runs)


def _summary(report: Report) -> Text:
    errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
    warnings = len(report.findings) - errors
    parts = [_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    if report.not_checked:
        parts.append(f"{_count(len(report.not_checked), 'thing')} could not be checked")
    if report.gone:
        parts.append(f"{len(report.gone)} gone from the baseline")
    aside = [f"{report.allowed} let be"] if report.allowed else []
    if report.known:
        aside.append(f"{len(report.known)} known from the baseline")
    if not parts:
        return Text.assemble(("clean", "bold green"), *("".join(f"; {text}" for text in aside),))
    return Text(", ".join((*parts, *aside)))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
