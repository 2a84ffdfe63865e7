"""A report as GitHub's workflow commands, which annotate the lines of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions; what it escapes is what
https://github.com/actions/toolkit does (packages/core/src/command.ts).
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from uv_workspace_function.gate.findings import Finding, NotChecked, Report


def as_commands(report: Report, below: PurePosixPath) -> Iterator[str]:
    """One command a finding, and one for each thing that could not be checked.

    Args:
        report: what the checks say.
        below: where the workspace lies in its repository, from whose top GitHub takes paths.
    """
    for finding in report.findings:
        yield _finding(finding, below)
    for finding in report.gone:
        yield _finding(finding, below)
    for gap in report.not_checked:
        yield _gap(gap)
    for text in report.notes:
        yield f"::notice title=services check::{_data(text)}"


def _finding(finding: Finding, below: PurePosixPath) -> str:
    properties = {
        "file": str(below / finding.file),
        "line": str(finding.line or 1),
        "title": f"{finding.code} {finding.title}",
    }
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    text = "\n".join((finding.problem, *finding.more, f"fix: {finding.remedy}"))
    return f"::{finding.severity} {given}::{_data(text)}"


def _gap(gap: NotChecked) -> str:
    whose = f" of {gap.member}" if gap.member else ""
    text = f"could not check {', '.join(gap.codes)}{whose}: {gap.reason}\nfix: {gap.remedy}"
    return f"::warning title=services check::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
