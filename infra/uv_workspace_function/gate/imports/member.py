"""What the rules about imports ask of one member: what it declares, and which packages an import may come from."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from uv_workspace_function.boundary import read_file
from uv_workspace_function.gate.imports.declared import THE_ROOT, Declared
from uv_workspace_function.gate.imports.files import Role, files_beside, python_files, test_folders
from uv_workspace_function.gate.imports.known_packages import KnownPackages, ReadFile
from uv_workspace_function.gate.imports.modules import NOBODY, Provided
from uv_workspace_function.gate.imports.source import Import, Need
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.stored_facts import StoredFacts
from uv_workspace_function.workspace.members import Member


@dataclass(frozen=True, kw_only=True, eq=False)
class MemberImports:
    """What one member imports and declares, and whom it may import from."""

    scope: Scope
    member: Member
    known: KnownPackages
    files: tuple[ReadFile, ...]
    stored: StoredFacts
    used: set[str] = field(default_factory=set)
    """The packages that answer an import, as far as the imports were looked at."""

    @cached_property
    def declared(self) -> Declared:
        """What the member declares."""
        known = self.known
        return Declared.of(self.member, known.project, known.graph, known.root, self.scope.target)

    def answers(self, found: Import) -> Mapping[str, Provided]:
        """Who provides what an import needs; the standard library answers for itself."""
        top = found.module.partition(".")[0]
        if top in self.known.standard and not self.known.modules.find(found.module).owners & self.own:
            return {}
        answers = self.known.modules.find_all(found.module, found.names)
        stubs = self.known.modules.find(f"{top}-stubs")
        if found.need is Need.TYPES and stubs is not NOBODY:
            return {m: replace(p, owners=p.owners | stubs.owners) for m, p in answers.items()}
        return answers

    @cached_property
    def own(self) -> frozenset[str]:
        return frozenset({self.member.name})

    def is_judged(self, read: ReadFile, found: Import) -> bool:
        if found.need in (Need.NOTHING, Need.TYPES) or read.file.path.endswith(".pyi"):
            return False  # nothing of an image or of a test breaks for want of it
        if self._copied and read.file.path.startswith(self._copied):
            return False
        if self.is_development(read, found) and not self._knows_tests:
            return False  # what tests need is told elsewhere: by tox, by hatch, or by nobody
        # what stands in for modules that are all there is never run
        return not found.instead_of or not all(self.is_there(read, found, module) for module in found.instead_of)

    @cached_property
    def _copied(self) -> tuple[str, ...]:
        """The folders of members inside its own that it depends on: their code is judged as theirs, if its build copies it as well."""
        own = self.member.folder
        return tuple(
            f"{other.folder}/"
            for other in self.scope.members
            if other is not self.member and own in other.folder.parents and other.name in self.declared.closure
        )

    @cached_property
    def _knows_tests(self) -> bool:
        """Whether what the member declares for development is what its tests run with: it says so, or they import some of it.

        Members do not count: a root names all of them, for whatever purpose; nor does what it needs to run itself.
        """
        declared = self.declared
        packages = {name for name, whose in declared.groups.items() if whose != THE_ROOT} - self.known.local.keys()
        return declared.names_tests or any(
            provided.owners & packages
            for read in self.files
            if read.file.role is Role.DEVELOPMENT
            for found in read.facts.imports
            for provided in self.answers(found).values()
        )

    def is_development(self, read: ReadFile, found: Import) -> bool:
        return read.file.role is Role.DEVELOPMENT or found.need is Need.DEVELOPMENT

    def is_there(self, read: ReadFile, found: Import, module: str) -> bool:
        if module.startswith("."):
            return self.known.modules.find(read.file.whole_name(module) or "").exact
        if module.partition(".")[0] in self.known.standard:
            return True
        return bool(self.known.modules.find(module).owners & self.allowed(read, found))

    def allowed(self, read: ReadFile, found: Import) -> frozenset[str]:
        """The packages that this import may come from."""
        declared = self.declared
        if self.is_development(read, found) or self.is_workbench:
            return declared.run.union(declared.development, self.own, self._beside_the_root)
        # a plugin is loaded by its host: its own module may import it, and any function, which the host calls
        hosts = self._hosts.values() if found.conditional else [self._hosts.get(read.file.module or "", frozenset())]
        return declared.run.union(self.own, *hosts)

    @cached_property
    def is_workbench(self) -> bool:
        """Whether the member is a root that is in no image: its code, a CDK app or a script, is run where it lies."""
        known = self.known
        return (
            self.member is known.root
            and not self.member.is_package
            and self.member not in self.scope.workspace.services
            and self.member.name not in known.graph.needed
        )

    @cached_property
    def brought_by_members(self) -> frozenset[str]:
        """What members bring to the tests of a root that does nothing but gather all of them; else nothing."""
        known, declared = self.known, self.declared
        others = {member.name for member in known.local.values() if member in self.scope.workspace.members} - self.own
        is_in_images = self.member in self.scope.workspace.services or self.member.name in known.graph.needed
        has_code = any(
            read.facts.imports or read.facts.names.public for read in self.files if read.file.role is Role.CODE
        )
        if self.member is not known.root or is_in_images or has_code or not others <= declared.development_closure:
            return frozenset()
        return declared.brought_by(others)

    @cached_property
    def names_in_the_workspace(self) -> frozenset[str]:
        """The names of all Python files and of the folders around them, wherever in the workspace they lie."""
        root = self.scope.workspace.root
        paths = [path.relative_to(root).with_suffix("") for path in python_files(root)]
        return frozenset(part for path in paths for part in path.parts)

    @cached_property
    def _beside_the_root(self) -> frozenset[str]:
        """The members that are installed beside the code of a root in no image: `uv sync --all-packages` is for them."""
        workspace = self.scope.workspace
        if not self.is_workbench or self.known.project is not workspace.project:
            return frozenset()
        return frozenset(member.name for member in workspace.members)

    @cached_property
    def _hosts(self) -> Mapping[str, frozenset[str]]:
        """Modules that an entry point of the member names -> the packages that load them."""
        found: dict[str, frozenset[str]] = {}
        for group, entries in self.member.pyproject.metadata.entry_points.items():
            host = _host(group)
            if host not in self.known.project.lock.names:
                continue
            for value in entries.values():
                module = value.partition(":")[0].strip()
                found[module] = found.get(module, frozenset()) | {host}
        return found

    @cached_property
    def hosts_elsewhere(self) -> frozenset[str]:
        """The names of hosts that the lock lacks: modules of theirs may be imported, and they bring no package along."""
        return frozenset(host.replace("-", "_") for host in self._hosts_not_locked)

    @cached_property
    def has_host_elsewhere(self) -> bool:
        """Whether the lock has nothing that is called as one of these hosts, or begins with its name and a hyphen."""
        names = self.known.project.lock.names
        return any(not any(name.startswith(f"{host}-") for name in names) for host in self._hosts_not_locked)

    @cached_property
    def _hosts_not_locked(self) -> frozenset[str]:
        hosts = frozenset(_host(group) for group in self.member.pyproject.metadata.entry_points)
        return hosts - self.known.project.lock.names

    @cached_property
    def enters_images(self) -> bool:
        """Whether an image of some service holds the member: what runs there is known, and no host of plugins is among it."""
        closures, _ = self.scope.closures()
        return any(self.member in closure.local for closure in closures)

    @cached_property
    def test_modules(self) -> frozenset[str]:
        """The names of all modules and folders of the member's tests, wherever they lie."""
        found: set[str] = set()
        for top in test_folders(self.member):
            for _, folders, files in os.walk(top):
                found.update(folders)
                found.update(file.removesuffix(".py") for file in files if file.endswith(".py"))
        return frozenset(found)

    def owner(self, module: str, owners: frozenset[str]) -> str | None:
        """The package to name of several that have a module: one that has more of it than its name as a namespace."""
        return min(owners, key=lambda name: (self.known.modules.namespace_of(name, module), name), default=None)

    def add_command(self, name: str, *, development: bool) -> str:
        project = self.known.project
        group = " --dev" if development else ""
        if self.member not in self.scope.workspace.members:
            return f"`uv add --project {self.member.folder}{group} {name}`"
        return (
            f"`uv add --package {self.member.name}{group} {name}`"
            if self.member.folder != project.folder
            else f"`uv add{group} {name}`"
        )

    @cached_property
    def used_beside(self) -> frozenset[str]:
        """The packages that Python files beside the member's package import: an app, a script, a migration."""
        read = {read.file.path for read in self.files}
        root = self.scope.workspace.root
        beside = (path for path in files_beside(self.member) if path.relative_to(root).as_posix() not in read)
        facts = (self.stored.of(content) for path in beside if (content := _content(path)) is not None)
        answers = (self.answers(found) for one in facts for found in one.imports)
        return frozenset(owner for each in answers for provided in each.values() for owner in provided.owners)


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except OSError:
        return None  # a link to nothing, a pipe: it imports nothing


def _host(group: str) -> str:
    """The package that a group of entry points is for, by its name: `pytest11`, `sqlalchemy.dialects`, `flake8.extension`."""
    first = re.split(r"[._:]", group, maxsplit=1)[0].lower()
    return "pytest" if first == "pytest11" else first
