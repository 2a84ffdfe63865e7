"""A report as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), for code scanning."""

import hashlib
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from uv_workspace_function.gate.findings import CODES, Finding, NotChecked, Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_TOP = "%SRCROOT%"
_DISTRIBUTION = "uv-workspace-function"


def as_sarif(report: Report, below: PurePosixPath) -> dict[str, Any]:
    """The report as a SARIF log of one run.

    Args:
        report: what the checks say.
        below: where the workspace lies in its repository, from whose top code scanning takes paths.
    """
    run = {
        "tool": {
            "driver": {
                "name": "services check",
                "semanticVersion": version(_DISTRIBUTION),
                "rules": [_rule(code) for code in CODES],
            }
        },
        "columnKind": "unicodeCodePoints",
        # without it, viewers cannot tell where paths begin
        "originalUriBaseIds": {_TOP: {"description": {"text": "the top of the repository"}}},
        "invocations": [
            {
                "executionSuccessful": not report.not_checked,
                "toolExecutionNotifications": [_notification(gap) for gap in report.not_checked],
            }
        ],
        "results": [
            *_results(report.findings, below, None if report.known is None else "new"),
            *_results(report.known or (), below, "unchanged"),
            *_results(report.gone, below, "absent"),
        ],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    kind = CODES[code]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in kind.title.split()),
        "shortDescription": {"text": kind.title},
        "defaultConfiguration": {"level": str(kind.severity)},
    }


def _results(findings: Iterable[Finding], below: PurePosixPath, state: str | None) -> list[dict[str, Any]]:
    indices = {code: index for index, code in enumerate(CODES)}
    return [
        {
            "ruleId": finding.code,
            "ruleIndex": indices[finding.code],
            "level": str(finding.severity),
            "message": {"text": "\n".join((finding.problem, *finding.more, f"fix: {finding.remedy}"))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(os.fsencode(str(below / finding.file))), "uriBaseId": _TOP},
                        "region": {"startLine": finding.line or 1},
                    }
                }
            ],
            # lines move: the same finding of the same file is the same alert
            "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        }
        | ({} if state is None else {"baselineState": state})
        for finding in findings
    ]


def _fingerprint(finding: Finding) -> str:
    text = "\n".join(part or "" for part in finding.identity)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _notification(gap: NotChecked) -> dict[str, Any]:
    whose = f" of {gap.member}" if gap.member else ""
    text = f"could not check {', '.join(gap.codes)}{whose}: {gap.reason}\nfix: {gap.remedy}"
    return {"level": "warning", "message": {"text": text}}
