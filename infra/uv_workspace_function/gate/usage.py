"""What is unused: libraries that no member needs (UWF009), services that no stack deploys (UWF010)."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from uv_workspace_function.code.likely_handlers import likely_handlers
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.imports.declared import Declared, LockGraph
from uv_workspace_function.gate.imports.files import TEST_FILE
from uv_workspace_function.gate.run_by_path import run_by_path
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.insight.cloud_assembly import service_assets
from uv_workspace_function.workspace.members import Member


def check_libraries(scope: Scope) -> Outcome:
    """Look for libraries that no other member declares, in a workspace that has services."""
    workspace = scope.workspace
    if not scope.whole or not workspace.services:
        return Outcome()
    used = {*_used(scope), *_copied(workspace.members)}
    used |= {member.name for member in workspace.members if member.folder == workspace.project.folder}
    idle = [member for member in workspace.members if member.name not in used and _is_library(member)]
    run = set(run_by_path(workspace)) if idle else set()
    idle = [member for member in idle if member.name not in run]
    remedy = "remove it, or say in [{}] of its pyproject.toml whom it is for"
    return _unused("UWF009", idle, "no member of the workspace depends on the library", remedy)


def check_deployed(scope: Scope, cdk_out: Path | None) -> Outcome:
    """Look for the image of every service in a cloud assembly.

    Args:
        scope: what is judged.
        cdk_out: the assembly's folder, as `cdk synth` writes it; None where there is none to look into.
    """
    if cdk_out is None:
        return Outcome(
            notes=(
                "UWF010 (services that no stack deploys) was skipped: it needs --cdk-out, the folder of `cdk synth`",
            )
        )
    try:
        images = service_assets(cdk_out)
    except WorkspaceError as error:
        gap = NotChecked(
            codes=("UWF010", "UWF016"), reason=str(error), remedy="run `cdk synth`, and give its output folder"
        )
        return Outcome(not_checked=(gap,))
    deployed = {image.service for image in images}
    idle = [service for service in scope.services if service.name not in deployed]
    remedy = "deploy it, remove it, or say why it is kept in [{}] of its pyproject.toml"
    return _unused("UWF010", idle, f"no stack in {cdk_out.name} deploys", remedy)


def _unused(code: str, members: Sequence[Member], problem: str, remedy: str) -> Outcome:
    """A finding for each member.

    Args:
        code: of the findings.
        members: that nobody uses.
        problem: what a member's name ends.
        remedy: with `{}` for the table where exceptions stand.
    """
    return Outcome(
        findings=tuple(
            Finding(
                code=code,
                file=(member.folder / PYPROJECT).as_posix(),
                line=1,
                member=member.name,
                problem=f"{problem} {member.name}",
                remedy=remedy.format(f"tool.{OUR_TABLE}.check.allow.{code}"),
                subject=member.name,
            )
            for member in members
        )
    )


def _used(scope: Scope) -> Iterator[str]:
    """The names of all that some member declares, for whatever purpose."""
    workspace = scope.workspace
    root = next((member for member in workspace.members if member.folder == workspace.project.folder), None)
    graph = LockGraph.of(workspace.project.lock)
    for member in (*workspace.members, *workspace.standalone):
        project = workspace.project_of(member)
        edges = graph if project is workspace.project else LockGraph.of(project.lock)
        # the root's groups are installed beside every member, and so is not counted for it
        declared = Declared.of(member, project, edges, member, scope.target)
        if member is root and not member.is_package:
            # it gathers the members so that one `uv sync` installs them; code of its own uses what it depends on
            yield from declared.run if _has_code(member) else ()
        else:
            yield from declared.run | declared.development
        yield from member.pyproject.build_system.names
    for service in workspace.services:
        try:
            yield from (builder.name for builder in scope.closure(service).builders)
        except WorkspaceError:
            continue  # the lock check tells


def _copied(members: Sequence[Member]) -> Iterator[str]:
    """The names of those whose code the wheel of another one takes from their folders."""
    by_folder = {member.folder: member for member in members}
    for member in members:
        for module in member.layout.modules:
            path = PurePosixPath(os.path.normpath(member.folder / module.path))
            owner = next((by_folder[parent] for parent in path.parents if parent in by_folder), member)
            if owner is not member:
                yield owner.name


_OF_APPLICATIONS = ("Dockerfile", "cdk.json", "app.py", "manage.py")


def _has_code(member: Member) -> bool:
    return any(path.suffix == ".py" for path in member.path.iterdir())


def _is_library(member: Member) -> bool:
    """Whether a member is there to be imported: it is no service, no application, no tool and no plugin."""
    metadata = member.pyproject.metadata
    if member.is_service or not member.is_package or metadata.scripts or metadata.entry_points:
        return False
    if likely_handlers(member):
        return False  # a service that does not say so yet
    if any((member.path / name).exists() for name in _OF_APPLICATIONS):
        return False
    if any(next(member.path.glob(f"*/{name}"), None) for name in ("Dockerfile", "cdk.json", "manage.py")):
        return False
    folders = [member.path / module.path for module in member.layout.modules]
    return not any((folder / "__main__.py").is_file() for folder in folders) and not _are_tests(folders)


def _are_tests(folders: Iterable[Path]) -> bool:
    """Whether all code in some folders is tests, as in a member that tests the others."""
    names = {path.name for folder in folders for path in folder.rglob("*.py")} - {"__init__.py"}
    return bool(names) and all(map(TEST_FILE.fullmatch, names))
