"""A report for programs, as JSON."""

from typing import Any

from uv_workspace_function.gate.findings import Finding, NotChecked, Report


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON's own types; keys may be added, and none is renamed."""
    return {
        "findings": [_finding(finding) for finding in report.findings],
        "not_checked": [_gap(gap) for gap in report.not_checked],
        "notes": list(report.notes),
        "allowed": report.allowed,
    } | ({} if report.known is None else _against_baseline(report))


def _against_baseline(report: Report) -> dict[str, Any]:
    return {"known": [_finding(f) for f in report.known or ()], "gone": [_finding(f) for f in report.gone]}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "title": finding.title,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "member": finding.member,
        "what": finding.problem,
        "remedy": finding.remedy,
        "subject": finding.subject,
        "detail": list(finding.detail),
        "places": list(finding.places),
    }


def _gap(gap: NotChecked) -> dict[str, Any]:
    return {"codes": list(gap.codes), "member": gap.member, "reason": gap.reason, "remedy": gap.remedy}
