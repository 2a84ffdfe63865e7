"""Imports against declarations: undeclared, transitive, and the other way round, dependencies that nothing imports.

A shared environment holds what every member needs, so an import that one member forgot to declare works there, for
another member's sake, and fails in its own image.
"""

from dataclasses import replace

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome, join
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.known_packages import (
    KnownPackages,
    all_members,
    listed,
    minor,
    read_files,
    sync_command,
    unsettled,
    with_verdicts,
)
from uv_workspace_function.gate.imports.local_modules import has_namespace_of, in_local_namespace, local_imports
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.gate.imports.undeclared import doubt_about, verdict_on
from uv_workspace_function.gate.imports.unparsed import unparsed_source
from uv_workspace_function.gate.imports.unused import unused_dependencies
from uv_workspace_function.gate.imports.without_module import package_without_module
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.stored_facts import StoredFacts
from uv_workspace_function.workspace.members import Member, Project


def check_imports(scope: Scope) -> Outcome:
    """Judge every import of every member, and every dependency (UWF003 to UWF006, UWF018)."""
    python = minor(scope.target.python)
    stored = StoredFacts.load(scope.workspace.root, python)
    outside = _outside(scope)
    files, endless = {}, {}
    for member in (*all_members(scope.workspace), *outside):
        try:
            files[member] = read_files(scope.workspace, member, stored)
        except WorkspaceError as error:
            files[member] = ()
            endless[member] = _endless(member, error)
    for member in outside:  # their tests run elsewhere
        files[member] = tuple(read for read in files[member] if read.file.role is Role.CODE)
    files = with_verdicts(scope.workspace, files, stored)
    outcomes = []
    for project in scope.projects:
        members = [member for member in scope.members if scope.workspace.project_of(member) is project]
        everybody = [m for m in all_members(scope.workspace) if scope.workspace.project_of(m) is project]
        known = KnownPackages.of(scope, project, files, everybody)
        members += [member for member, its in outside.items() if its is project]
        outcomes += [
            _judge(MemberImports(scope=scope, member=member, known=known, files=files[member], stored=stored))
            for member in members
            if member not in endless
        ]
    stored.save(whole=scope.whole)
    outcomes.append(Outcome(not_checked=tuple(endless.values())))
    return join(*outcomes, unsettled(files, scope.target.python))


def _endless(member: Member, error: WorkspaceError) -> NotChecked:
    return NotChecked(
        codes=("UWF003", "UWF004", "UWF005", "UWF006", "UWF018"),
        member=member.name,
        reason=error.problem,
        remedy=f"{error.remedy or 'fix it'}; then run the check again",
    )


def _outside(scope: Scope) -> dict[Member, Project]:
    """The libraries of images that are no members but path dependencies, each with a project in whose lock it is."""
    known = {member.folder for member in all_members(scope.workspace)}
    closures, _ = scope.closures()
    return {member: closure.project for closure in closures for member in closure.local if member.folder not in known}


def _judge(of: MemberImports) -> Outcome:
    """Everything there is to say of the member's imports."""
    findings, gaps = local_imports(of)
    findings += package_without_module(of)
    doubts: dict[str, list[str]] = {}
    in_code: dict[tuple[str, str | None], str] = {}
    for read in of.files:
        if (unparsed := unparsed_source(of, read)) is not None:
            findings += unparsed
            continue
        seen: set[str] = set()
        for found in read.facts.imports:
            for module, provided in of.answers(found).items():
                of.used.update(provided.owners)
                whose = of.owner(module, provided.owners) or module.partition(".")[0]
                if not seen.isdisjoint((whose, module)) or not of.is_judged(read, found):
                    continue
                verdict = verdict_on(of, read, found, module, provided)
                if isinstance(verdict, Finding) and not provided.owners and has_namespace_of(of, read, found, module):
                    seen.add(module)
                    there = in_local_namespace(of, read, found, module)
                    if isinstance(there, NotChecked):
                        gaps.setdefault(module, there)
                    elif there is not None:
                        findings.append(there)
                elif isinstance(verdict, Finding):
                    seen.add(whose)
                    if not of.is_development(read, found):
                        in_code.setdefault((verdict.code, verdict.package), verdict.remedy)
                    findings.append(verdict)
                elif verdict:
                    doubts.setdefault(module, []).extend(verdict)
    # what code needs is declared for the code, and serves the tests as well
    findings = [replace(f, remedy=in_code.get((f.code, f.package), f.remedy)) if f.package else f for f in findings]
    not_checked = [doubt_about(of, doubts)] if doubts else []
    not_checked += gaps.values()
    not_checked += [
        NotChecked(
            codes=("UWF003", "UWF005", "UWF006"),
            member=of.member.name,
            reason=f"{read.file.path}: this Python cannot read it, a newer one may: {read.facts.unparsed.reason}",
            remedy=f"run the check with Python {of.scope.target.python}, or install uv-workspace-function[syntax]",
        )
        for read in of.files
        if read.facts.unparsed is not None and not read.facts.unparsed.certain
    ]
    # A file that nobody could read may be the one that imports a dependency.
    unused, unknown = ([], []) if any(read.facts.unparsed for read in of.files) else unused_dependencies(of)
    doubtful = {name for names in doubts.values() for name in names}
    if unknown := [name for name in dict.fromkeys(unknown) if name not in doubtful]:
        not_checked.append(
            NotChecked(
                codes=("UWF005",),
                member=of.member.name,
                reason=f"nothing on this machine says which modules {listed(unknown)} has",
                remedy=sync_command(of.known.project),
            )
        )
    return Outcome(findings=(*findings, *unused), not_checked=tuple(not_checked))
