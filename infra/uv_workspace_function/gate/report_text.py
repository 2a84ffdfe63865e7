"""A report for people: by member, coloured on a terminal."""

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TextIO

from click import style, unstyle

from uv_workspace_function.errors import printable
from uv_workspace_function.gate.findings import Finding, NotChecked, Report, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def print_text(report: Report, stream: TextIO) -> None:
    """Write a report.

    Args:
        report: what the checks say.
        stream: where to; colours only where it is a terminal and `NO_COLOR` (https://no-color.org) is not set.
    """
    coloured = _is_coloured(stream)
    stream.writelines(f"{line if coloured else unstyle(line)}\n" for line in _lines(report))


def _is_coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in {"dumb", "unknown"}


def _lines(report: Report) -> Iterator[str]:
    for member, findings in groupby(report.findings, key=lambda finding: finding.member):
        yield style(printable(member or "the workspace"), bold=True)
        for of_one_module in _folded(findings):
            yield from _finding(*of_one_module)
        yield ""
    if report.gone:
        yield style("gone from the baseline", bold=True)
        for finding in report.gone:
            yield from _finding(finding)
        yield ""
    for gap in report.not_checked:
        yield from _gap(gap)
    if report.not_checked:
        yield ""
    for text in report.notes:
        yield f"{style('note: ', dim=True)}{printable(text)}"
    yield _summary(report)


def _folded(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Findings, those together that are about what one file lacks of one local module: a module renamed is a whole list of names."""
    found: dict[object, list[Finding]] = {}
    for finding in findings:
        around = finding.subject.rpartition(".")[0]
        is_local = bool(around) and finding.package == finding.subject and not finding.places
        key = (finding.code, finding.file, around, finding.remedy) if is_local else id(finding)
        found.setdefault(key, []).append(finding)
    yield from found.values()


def _finding(finding: Finding, *others: Finding) -> Iterator[str]:
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    severity = style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    yield f"  {severity} {style(finding.code, bold=True)}  {style(printable(place), fg='cyan')}"
    yield f"    {finding.problem}"
    yield from (f"      {line}" for line in finding.more)
    if others:
        yield f"      so it is with {', '.join(f'{other.subject} (line {other.line})' for other in others)}"
    yield _fix(finding.remedy)


def _gap(gap: NotChecked) -> Iterator[str]:
    whose = f" of {gap.member}" if gap.member else ""
    yield f"{style('could not check', fg='magenta', bold=True)} {_codes(gap.codes)}{whose}: {gap.reason}"
    yield _fix(gap.remedy)


def _fix(remedy: str) -> str:
    return f"    {style('fix: ', fg='green')}{remedy}"


def _codes(codes: Iterable[str]) -> str:
    """Codes with runs of three and more drawn together: `UWF003 to UWF006, UWF011`."""
    numbers = sorted(int(code.removeprefix("UWF")) for code in codes)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(
        f"UWF{a:03} to UWF{b:03}" if b > a + 1 else ", ".join(f"UWF{code:03}" for code in range(a, b + 1))
        for a, b in runs
    )


def _summary(report: Report) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
    warnings = len(report.findings) - errors
    parts = [_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    if report.not_checked:
        parts.append(f"{_count(len(report.not_checked), 'thing')} could not be checked")
    if report.gone:
        parts.append(f"{len(report.gone)} gone from the baseline")
    aside = [f"{report.allowed} ignored"] if report.allowed else []
    if report.known:
        aside.append(f"{len(report.known)} known from the baseline")
    if not parts:
        clean = style("clean", fg="green", bold=True)
        return "; ".join((clean, *aside))
    return ", ".join((*parts, *aside))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
