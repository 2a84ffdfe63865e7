"""A uv workspace read from its `pyproject.toml` files and locks: members, services, closures.

Nothing here runs uv, git or a Python of the workspace, or needs a network.
"""

import difflib
import posixpath
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from uv_workspace_function.code import handlers, layouts
from uv_workspace_function.context.files import PackageSources, package_sources
from uv_workspace_function.context.gitignore import Repository
from uv_workspace_function.errors import LockError, WorkspaceError, reading
from uv_workspace_function.pyproject import PYPROJECT, OurSettings, Pyproject
from uv_workspace_function.toml import read_toml
from uv_workspace_function.uv_settings import Source, UvSettings, WorkspaceGlobs
from uv_workspace_function.workspace import membership
from uv_workspace_function.workspace.configuration import configuration_file
from uv_workspace_function.workspace.lock import LOCK_NAME, Lock, LockedPackage, Selection, relative_folder

_NAME = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One local package: a workspace member, a standalone project or a path dependency."""

    name: str
    """Normalized (PEP 503)."""
    folder: PurePosixPath
    """Relative to the workspace's root."""
    root: Path
    """The workspace's root."""
    pyproject: Pyproject
    built: bool | None = None
    """Whether its lock has it as something to build; None where no lock has it."""

    @classmethod
    def load(cls, root: Path, folder: PurePosixPath) -> "Member":
        """Read a package's `pyproject.toml`.

        Raises:
            WorkspaceError: when it is unreadable, or has no valid `[project] name`.
        """
        path = root / folder / PYPROJECT
        pyproject = Pyproject.load(path)
        name = pyproject.metadata.name
        if name is None or not _NAME.fullmatch(name):
            raise WorkspaceError(
                f"{path} has no [project] name that is a valid package name, but {name!r}",
                "give it one, or list the folder in `exclude` of [tool.uv.workspace]",
            )
        return cls(name=canonicalize_name(name), folder=folder, root=root, pyproject=pyproject)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.root / self.folder

    @property
    def settings(self) -> OurSettings:
        """Its `[tool.uv-workspace-function]`."""
        return self.pyproject.ours

    @property
    def is_package(self) -> bool:
        """Whether it is built and installed; otherwise its files are copied.

        The lock decides: uv builds a project without `[build-system]` once another one depends on it.
        """
        return not self.pyproject.is_virtual if self.built is None else self.built

    @cached_property
    @reading()
    def layout(self) -> layouts.Layout:
        """Where its importable modules lie."""
        return layouts.layout_of(self.pyproject, self.path, virtual=not self.is_package)

    @cached_property
    @reading()
    def handler(self) -> str | None:
        """Its Lambda handler, `package.module.function`; None for a library."""
        declared = self.settings.handler
        return handlers.conventional_handler(self) if declared is None else declared

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Project:
    """What one `uv.lock` belongs to: the workspace, or a standalone project."""

    folder: PurePosixPath
    """Relative to the workspace's root."""
    pyproject: Pyproject
    uv_toml: UvSettings | None
    """Its `uv.toml`, or what uv takes in its stead: see `configuration_file`."""
    lock: Lock

    @classmethod
    def load(cls, root: Path, folder: PurePosixPath) -> "Project":
        """Read a project's settings and its lock.

        Raises:
            WorkspaceError: when one of the files is missing or malformed.
        """
        pyproject = Pyproject.load(root / folder / PYPROJECT)
        return cls(
            folder=folder,
            pyproject=pyproject,
            uv_toml=configuration_file(root, folder, pyproject),
            lock=Lock.load(root / folder / LOCK_NAME),
        )

    @property
    def uv_settings(self) -> UvSettings:
        """The settings that uv takes: where there is a `uv.toml`, those of `[tool.uv]` do not count.

        Except for those that only a `pyproject.toml` has (`sources`, `workspace`, `conflicts`) or that uv reads there only
        (`build-constraint-dependencies`): they are in `pyproject.uv`.
        """
        return self.pyproject.uv if self.uv_toml is None else self.uv_toml

    @property
    def all_uv_settings(self) -> tuple[UvSettings, ...]:
        """`[tool.uv]`, and `uv.toml` where there is one: for what a build may read of either, where too much does no harm."""
        return (self.pyproject.uv,) if self.uv_toml is None else (self.pyproject.uv, self.uv_toml)

    def extra_build_requirements(self, member: Member) -> Iterator[str]:
        """What `extra-build-dependencies` add to a member's build, in the project's settings and in its own."""
        for settings in (*self.all_uv_settings, member.pyproject.uv):
            yield from settings.extra_build_dependencies.get(member.name, ())

    @cached_property
    def local_folders(self) -> frozenset[PurePosixPath]:
        """Where the lock's local packages lie, relative to the workspace's root."""
        folders = (package.folder for package in self.lock.packages)
        return frozenset(PurePosixPath(posixpath.normpath(self.folder / folder)) for folder in folders if folder)


@dataclass(frozen=True, kw_only=True, eq=False)
class Closure:
    """A service and every package it needs at run time, transitively."""

    service: Member
    project: Project
    selection: Selection
    local: tuple[Member, ...]
    """The local packages by name, the service included."""
    builders: tuple[Member, ...] = ()
    """Local packages that no service imports, but that take part in building one of `local`."""
    builder_archives: tuple[PurePosixPath, ...] = ()
    """Wheels and source archives by path that take part in it, relative to the workspace's root."""

    @property
    def sources(self) -> tuple[Member, ...]:
        """Every local package that the build reads, by name."""
        return tuple(sorted((*self.local, *self.builders), key=lambda member: member.name))

    @property
    def libraries(self) -> tuple[Member, ...]:
        """The local packages but the service."""
        return tuple(member for member in self.local if member is not self.service)

    @property
    def third_party(self) -> tuple[LockedPackage, ...]:
        """The others: the superset over all machines."""
        return self.selection.third_party

    @property
    def extras(self) -> tuple[str, ...]:
        """The service's extras that are installed."""
        return self.selection.extras

    @reading()
    def handler(self, declared: str | None = None) -> str:
        """The handler for Lambda, found in the closure's sources.

        Args:
            declared: another one than the service's own, `package.module.function`.

        Raises:
            HandlerError: when there is none, or it could not be imported; the message says where it was looked for.
        """
        return handlers.check_handler(
            self.service,
            declared or self.service.handler,
            local=self.libraries,
            third_party={package.name for package in self.third_party},
        )

    def check_python(self, version: str) -> None:
        """Refuse a Python that a local package of the closure excludes, or that nothing was locked for.

        Args:
            version: `major.minor`; a package that admits any patch release of it admits it.

        Raises:
            WorkspaceError: naming the package and its `requires-python`, or the lock and its.
        """
        for member in self.local:
            declared = member.pyproject.metadata.requires_python
            if declared is not None and not _admits(declared, version, where=member.path / PYPROJECT):
                raise WorkspaceError(
                    f"{member.name} requires Python {declared}, which excludes the image's Python {version}",
                    "widen requires-python and run `uv lock`, or choose another python_version",
                )
        lock = self.project.lock
        if not _admits(lock.requires_python, version, where=lock.path):
            raise WorkspaceError(
                f"{lock.path} is for Python {lock.requires_python} alone, so it lacks what {self.service.name} needs on the image's "
                f"Python {version}: uv locks for the Pythons that every member admits",
                "widen requires-python of the member "
                "that excludes it and run `uv lock`, make that member a standalone project, or choose another python_version",
            )


def _admits(declared: str, version: str, *, where: Path) -> bool:
    """Whether any patch release of a Python is in a `requires-python`."""
    try:
        admitted = SpecifierSet(declared)
    except InvalidSpecifier as error:
        raise WorkspaceError(f"{where}: {error}") from error
    return any(f"{version}.{patch}" in admitted for patch in range(100))


@dataclass(frozen=True, kw_only=True, eq=False)
class Workspace:
    """A uv workspace and the standalone projects beside it."""

    root: Path
    project: Project
    members: tuple[Member, ...]
    """The workspace's members as uv sees them, by name."""
    standalone: tuple[Member, ...]
    """The standalone projects, by name."""

    @classmethod
    @reading()
    def load(cls, root: Path | str) -> "Workspace":
        """Read a workspace.

        Args:
            root: the folder with the root `pyproject.toml` and `uv.lock`.

        Raises:
            WorkspaceError: when it is no workspace, a file is malformed, or the lock is of other members.
        """
        root = Path(root).resolve()
        path = root / PYPROJECT
        if not membership.is_file(path):
            raise WorkspaceError(f"there is no {path.name} in {root}", "give the folder of a uv workspace's root")
        globs = Pyproject.load(path).uv.workspace
        if globs is None:
            raise WorkspaceError(
                f"{path} has no [tool.uv.workspace]",
                'give the workspace\'s root, or make this one: [tool.uv.workspace] members = ["services/*"]',
            )
        for key, patterns in (("members", globs.members), ("exclude", globs.exclude)):
            for pattern in filter(membership.is_malformed, patterns):
                raise WorkspaceError(
                    f"{path}: {pattern!r} in `{key}` of [tool.uv.workspace] is no glob that uv takes: close its bracket, and "
                    "have `**` be a whole folder of the path"
                )
        project = Project.load(root, PurePosixPath())
        members = _members(root, project, globs)
        _check_members(project.lock, members)
        beside = (*globs.exclude, *project.pyproject.ours.standalone)
        return cls(root=root, project=project, members=members, standalone=_standalone(root, beside, members=members))

    @cached_property
    def services(self) -> tuple[Member, ...]:
        """Members and standalone projects with a Lambda handler, by name."""
        found = [member for member in (*self.members, *self.standalone) if member.handler is not None]
        return tuple(sorted(found, key=lambda member: member.name))

    def member(self, name: str) -> Member:
        """A member or standalone project.

        Args:
            name: its package name, in any spelling.

        Raises:
            WorkspaceError: when there is none; the message names the nearest and the known ones.
        """
        if not _NAME.fullmatch(name):
            raise WorkspaceError(
                f"{name!r} cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, "
                "and the first and last must be a letter or digit"
            )
        wanted = canonicalize_name(name)
        known = self._known
        if wanted in known:
            return known[wanted]
        for member in known.values():
            if canonicalize_name(member.folder.name) == wanted:
                raise WorkspaceError(f"no workspace member is named {name!r}", f"{member.folder} is {member.name!r}")
        near = difflib.get_close_matches(wanted, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        services = ", ".join(member.name for member in self.services) or "none: no member has a handler"
        raise WorkspaceError(f"no workspace member is named {name!r}", f"{hint}services are: {services}")

    def service(self, name: str) -> Member:
        """A member or standalone project that has a handler.

        Args:
            name: its package name, in any spelling.

        Raises:
            WorkspaceError: when there is none, or it is a library.
        """
        member = self.member(name)
        if member.handler is None:
            handlers.refuse_library(member)
        return member

    @reading()
    def closure(self, name: str, extras: Iterable[str] = ()) -> Closure:
        """What a member needs at run time.

        Args:
            name: the member's package name, in any spelling; a library has a closure too.
            extras: its extras to install.

        Raises:
            WorkspaceError: when there is no such member or extra, or its lock is not whole.
        """
        service = self.member(name)
        project = self.project_of(service)
        selection = project.lock.select(service.name, extras)
        local = self._local_members(project, selection)
        service = next(member for member in local if member.folder == service.folder)
        builders, archives = self._builders(project, local, selection)
        return Closure(
            service=service,
            project=project,
            selection=selection,
            local=local,
            builders=builders,
            builder_archives=archives,
        )

    def project_of(self, member: Member) -> Project:
        """The project whose lock a member is locked in."""
        if member.folder not in self._standalone_folders:
            return self.project
        if member.folder not in self._projects:
            self._projects[member.folder] = Project.load(self.root, member.folder)
        return self._projects[member.folder]

    @reading()
    def sources(self, member: Member) -> PackageSources:
        """The files that a local package's build needs, read once."""
        if member not in self._sources:
            self._sources[member] = package_sources(
                self.repository,
                member.folder,
                member.pyproject,
                other_folders=self._folders_below(member),
                layout=member.layout,
                virtual=not member.is_package,
            )
        return self._sources[member]

    @cached_property
    def repository(self) -> Repository:
        """The files below the root, with their ignore rules."""
        return Repository.at(self.root)

    @cached_property
    def _projects(self) -> dict[PurePosixPath, Project]:
        return {}

    @cached_property
    def _standalone_folders(self) -> frozenset[PurePosixPath]:
        return frozenset(member.folder for member in self.standalone)

    @cached_property
    def _sources(self) -> dict[Member, PackageSources]:
        return {}

    @cached_property
    def _known(self) -> Mapping[str, Member]:
        """Members and standalone projects by name."""
        return {member.name: member for member in (*self.standalone, *self.members)}

    @cached_property
    def _local_folders(self) -> tuple[str, ...]:
        """Where every local package lies that the workspace's lock knows, whatever closures were asked for before; sorted."""
        folders = self.project.local_folders | {member.folder for member in (*self.members, *self.standalone)}
        return tuple(sorted(map(str, folders)))

    def _folders_below(self, member: Member) -> set[PurePosixPath]:
        """The folders of local packages that lie in a member's own."""
        own = self.project_of(member)
        below = set() if own is self.project else {f for f in own.local_folders if member.folder in f.parents}
        if not member.folder.parts:
            return below | {PurePosixPath(folder) for folder in self._local_folders if folder != "."}
        # What begins with a folder's name and a slash stands together; `0` is the character after the slash.
        first = bisect_left(self._local_folders, f"{member.folder}/")
        last = bisect_left(self._local_folders, f"{member.folder}0")
        return below | {PurePosixPath(folder) for folder in self._local_folders[first:last]}

    @cached_property
    def _path_dependencies(self) -> dict[PurePosixPath, Member]:
        return {}

    @cached_property
    def _as_locked(self) -> dict[tuple[Member, bool], Member]:
        """Local packages that a lock builds, or copies, otherwise than what their members were read with."""
        return {}

    @cached_property
    def _by_folder(self) -> Mapping[PurePosixPath, Member]:
        return {member.folder: member for member in (*self.members, *self.standalone)}

    def _local_members(self, project: Project, selection: Selection) -> tuple[Member, ...]:
        """The local packages of a selection, each found in its folder."""
        return tuple(
            self._local(
                relative_folder(project.folder, str(p.folder), lock=project.lock.path, name=p.name),
                p.name,
                built="virtual" not in p.source,
            )
            for p in selection.local
        )

    def _builders(
        self, project: Project, local: tuple[Member, ...], selection: Selection
    ) -> tuple[tuple[Member, ...], tuple[PurePosixPath, ...]]:
        """Local packages that others' builds require, with what those need in turn; and such archives."""
        found: dict[str, Member] = {}
        archives: set[PurePosixPath] = set()
        known = {member.name for member in local}
        asked: set[_LocalRequirement] = set()
        queue = [*_local_build_requirements(project, local, names={package.name for package in selection.packages})]
        while queue:
            needed = queue.pop()
            if needed in asked:
                continue
            asked.add(needed)
            if (locked := project.lock.local(needed.name)) is not None:
                builders = self._local_members(project, project.lock.select(locked.name, locked.extras & needed.extras))
            else:
                paths = {self._build_path(needed, location) for location in needed.locations}
                archives |= {path for path in paths if (self.root / path).is_file()}
                builders = tuple(self._local(path, needed.name, built=None) for path in sorted(paths - archives))
                queue += (entry for builder in builders for entry in _runtime_requirements(builder, needed.extras))
            new = [member for member in builders if member.name not in known]
            known.update(member.name for member in new)
            found |= {member.name: member for member in new}
            queue += _local_build_requirements(project, new, names={member.name for member in new})
        return tuple(found[name] for name in sorted(found)), tuple(sorted(archives))

    def _build_path(self, needed: "_LocalRequirement", location: PurePosixPath) -> PurePosixPath:
        """Where a build requirement lies that no lock holds, relative to the root.

        Raises:
            WorkspaceError: when a context cannot hold it, or there is nothing.
        """
        what = f"{needed.user} is built with {needed.name}, which tool.uv.sources takes from {location}"
        if location.is_absolute() or location.parts[:1] == ("..",):
            raise WorkspaceError(
                f"{what}: that is no path below the workspace's root, where alone a build context reaches",
                "move it below the root and name it by a relative path, or publish it to an index",
            )
        if not (self.root / location).exists():
            raise WorkspaceError(f"{what}, but there is nothing", "restore it, or correct the path")
        return location

    def _local(self, folder: PurePosixPath, name: str, *, built: bool | None) -> Member:
        """The local package in a folder: a member, or one that a path dependency leads to.

        Args:
            folder: relative to the workspace's root.
            name: the package's.
            built: whether the lock that led here builds it; None where what led here is a build's requirement, which uv
                builds unless its own table says that it is no package.
        """
        member = self._by_folder.get(folder) or self._path_dependencies.get(folder)
        if member is None:
            path = self.root / folder
            if membership.is_file(path / PYPROJECT):
                pyproject = Pyproject.load(path / PYPROJECT)
            elif (path / "setup.py").is_file() or (path / "setup.cfg").is_file():
                pyproject = Pyproject()
            else:
                raise LockError(
                    f"{name} should lie in {folder}, as the lock or tool.uv.sources says, but there is no {PYPROJECT}",
                    "restore it, or run `uv lock`",
                )
            # a path dependency may be older than [project]: what leads to it knows its name
            member = Member(name=name, folder=folder, root=self.root, pyproject=pyproject)
            self._path_dependencies[folder] = member
        if built is None:
            built = member.pyproject.uv.package is not False
        if built != member.is_package:
            member = self._as_locked.setdefault((member, built), replace(member, built=built))
        return member


@dataclass(frozen=True, slots=True, kw_only=True)
class _LocalRequirement:
    """A requirement of a build that comes from the workspace or from a path."""

    name: str
    """Normalized."""
    extras: frozenset[str]
    """Normalized."""
    user: str
    """Who requires it."""
    locations: tuple[PurePosixPath, ...]
    """Where its paths lead, relative to the workspace's root."""


_Sources = Mapping[str, tuple[tuple[Source, ...], PurePosixPath]]
"""`tool.uv.sources` by normalized name, each entry with the folder that its paths start from."""


def _local_build_requirements(
    project: Project, members: Iterable[Member], *, names: Collection[str]
) -> Iterator[_LocalRequirement]:
    """What `[build-system] requires` and `extra-build-dependencies` take from the workspace or from a path.

    Args:
        project: the project that the packages are locked in.
        members: local packages that are built.
        names: everything that is built, by normalized name.
    """
    inherited = _sources_of(project.pyproject, project.folder)
    for member in members:
        sources = {**inherited, **_sources_of(member.pyproject, member.folder)}
        yield from _from_local(member.pyproject.build_system.requires, sources, user=member.name)
        for name, requirements in member.pyproject.uv.extra_build_dependencies.items():
            if name in names:
                yield from _from_local(requirements, sources, user=member.name)
    for settings in project.all_uv_settings:
        for name, requirements in settings.extra_build_dependencies.items():
            if name in names:
                yield from _from_local(requirements, inherited, user=name)


def _runtime_requirements(builder: Member, extras: Collection[str]) -> Iterator[_LocalRequirement]:
    """What a build requirement that no lock holds takes from a path itself."""
    declared = builder.pyproject.metadata
    optional = declared.optional_dependencies
    requirements = [r for extra, listed in optional.items() if canonicalize_name(extra) in extras for r in listed]
    sources = _sources_of(builder.pyproject, builder.folder)
    yield from _from_local([*declared.dependencies, *requirements], sources, user=builder.name)


def _sources_of(pyproject: Pyproject, folder: PurePosixPath) -> _Sources:
    return {name: (entries, folder) for name, entries in pyproject.uv.sources.items()}


def _from_local(requirements: Iterable[str], sources: _Sources, *, user: str) -> Iterator[_LocalRequirement]:
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # uv, or the backend, says so
        name = canonicalize_name(requirement.name)
        chosen, base = sources.get(name, ((), PurePosixPath()))
        if any(one.workspace or one.path is not None for one in chosen):
            paths = (PurePosixPath(posixpath.normpath(base / one.path)) for one in chosen if one.path is not None)
            extras = frozenset(map(canonicalize_name, requirement.extras))
            yield _LocalRequirement(name=name, extras=extras, user=user, locations=tuple(paths))


def _members(root: Path, project: Project, globs: WorkspaceGlobs) -> tuple[Member, ...]:
    found = [
        Member.load(root, folder)
        for folder in membership.folders(root, globs.members, exclude=globs.exclude)
        if folder != PurePosixPath()
    ]
    if project.pyproject.has_project:
        found.append(Member.load(root, PurePosixPath()))
    managed = [_locked(m, project) for m in found if m.pyproject.uv.managed]
    return _by_name(root, managed, remedy="rename one, or list it in `exclude` of [tool.uv.workspace]")


def _locked(member: Member, project: Project) -> Member:
    """A member with what the workspace's lock says of it."""
    package = project.lock.local(member.name)
    return member if package is None else replace(member, built="virtual" not in package.source)


def _standalone(root: Path, patterns: Iterable[str], *, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """The projects with a lock of their own in the folders of some globs; a workspace that has no project is none."""
    taken = {member.folder for member in members}
    found = [
        Member.load(root, folder)
        for folder in membership.folders(root, patterns, lenient=True)
        if folder not in taken
        and membership.is_file(root / folder / LOCK_NAME)
        and read_toml(root / folder / PYPROJECT, lambda document: "project" in document)
    ]
    # Excluded examples and fixtures share names with others; only a service has to have one to be asked for by.
    names = Counter(member.name for member in (*members, *found))
    kept = [member for member in found if names[member.name] == 1 or member.handler is not None]
    _by_name(root, (*members, *kept), remedy="rename the one that is excluded from the workspace")
    return tuple(sorted(kept, key=lambda member: member.name))


def _by_name(root: Path, members: Iterable[Member], *, remedy: str) -> tuple[Member, ...]:
    known: dict[str, Member] = {}
    for member in members:
        if member.name in known:
            raise WorkspaceError(
                f"two members of {root} are named {member.name!r}: {known[member.name].folder} and {member.folder}",
                f"{remedy}",
            )
        known[member.name] = member
    return tuple(known[name] for name in sorted(known))


def _check_members(lock: Lock, members: tuple[Member, ...]) -> None:
    """Refuse a lock that was written for other members than there are."""
    there = {member.name for member in members}
    locked = set(lock.members) or {p.name for p in lock.packages if p.folder is not None and p.name in there}
    if missing := sorted(there - locked):
        raise LockError(f"{lock.path} lacks the workspace's member {', '.join(missing)}", "run `uv lock`")
    if surplus := sorted(locked - there):
        raise LockError(
            f"{lock.path} has a member that the workspace lacks: {', '.join(surplus)}",
            "run `uv lock`, or restore its folder",
        )
