"""Imports against declarations: undeclared, transitive, and the other way round, dependencies that nothing imports.

A shared environment holds what every member needs, so an import that one member forgot to declare works there, for
another member's sake, and fails in its own image.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from stdlibs import KNOWN_VERSIONS, stdlib_module_names

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.declared import Declared, Graph
from uv_workspace_function.gate.distributions import Distribution, Installed, has_any
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome, join
from uv_workspace_function.gate.lines import requirement_line
from uv_workspace_function.gate.mentions import mentioned
from uv_workspace_function.gate.modules import NOBODY, Modules, Provided, resembles
from uv_workspace_function.gate.python_source import Import, Need, SourceFacts, read_source
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.source_files import TEST_FOLDERS, Role, SourceFile, files_beside, source_files
from uv_workspace_function.gate.stored_facts import StoredFacts
from uv_workspace_function.gate.target_syntax import refused
from uv_workspace_function.pyproject import PYPROJECT, requirement_name
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.workspace import Workspace

_SHIPPED = {
    "boto3": "boto3",
    "botocore": "boto3",
    "s3transfer": "boto3",
    "jmespath": "boto3",
    "awslambdaric": "awslambdaric",
}
"""Modules that Lambda's base images have themselves, in a version of AWS's choosing."""


def check_imports(scope: Scope) -> Outcome:
    """Judge every import of every member, and every dependency (UWF003 to UWF006, UWF018)."""
    python = _minor(scope.target.python)
    stored = StoredFacts.load(scope.workspace.root, python)
    files = {member: _read(scope.workspace, member, stored) for member in _everybody(scope.workspace)}
    files = _with_verdicts(scope.workspace, files, stored)
    stored.save(whole=scope.whole)
    outcomes = []
    for project in scope.projects:
        members = [member for member in scope.members if scope.workspace.project_of(member) is project]
        everybody = [m for m in _everybody(scope.workspace) if scope.workspace.project_of(m) is project]
        known = _Known.of(scope, project, files, everybody)
        outcomes += [_Judge(scope=scope, member=member, known=known, files=files[member]).judge() for member in members]
    return join(*outcomes, _unsettled(files, scope.target.python))


def _minor(python: str) -> tuple[int, int]:
    major, _, minor = python.partition(".")
    return int(major), int(minor)


def _everybody(workspace: Workspace) -> list[Member]:
    return [*workspace.members, *workspace.standalone]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One file, read."""

    file: SourceFile
    facts: SourceFacts
    content_is_script: bool = False


def _read(workspace: Workspace, member: Member, stored: StoredFacts) -> tuple[_Read, ...]:
    read = []
    for file in source_files(workspace, member):
        try:
            content = (workspace.root / file.path).read_bytes()
        except OSError:
            continue  # a link to nothing, or a file that the context check reports
        if b"# /// script" in content:
            continue  # PEP 723: it brings an environment of its own
        read.append(_Read(file=file, facts=stored.of(content)))
    return tuple(read)


def _with_verdicts(
    workspace: Workspace, files: Mapping[Member, tuple[_Read, ...]], stored: StoredFacts
) -> dict[Member, tuple[_Read, ...]]:
    """The files with ruff's verdict on the syntax of those that the running Python could not settle."""
    open_ones = [
        workspace.root / read.file.path for reads in files.values() for read in reads if not read.facts.is_judged
    ]
    verdicts = refused(sorted(set(open_ones)), stored.python) if open_ones else {}
    if verdicts is None:
        return dict(files)

    def settled(read: _Read) -> _Read:
        path = workspace.root / read.file.path
        if read.facts.is_judged:
            return read
        if (unparsed := verdicts.get(path)) is not None:
            facts = SourceFacts(unparsed=unparsed)
        elif read.facts.unparsed is None:
            facts = replace(read.facts, is_judged=True)
        else:
            return read  # it is right, and nothing here can tell what it imports
        stored.keep(path.read_bytes(), facts)
        return replace(read, facts=facts)

    return {member: tuple(map(settled, reads)) for member, reads in files.items()}


def _unsettled(files: Mapping[Member, tuple[_Read, ...]], python: str) -> Outcome:
    """What there is to say of files that this Python reads, and the images' one may not: without ruff nobody knows."""
    number = sum(not read.facts.is_judged and read.facts.unparsed is None for reads in files.values() for read in reads)
    if not number:
        return Outcome()
    note = f"UWF006 (syntax that Python {python} does not have) was not judged in {number} files: it takes ruff"
    return Outcome(notes=(f"{note}, which uv-workspace-function[syntax] brings",))


@dataclass(kw_only=True, eq=False)
class _Known:
    """What is known of the packages of one project."""

    project: Project
    graph: Graph
    installed: Installed
    modules: Modules
    local: Mapping[str, Member]
    root: Member | None
    standard: frozenset[str]

    @classmethod
    def of(
        cls, scope: Scope, project: Project, files: Mapping[Member, tuple[_Read, ...]], members: Iterable[Member]
    ) -> "_Known":
        workspace = scope.workspace
        own = workspace.root / project.folder
        environments = [own / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"), workspace.root / ".venv"]
        names = {member.name for member in _everybody(workspace)}
        if (active := os.environ.get("VIRTUAL_ENV")) and (_is_elsewhere(active) or has_any(Path(active), names)):
            environments.append(Path(active))
        installed = Installed.of(project.lock, environments)
        modules = Modules()
        for distribution in installed.by_name.values():
            modules.add(distribution.name, distribution.modules)
        local: dict[str, Member] = {}
        for member in members:
            try:
                locked = project.lock.local(member.name)
                closure = workspace.closure(member.name, locked.extras if locked else ())
            except WorkspaceError:
                continue  # the lock check tells
            local |= {package.name: package for package in closure.local}
        everybody = members if project is not workspace.project else workspace.members
        local |= {member.name: member for member in everybody}
        for name, member in local.items():
            read = files.get(member)
            modules.add(name, _local_modules(member, read if read is not None else _unread(workspace, member)))
        return cls(
            project=project,
            graph=Graph.of(project.lock),
            installed=installed,
            modules=modules,
            local=local,
            root=next((m for m in local.values() if m.folder == project.folder), None),
            standard=_standard_library(scope.target.python),
        )

    def distribution(self, name: str) -> Distribution | None:
        """A third-party package's metadata, where there is some."""
        return self.installed.by_name.get(name)

    def is_missing(self, name: str) -> bool:
        """Whether nobody knows what modules a package has."""
        if name in self.local:
            member = self.local[name]
            return not member.layout.modules and not member.layout.complete
        return name not in self.installed.by_name


def _is_elsewhere(environment: str) -> bool:
    """Whether an environment is another one than the one this program runs in, which can be nobody's."""
    return Path(environment).resolve() != Path(sys.prefix).resolve()


def _unread(workspace: Workspace, member: Member) -> tuple[_Read, ...]:
    """The files of a path dependency that is not a member: file names suffice."""
    return tuple(_Read(file=file, facts=SourceFacts()) for file in source_files(workspace, member))


def _local_modules(member: Member, read: Iterable[_Read]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for entry in read:
        if entry.file.module is None:
            continue
        parents = entry.file.module.split(".")
        for length in range(1, len(parents)):
            found.setdefault(".".join(parents[:length]), True)
        found[entry.file.module] = False
    for module in member.layout.modules:
        parents = module.name.split(".")
        for length in range(1, len(parents)):
            found.setdefault(".".join(parents[:length]), True)
        found.setdefault(module.name, False)
    return found


def _standard_library(python: str) -> frozenset[str]:
    # stdlibs knows every release, so that the one that runs here does not matter
    return stdlib_module_names(python if python in KNOWN_VERSIONS else KNOWN_VERSIONS[-1]) | {"__main__"}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judge:
    """Judges one member."""

    scope: Scope
    member: Member
    known: _Known
    files: tuple[_Read, ...]
    used: set[str] = field(default_factory=set)

    @cached_property
    def declared(self) -> Declared:
        """What the member declares."""
        known = self.known
        return Declared.of(self.member, known.project, known.graph, known.root, self.scope.target)

    def judge(self) -> Outcome:
        """Everything there is to say of the member's imports."""
        findings: list[Finding] = list(self._without_module())
        doubts: dict[str, list[str]] = {}
        for read in self.files:
            if (unparsed := self._unparsed(read)) is not None:
                findings += unparsed
                continue
            seen: set[str] = set()
            for found in read.facts.imports:
                for module, provided in self._answers(found).items():
                    self.used.update(provided.owners)
                    whose = self._owner(module, provided.owners) or module.partition(".")[0]
                    if whose in seen or not self._is_judged(read, found):
                        continue
                    verdict = self._verdict(read, found, module, provided)
                    if isinstance(verdict, Finding):
                        seen.add(whose)
                        findings.append(verdict)
                    elif verdict:
                        doubts.setdefault(module, []).extend(verdict)
        not_checked = [self._doubt(doubts)] if doubts else []
        not_checked += [
            NotChecked(
                codes=("UWF003", "UWF005", "UWF006"),
                member=self.member.name,
                reason=f"{read.file.path}: this Python cannot read it, a newer one may: {read.facts.unparsed.reason}",
                remedy=f"run the check with Python {self.scope.target.python}, or install uv-workspace-function[syntax]",
            )
            for read in self.files
            if read.facts.unparsed is not None and not read.facts.unparsed.certain
        ]
        # A file that nobody could read may be the one that imports a dependency.
        unused, unknown = ([], []) if any(read.facts.unparsed for read in self.files) else self._unused()
        doubtful = {name for names in doubts.values() for name in names}
        if unknown := [name for name in unknown if name not in doubtful]:
            not_checked.append(
                NotChecked(
                    codes=("UWF005",),
                    member=self.member.name,
                    reason=f"nothing on this machine says which modules {_listed(unknown)} has",
                    remedy=_sync(self.known.project),
                )
            )
        return Outcome(findings=(*findings, *unused), not_checked=tuple(not_checked))

    def _without_module(self) -> Iterator[Finding]:
        """A package whose build would find nothing to put into a wheel (UWF018)."""
        member = self.member
        if not member.is_package or member.layout.modules or not member.layout.complete or not _wants_module(member):
            return
        yield Finding(
            code="UWF018",
            file=_pyproject(member),
            line=1,
            member=member.name,
            problem=f"the build of {member.name} finds no module to install",
            remedy="put the code where its build backend looks for it, or say where it is in the backend's table",
            subject=member.name,
        )

    def _unparsed(self, read: _Read) -> list[Finding] | None:
        unparsed = read.facts.unparsed
        if unparsed is None:
            return None
        if not unparsed.certain or (read.file.role is Role.DEVELOPMENT and not read.file.is_test):
            return []
        return [
            Finding(
                code="UWF006",
                file=read.file.path,
                line=unparsed.line or 1,
                member=self.member.name,
                problem=f"it does not parse on Python {self.scope.target.python}: {unparsed.reason}",
                remedy="correct it, or move it out of the package if it is no code of it",
                subject=read.file.path,
            )
        ]

    def _answers(self, found: Import) -> Mapping[str, Provided]:
        """Who provides what an import needs; the standard library answers for itself."""
        top = found.module.partition(".")[0]
        if top in self.known.standard and not self.known.modules.find(found.module).owners & self._own:
            return {}
        answers = self.known.modules.find_all(found.module, found.names)
        stubs = self.known.modules.find(f"{top}-stubs")
        if found.need is Need.TYPES and stubs is not NOBODY:
            return {m: replace(p, owners=p.owners | stubs.owners) for m, p in answers.items()}
        return answers

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset({self.member.name})

    def _is_judged(self, read: _Read, found: Import) -> bool:
        if found.need in (Need.NOTHING, Need.TYPES) or read.file.path.endswith(".pyi"):
            return False  # nothing of an image or of a test breaks for want of it
        if self._is_development(read, found) and not self._knows_tests:
            return False  # what tests need is told elsewhere: by tox, by hatch, or by nobody
        # what stands in for modules that are all there is never run
        return not found.instead_of or not all(self._is_there(read, found, module) for module in found.instead_of)

    @cached_property
    def _knows_tests(self) -> bool:
        """Whether what the member declares for development is what its tests run with: it says so, or they import some of it."""
        declared = self.declared
        return declared.names_tests or any(
            provided.owners & declared.development
            for read in self.files
            if read.file.role is Role.DEVELOPMENT
            for found in read.facts.imports
            for provided in self._answers(found).values()
        )

    def _is_development(self, read: _Read, found: Import) -> bool:
        return read.file.role is Role.DEVELOPMENT or found.need is Need.DEVELOPMENT

    def _is_there(self, read: _Read, found: Import, module: str) -> bool:
        if module.partition(".")[0] in self.known.standard:
            return True
        return bool(self.known.modules.find(module).owners & self._allowed(read, found))

    def _allowed(self, read: _Read, found: Import) -> frozenset[str]:
        """The packages that this import may come from."""
        declared = self.declared
        if self._is_development(read, found) or self._is_workbench:
            return declared.run.union(declared.development, self._own, self._beside_the_root)
        # a plugin is loaded by its host: its own module may import it, and any function, which the host calls
        hosts = self._hosts.values() if found.conditional else [self._hosts.get(read.file.module or "", frozenset())]
        return declared.run.union(self._own, *hosts)

    @cached_property
    def _is_workbench(self) -> bool:
        """Whether the member is a root that is in no image: its code, a CDK app or a script, is run where it lies."""
        known = self.known
        return (
            self.member is known.root
            and not self.member.is_package
            and self.member not in self.scope.workspace.services
            and self.member.name not in known.graph.needed
        )

    @cached_property
    def _beside_the_root(self) -> frozenset[str]:
        """The members that are installed beside the code of a root in no image: `uv sync --all-packages` is for them."""
        workspace = self.scope.workspace
        if not self._is_workbench or self.known.project is not workspace.project:
            return frozenset()
        return frozenset(member.name for member in workspace.members)

    @cached_property
    def _hosts(self) -> Mapping[str, frozenset[str]]:
        """Modules that an entry point of the member names -> the packages that load them."""
        found: dict[str, frozenset[str]] = {}
        for group, entries in self.member.pyproject.metadata.entry_points.items():
            host = _host(group)
            for value in entries.values():
                module = value.partition(":")[0].strip()
                found[module] = found.get(module, frozenset()) | {host}
        return found

    def _verdict(self, read: _Read, found: Import, module: str, provided: Provided) -> Finding | list[str]:
        """A finding, or the packages that may provide the module, of which nobody knows; empty when all is well."""
        allowed, declared = self._allowed(read, found), self.declared
        top = module.partition(".")[0]
        if provided.owners & allowed or self._is_beside(read, found, module, provided):
            return []
        if top == "distutils" and "setuptools" in allowed:
            return []  # setuptools brings it back: https://setuptools.pypa.io/en/latest/deprecated/distutils-legacy.html
        missing = sorted(name for name in allowed if self.known.is_missing(name))
        unknown = [name for name in missing if name not in declared.elsewhere]
        alike = [name for name in missing if resembles(module, name)]
        if alike or (unknown and not provided.owners):
            return [name for name in alike or unknown if name not in declared.elsewhere]
        if not provided.owners and (
            (len(missing) > len(unknown) and self._may_be_for_elsewhere(found))
            or self._is_made_by_a_test(read, found)
            or self._is_asked_for(found)
        ):
            return []
        return self._finding(read, found, module, provided.owners)

    def _may_be_for_elsewhere(self, found: Import) -> bool:
        """Whether an import may be of a package that is for other platforms or Pythons, and so is not here to be read.

        Importing the file would fail on the target, unless the import stands in a function or a branch.
        """
        return found.conditional and not _left_the_standard_library(found)

    def _is_asked_for(self, found: Import) -> bool:
        """Whether an import is run for those alone who asked for its module by name, and nobody in the workspace has it.

        No shared environment hides that it is missing: whoever asks for it finds out, or brings it.
        """
        return found.chosen and not _left_the_standard_library(found)

    def _is_made_by_a_test(self, read: _Read, found: Import) -> bool:
        """Whether a module that nobody has may be one that a test makes, or that is meant to be missing."""
        return read.file.role is Role.DEVELOPMENT and (found.conditional or not read.file.is_test)

    def _is_beside(self, read: _Read, found: Import, module: str, provided: Provided) -> bool:
        """Whether a module lies beside the file, where Python finds it when the file is run or tested."""
        top = module.partition(".")[0]
        root, file = self.scope.workspace.root, self.scope.workspace.root / read.file.path
        # of an installed package that is a mistake or a trick with sys.path; a package of that name is what is meant
        folders = [] if provided.owners else [file.parent]
        if self._is_development(read, found):
            folders += [folder for folder in file.parents if folder.is_relative_to(self.member.path)]
            folders += [self.member.path / path for path in _test_paths(self.member)]
            if top in self._test_modules:
                return True  # a conftest.py puts what folder it likes on the path
        if not self.member.is_package and self.member not in self.scope.workspace.services:
            # never built: it runs where it lies, with the sources of its libraries on the path
            folders += [
                root / library.folder / module_root
                for name in self.declared.run
                if (library := self.known.local.get(name)) is not None
                for module_root in {m.path.parent for m in library.layout.modules}
            ]
        return any(_has_module(folder, top, but=file) for folder in folders)

    @cached_property
    def _test_modules(self) -> frozenset[str]:
        """The names of all modules and folders of the member's tests, wherever they lie."""
        found: set[str] = set()
        for name in TEST_FOLDERS:
            for _, folders, files in os.walk(self.member.path / name):
                found.update(folders)
                found.update(file.removesuffix(".py") for file in files if file.endswith(".py"))
        return frozenset(found)

    def _finding(self, read: _Read, found: Import, module: str, owners: frozenset[str]) -> Finding:
        member, declared = self.member, self.declared
        in_image = read.file.role is not Role.DEVELOPMENT and not self._is_workbench
        transitive = owners & (declared.closure if in_image else declared.development_closure)
        name = self._owner(module, transitive or (owners & declared.development) or owners)
        add = self._add(name or "PACKAGE", development=not in_image and self._has_groups(read))
        if name in transitive:
            through = declared.graph.through(declared.run.union(() if in_image else declared.development), name)
            because = f", which it has only through {through}" if through else ""
            return self._import(
                "UWF004",
                read,
                found,
                module,
                f"{member.name} imports {module} from {name}{because}",
                f"declare it: {add}",
                package=name,
            )
        detail: tuple[str, ...] = ()
        if (where := declared.groups.get(name or "")) is not None:
            what = f"{member.name} imports {module} from {name}, which only {where} declares"
        elif name is not None:
            what = f"{member.name} imports {module} from {name}, which it does not declare{self._for_whom(name)}"
        else:
            what = f"{member.name} imports {module}, which nothing that it declares provides"
            add = f"the package that has it, with {add}"
            if (last := _last_python_with(module.partition(".")[0])) is not None:
                what = f"{member.name} imports {module}, which left the standard library after Python {last}"
                return self._import("UWF003", read, found, module, what, "use what replaces it, or declare a backport")
        if module.partition(".")[0] in _SHIPPED:
            detail = ("Lambda's base image has one of its own, in a version that AWS chooses and changes",)
        package = name or module.partition(".")[0]
        return self._import("UWF003", read, found, module, what, f"declare it: {add}", detail, package=package)

    def _owner(self, module: str, owners: frozenset[str]) -> str | None:
        """The package to name of several that have a module: one that has more of it than its name as a namespace."""
        return min(owners, key=lambda name: (self.known.modules.namespace_of(name, module), name), default=None)

    def _has_groups(self, read: _Read) -> bool:
        """Whether what a file outside of images needs belongs into a dev group: of a root without any, it does not."""
        return read.file.role is Role.DEVELOPMENT or bool(self.declared.groups)

    def _import(
        self,
        code: str,
        read: _Read,
        found: Import,
        module: str,
        what: str,
        remedy: str,
        detail: tuple[str, ...] = (),
        *,
        package: str | None = None,
    ) -> Finding:
        return Finding(
            code=code,
            file=read.file.path,
            line=found.line,
            member=self.member.name,
            problem=what,
            remedy=remedy,
            subject=module,
            detail=detail,
            package=package,
        )

    def _for_whom(self, name: str) -> str:
        """For whose sake an undeclared package is in the shared environment."""
        others = sorted(
            other.name
            for other in self.known.local.values()
            if other is not self.member
            and name != other.name
            and name in Declared.of(other, self.known.project, self.known.graph, self.known.root, self.scope.target).run
        )
        return f"; the shared environment has it for {_listed(others)}" if others else ""

    def _add(self, name: str, *, development: bool) -> str:
        project = self.known.project
        group = " --dev" if development else ""
        if self.member in self.scope.workspace.standalone:
            return f"`uv add --project {self.member.folder}{group} {name}`"
        return (
            f"`uv add --package {self.member.name}{group} {name}`"
            if self.member.folder != project.folder
            else f"`uv add{group} {name}`"
        )

    def _doubt(self, doubts: Mapping[str, list[str]]) -> NotChecked:
        packages = sorted({name for names in doubts.values() for name in names})
        return NotChecked(
            codes=("UWF003", "UWF004"),
            member=self.member.name,
            reason=(
                f"nothing on this machine says which modules {_listed(packages)} has, so nobody knows where "
                f"{_listed(sorted(doubts))} comes from"
            ),
            remedy=_sync(self.known.project),
        )

    def _unused(self) -> tuple[list[Finding], list[str]]:
        """Dependencies that nothing imports (UWF005), and those of which nobody knows the modules."""
        if not any(read.file.role is Role.CODE for read in self.files):
            return [], []
        findings, unknown = [], []
        words = frozenset[str]().union(*(read.facts.words for read in self.files))
        for name, requirement in self.declared.dependencies.items():
            if name in self.used or name == self.member.name or name in self.declared.elsewhere:
                continue
            if self.known.is_missing(name) and name not in self.known.local:
                unknown.append(name)
            elif self._is_idle(name, words) and name not in self._used_beside:
                if strangers := self._strangers(name):
                    unknown += strangers
                    continue
                path = self.member.path / PYPROJECT
                findings.append(
                    Finding(
                        code="UWF005",
                        file=_pyproject(self.member),
                        line=requirement_line(path, requirement),
                        member=self.member.name,
                        problem=f"{self.member.name} depends on {name}, but nothing in it imports {name}",
                        remedy=(
                            f"remove it: {self._add(name, development=False).replace('uv add', 'uv remove')}, or say why it stays in "
                            "[tool.uv-workspace-function.check.allow.UWF005]"
                        ),
                        subject=name,
                    )
                )
        return findings, unknown

    def _is_idle(self, name: str, words: frozenset[str]) -> bool:
        """Whether a dependency that no import leads to is of no other use that can be seen."""
        if name.startswith("types-") or name.endswith("-stubs"):
            return False
        local = self.known.local.get(name)
        if local is not None:
            aggregates = not self.member.is_package and self.member.folder == self.known.project.folder
            is_plugin = bool(local.pyproject.metadata.entry_points)
            tops = {module.name for module in local.layout.modules}
            return bool(tops) and not aggregates and not is_plugin and not tops & words
        distribution = self.known.distribution(name)
        if distribution is None:
            return False
        tops = {module for module in distribution.modules if "." not in module and not module.endswith("-stubs")}
        if not tops or self._is_plugin(distribution) or self._is_wanted_by_others(name):
            return False
        named = {name, name.replace("-", "_"), *tops, *distribution.scripts}
        is_named = words & named or mentioned(self.member, named)
        return not is_named

    @cached_property
    def _used_beside(self) -> frozenset[str]:
        """The packages that Python files beside the member's package import: an app, a script, a migration."""
        read = {read.file.path for read in self.files}
        root, python = self.scope.workspace.root, _minor(self.scope.target.python)
        beside = (path for path in files_beside(self.member) if path.relative_to(root).as_posix() not in read)
        facts = (read_source(path.read_bytes(), python) for path in beside)
        answers = (self._answers(found) for one in facts for found in one.imports)
        return frozenset(owner for each in answers for provided in each.values() for owner in provided.owners)

    def _strangers(self, name: str) -> list[str]:
        """Packages of the closure without metadata here, any of which may be what needs the dependency."""
        local = self.known.local
        others = self.declared.closure - self.declared.elsewhere - {name, self.member.name}
        return sorted(other for other in others if other not in local and self.known.distribution(other) is None)

    def _is_plugin(self, distribution: Distribution) -> bool:
        """Whether another package of the member's closure finds it by its entry points."""
        closure = self.declared.closure | self.declared.development_closure
        for group in distribution.plugin_groups:
            host = re.split(r"[._:]|\d", group, maxsplit=1)[0].lower()
            if any(name != distribution.name and (name == host or name.startswith(f"{host}-")) for name in closure):
                return True
        return False

    def _is_wanted_by_others(self, name: str) -> bool:
        """Whether another package of the closure can make use of it: a driver, an optional part, a version that is held."""
        others = self.declared.closure - {name, self.member.name}
        return any(
            name in distribution.requires
            for other in others
            if (distribution := self.known.distribution(other)) is not None
        ) or any(name in _offered(local) for other in others if (local := self.known.local.get(other)) is not None)


def _offered(member: Member) -> Iterator[str | None]:
    """What the extras of a local package name."""
    for requirements in member.pyproject.metadata.optional_dependencies.values():
        yield from map(requirement_name, requirements)


_NEEDS_MODULE = ("uv_build", "hatchling.build", "flit_core.buildapi", "poetry.core.masonry.api")


def _wants_module(member: Member) -> bool:
    """Whether the member's build fails, or goes wrong, without a module: some backends make empty wheels on purpose."""
    bypass = member.pyproject.tool("hatch", "build", "targets", "wheel").get("bypass-selection", False)
    return member.pyproject.build_system.build_backend in _NEEDS_MODULE and not bypass


def _host(group: str) -> str:
    """The package that a group of entry points is for, by its name: `pytest11`, `sqlalchemy.dialects`, `flake8.extension`."""
    first = re.split(r"[._:]", group, maxsplit=1)[0].lower()
    return "pytest" if first == "pytest11" else first


def _has_module(folder: Path, name: str, *, but: Path) -> bool:
    module, package = folder / f"{name}.py", folder / name
    return (module != but and module.is_file()) or (package.is_dir() and next(package.rglob("*.py"), None) is not None)


def _sync(project: Project) -> str:
    """How to have all of a project's packages on this machine."""
    whose = "--all-packages" if project.folder == PurePosixPath() else f"--project {project.folder}"
    return f"run `uv sync {whose} --all-groups --all-extras`, or download the packages into uv's cache"


def _pyproject(member: Member) -> str:
    return (member.folder / PYPROJECT).as_posix()


def _test_paths(member: Member) -> list[str]:
    """The folders that pytest puts on the path."""
    paths = member.pyproject.tool("pytest", "ini_options").get("pythonpath", [])
    return paths.split() if isinstance(paths, str) else [path for path in paths if isinstance(path, str)]


def _last_python_with(module: str) -> str | None:
    """The last Python whose standard library had a module; None where none had it."""
    return next((version for version in reversed(KNOWN_VERSIONS) if module in stdlib_module_names(version)), None)


def _left_the_standard_library(found: Import) -> bool:
    return _last_python_with(found.module.partition(".")[0]) is not None


def _listed(names: Iterable[str]) -> str:
    ordered = list(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
