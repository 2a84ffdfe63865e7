"""What is known of the packages of one project, and the files of its members, read."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from stdlibs import KNOWN_VERSIONS, stdlib_module_names

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.layouts import Module
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Outcome
from uv_workspace_function.gate.imports.declared import LockGraph
from uv_workspace_function.gate.imports.files import Role, SourceFile, source_files
from uv_workspace_function.gate.imports.installed import Installed, InstalledDistribution, has_any
from uv_workspace_function.gate.imports.module_names import ModuleNames
from uv_workspace_function.gate.imports.modules import Modules
from uv_workspace_function.gate.imports.source import SourceFacts
from uv_workspace_function.gate.imports.target_syntax import refused
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.stored_facts import StoredFacts
from uv_workspace_function.workspace.lock import Lock
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.workspace import Workspace


def minor(python: str) -> tuple[int, int]:
    major, _, minor = python.partition(".")
    return int(major), int(minor)


def all_members(workspace: Workspace) -> list[Member]:
    return [*workspace.members, *workspace.standalone]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One file, read."""

    file: SourceFile
    facts: SourceFacts


def read_files(workspace: Workspace, member: Member, stored: StoredFacts) -> tuple[ReadFile, ...]:
    read = []
    for file in source_files(workspace, member):
        try:
            content = read_file(workspace.root / file.path)
        except OSError:
            continue  # a link to nothing, or a file that the context check reports
        if b"# /// script" in content:
            continue  # PEP 723: it brings an environment of its own
        read.append(ReadFile(file=file, facts=stored.of(content)))
    return tuple(read)


def with_verdicts(
    workspace: Workspace, files: Mapping[Member, tuple[ReadFile, ...]], stored: StoredFacts
) -> dict[Member, tuple[ReadFile, ...]]:
    """The files with ruff's verdict on the syntax of those that the running Python could not settle."""
    open_ones = [
        workspace.root / read.file.path for reads in files.values() for read in reads if not read.facts.is_judged
    ]
    verdicts = refused(sorted(set(open_ones)), stored.python) if open_ones else {}
    if verdicts is None:
        return dict(files)

    def settled(read: ReadFile) -> ReadFile:
        path = workspace.root / read.file.path
        if read.facts.is_judged:
            return read
        if (unparsed := verdicts.get(path)) is not None:
            facts = SourceFacts(unparsed=unparsed)
        elif read.facts.unparsed is None:
            facts = replace(read.facts, is_judged=True)
        else:
            return read  # it is right, and nothing here can tell what it imports
        stored.keep(read_file(path), facts)
        return replace(read, facts=facts)

    return {member: tuple(map(settled, reads)) for member, reads in files.items()}


def unsettled(files: Mapping[Member, tuple[ReadFile, ...]], python: str) -> Outcome:
    """What to say of files that this Python reads and the images' Python may not, which only ruff knows; and the other way round."""
    facts = [read.facts for reads in files.values() for read in reads]
    notes = []
    if number := sum(not one.is_judged and one.unparsed is None for one in facts):
        note = f"UWF006 (syntax that Python {python} does not have) was not checked in {number} files: that needs ruff"
        notes.append(f"{note}, which uv-workspace-function[syntax] brings")
    if number := sum(one.names.is_newer for one in facts):
        note = (
            f"UWF003 (names that a local module lacks) was not checked for {number} files, whose syntax is newer than"
        )
        notes.append(f"{note} the Python that runs the check: run it with Python {python}")
    return Outcome(notes=tuple(notes))


@dataclass(kw_only=True, eq=False)
class KnownPackages:
    """What is known of the packages of one project."""

    project: Project
    graph: LockGraph
    installed: Installed
    modules: Modules
    local: Mapping[str, Member]
    root: Member | None
    standard: frozenset[str]
    sources: Mapping[str, SourceFacts]
    """Every file that was read, by its path relative to the workspace's root."""
    shipped: Mapping[str, ModuleNames]
    """What the files that images hold bind and set, by their paths: a test sets nothing in an image."""
    dynamic: dict[Member, tuple[bool, bool]] = field(default_factory=dict)
    """Of the packages that were asked about: whether their modules may be replaced, and whether they are looked for elsewhere."""
    forgotten: dict[Member, frozenset[str]] = field(default_factory=dict)
    """Of those: what their code imports and they do not declare."""

    @classmethod
    def of(
        cls, scope: Scope, project: Project, files: Mapping[Member, tuple[ReadFile, ...]], members: Iterable[Member]
    ) -> "KnownPackages":
        workspace = scope.workspace
        own = workspace.root / project.folder
        environments = [own / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"), workspace.root / ".venv"]
        names = {member.name for member in all_members(workspace)}
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
            graph=LockGraph.of(project.lock, _bare(project.lock, installed, local, files)),
            installed=installed,
            modules=modules,
            local=local,
            root=next((m for m in local.values() if m.folder == project.folder), None),
            standard=_standard_library(scope.target.python),
            sources={entry.file.path: entry.facts for entries in files.values() for entry in entries},
            shipped={
                entry.file.path: entry.facts.names
                for entries in files.values()
                for entry in entries
                if entry.file.role is Role.CODE
            },
        )

    @cached_property
    def layout_modules(self) -> Mapping[str, list[tuple[Member, Module]]]:
        """The outermost modules of all local packages, by the first part of their names."""
        found: dict[str, list[tuple[Member, Module]]] = {}
        for member in self.local.values():
            for module in member.layout.modules:
                found.setdefault(module.name.partition(".")[0], []).append((member, module))
        return found

    def sets(self, name: str) -> bool:
        """Whether some file of an image may give a module of another one a name."""
        return self._fills_modules or any(names.may_set(name) for names in self.shipped.values())

    @cached_property
    def _fills_modules(self) -> bool:
        """Whether a function that sets any attribute on what it is given is given a module somewhere."""
        fillers = {name for names in self.shipped.values() for name in names.fillers.split()}
        return any(not fillers.isdisjoint(names.handed_modules.split()) for names in self.shipped.values())

    def distribution(self, name: str) -> InstalledDistribution | None:
        """A third-party package's metadata, where there is some."""
        return self.installed.by_name.get(name)

    def forgotten_by(self, library: Member) -> frozenset[str]:
        """What the code of a local package imports and it does not declare, be it since it can do without."""
        if library not in self.forgotten:
            declared = {edge.name for edge in self.graph.edges.get((library.name, None), ())}
            inside = (path for path in self.shipped if library.folder in PurePosixPath(path).parents)
            imports = (found for path in inside for found in self.sources[path].imports)
            answers = (self.modules.find_all(found.module, found.names) for found in imports)
            owners = {owner for each in answers for provided in each.values() for owner in provided.owners}
            self.forgotten[library] = frozenset(owners - declared)
        return self.forgotten[library]

    def is_missing(self, name: str) -> bool:
        """Whether a package's modules are unknown."""
        if name in self.local:
            member = self.local[name]
            # what is not built has what lies there
            return member.is_package and not member.layout.modules and not member.layout.complete
        return name not in self.installed.by_name


def _is_elsewhere(environment: str) -> bool:
    """Whether an environment is not the one this program runs in, which need not belong to any project."""
    return Path(environment).resolve() != Path(sys.prefix).resolve()


def _bare(
    lock: Lock, installed: Installed, local: Mapping[str, Member], files: Mapping[Member, tuple[ReadFile, ...]]
) -> Iterator[str]:
    """The packages that are there for what they need: without a module, or with none that says more than a version."""
    for name, found in installed.by_name.items():
        if all(
            is_namespace or module.rpartition(".")[2] in _VERSIONS for module, is_namespace in found.modules.items()
        ):
            yield name
    for name, member in local.items():
        code = [read.facts for read in files.get(member, ()) if read.file.role is Role.CODE]
        locked = lock.local(name)
        if code and locked and locked.dependencies and not any(f.imports or f.relative or f.names.public for f in code):
            yield name


_VERSIONS = frozenset({"version", "_version", "__about__"})


def _unread(workspace: Workspace, member: Member) -> tuple[ReadFile, ...]:
    """The files of a path dependency that is not a member: file names suffice."""
    return tuple(ReadFile(file=file, facts=SourceFacts()) for file in source_files(workspace, member))


def _local_modules(member: Member, read: Iterable[ReadFile]) -> dict[str, bool]:
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
        path = member.path / module.path
        found.setdefault(module.name, path.is_dir() and not (path / "__init__.py").exists())
    return found


def _standard_library(python: str) -> frozenset[str]:
    # stdlibs knows every release, so that the one that runs here does not matter
    return stdlib_module_names(python if python in KNOWN_VERSIONS else KNOWN_VERSIONS[-1]) | {"__main__"}


def sync_command(project: Project) -> str:
    """How to have all of a project's packages on this machine."""
    whose = "--all-packages" if project.folder == PurePosixPath() else f"--project {project.folder}"
    return f"run `uv sync {whose} --all-groups --all-extras`, or download the packages into uv's cache"


def definition_of(member: Member) -> str:
    return (member.folder / PYPROJECT).as_posix()


def listed(names: Iterable[str]) -> str:
    ordered = list(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
