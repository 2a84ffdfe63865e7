"""Working trees that git, by its configuration, makes other than the commit: one commit, several digests (UWF021)."""

from pathlib import PurePosixPath

from uv_workspace_function.context.git_configuration import first_of
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, Outcome
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.insight.git_history import History
from uv_workspace_function.workspace.members import Member

# By what git says of a file: the problem, and what to do about it.
_KINDS = {
    "line ends": (
        "git has written other line ends than the commit has into {}",
        "set core.autocrlf to false and check the files out again; or commit a .gitattributes with `* text=auto eol=lf`",
    ),
    "executable bit": (
        "{} can be executed in the commit or here, not in both",
        "set core.fileMode to true and look at `git status`",
    ),
    "link": (
        "git has written a file where the commit has a link: {}",
        "set core.symlinks to true and check the files out again",
    ),
    "absence": ("git has left out {}", "run `git sparse-checkout disable`"),
}


def check_working_tree(scope: Scope) -> Outcome:
    """Ask git where the files of members are not what the commit holds, though `git status` is clean."""
    try:
        history = History.at(scope.workspace.root)
        deviating = [file for file in history.tracked() if file.deviations]
    except WorkspaceError:
        return Outcome()  # no repository: nothing was committed that could differ
    below = PurePosixPath(history.root.relative_to(history.top))
    findings = []
    for member in scope.members:
        found: dict[str, list[str]] = {}
        for file in deviating:
            path = PurePosixPath(file.path).relative_to(below)
            if path.is_relative_to(member.folder):
                for kind in file.deviations:
                    found.setdefault(kind, []).append(path.as_posix())
        findings += [_finding(member, kind, paths) for kind, paths in found.items()]
    return Outcome(findings=tuple(findings))


def _finding(member: Member, kind: str, paths: list[str]) -> Finding:
    problem, remedy = _KINDS[kind]
    return Finding(
        code="UWF021",
        file=paths[0],
        line=1,
        member=member.name,
        problem=f"{problem.format(first_of(paths))}: another checkout of this commit has a different digest",
        remedy=remedy,
        subject=kind,
    )
