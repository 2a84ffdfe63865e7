"""Exceptions: what a workspace has looked at and ignores, each with a reason.

    [tool.uv-workspace-function.check.allow.UWF005]
    psycopg2-binary = "the driver that the database URL names"

Under a code, what a finding is about (a package, a module, a path; `*` and `?` as in a glob) -> why. In a member's own
`pyproject.toml` it holds for that member, in the root's for all.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT, Pyproject
from uv_workspace_function.gate.findings import CODES, Finding
from uv_workspace_function.gate.lines import table_line
from uv_workspace_function.gate.scope import Scope

TABLE = f"tool.{OUR_TABLE}.check.allow"


def without_allowed(findings: Iterable[Finding], scope: Scope) -> tuple[list[Finding], int]:
    """The findings that no exception takes out, and how many one does; exceptions that are none are findings (UWF019)."""
    workspace = scope.workspace
    everywhere = _exceptions(workspace.project.pyproject)
    own = {member.name: _exceptions(member.pyproject) for member in scope.members}
    kept, taken = [], 0
    for finding in findings:
        exceptions = [*everywhere.get(finding.code, ()), *own.get(finding.member or "", {}).get(finding.code, ())]
        if any(_covers(pattern, finding.subject) for pattern in exceptions):
            taken += 1
        else:
            kept.append(finding)
    owners = {(member.folder / PYPROJECT).as_posix(): member for member in scope.members}
    kept += _mistakes(PYPROJECT, workspace.root / PYPROJECT, workspace.project.pyproject, None)
    for file, member in owners.items():
        if file != PYPROJECT:
            kept += _mistakes(file, member.path / PYPROJECT, member.pyproject, member.name)
    return kept, taken


def _covers(pattern: str, subject: str) -> bool:
    return fnmatchcase(subject, pattern) or subject.startswith(f"{pattern}.")


def _exceptions(pyproject: Pyproject) -> dict[str, list[str]]:
    return {
        code: [name for name, reason in entries.items() if _is_reason(reason)]
        for code, entries in _table(pyproject).items()
        if isinstance(entries, dict) and code in CODES
    }


def _mistakes(file: str, path: Path, pyproject: Pyproject, member: str | None) -> Iterator[Finding]:
    for code, entries in _table(pyproject).items():
        if code not in CODES:
            what, remedy, subject = (
                f"[{TABLE}] names {code!r}, which is not the code of a finding",
                "write a code such as UWF005",
                code,
            )
        elif not isinstance(entries, dict):
            what = f"[{TABLE}.{code}] is not a table"
            remedy, subject = f'write [{TABLE}.{code}], and in it what is ignored and why: requests = "..."', code
        else:
            for name, reason in entries.items():
                if not _is_reason(reason):
                    yield Finding(
                        code="UWF019",
                        file=file,
                        member=member,
                        line=table_line(path, f"{TABLE}.{code}", name) or 1,
                        problem=f"[{TABLE}.{code}] ignores {name!r} without giving a reason",
                        remedy="say why, in a few words",
                        subject=name,
                    )
            continue
        yield Finding(
            code="UWF019",
            file=file,
            member=member,
            line=table_line(path, f"{TABLE}.{code}") or 1,
            problem=what,
            remedy=remedy,
            subject=subject,
        )


def _is_reason(reason: Any) -> bool:
    return isinstance(reason, str) and bool(reason.strip())


def _table(pyproject: Pyproject) -> dict[str, Any]:
    allow = pyproject.ours.check.allow
    return allow if isinstance(allow, dict) else {}
