"""Made-up uv workspaces: random graphs of members with every feature a lock can have, to be written and locked by uv."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st
from properties import spices

_WINDOWS = "sys_platform == 'win32'"
MARKERS = (
    "python_version >= '3.12'",
    "python_version < '3.12'",
    "sys_platform == 'linux'",
    _WINDOWS,
    "platform_machine == 'aarch64' and python_version >= '3.11'",
    "platform_system != 'Windows' or os_name == 'nt'",
)
PYTHONS = (">=3.11", ">=3.11", ">=3.11,<4", ">=3.11.2")

# How many times out of six a feature is wanted; some then find no place, and the rarest still has to be common.
FEATURES = {
    "a constraint or override": 2,
    "a cycle of members": 2,
    "a default group": 5,
    "a dynamic version": 2,
    "a group": 3,
    "a limit to environments": 2,
    "a marker on an edge": 3,
    "a package of two versions by marker": 2,
    "a path dependency": 2,
    "a root with a project": 2,
    "a standalone project": 3,
    "a uv.toml": 3,
    "a virtual member": 2,
    "an extra of a member asked for by another": 4,
    "an extra of a third-party package": 3,
    "an extra of the service installed": 5,
    "conflicting extras": 2,
    "conflicting groups": 2,
    "conflicting members": 3,
    "members of several Pythons": 2,
}


@dataclass(frozen=True)
class Need:
    """One requirement."""

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""

    def __str__(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}" + (f" ; {self.marker}" if self.marker else "")


@dataclass(frozen=True)
class Package:
    """A local package: a workspace member, a path dependency or a standalone project."""

    name: str
    folder: str
    kind: str = "built"  # or "virtual", or "dynamic": built, its version known to its backend alone
    needs: tuple[Need, ...] = ()
    optional: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    default_groups: tuple[str, ...] = ()
    requires_python: str = ">=3.11"
    paths: Mapping[str, str] = field(default_factory=dict)
    """Path dependencies by name: the folder relative to the root."""
    version: str = "1.0"
    text: str = ""
    """What its code says beside its name."""

    @property
    def module(self) -> str:
        return self.name.lower().replace("-", "_").replace(".", "_")

    def definition(self, local: Mapping[str, "Package"], *, outside: bool = False) -> dict[str, Any]:
        """Its `pyproject.toml`. `local` has every member; a standalone project knows members by path alone."""
        asked = [need.name for needs in (self.needs, *self.optional.values(), *self.groups.values()) for need in needs]
        up = os.path.relpath(".", self.folder)
        sources: dict[str, Any] = {
            name: {"path": os.path.normpath(f"{up}/{self.paths[name]}"), "editable": True} if name in self.paths
            else {"path": os.path.normpath(f"{up}/{local[name].folder}"), "editable": local[name].kind != "virtual"}
            if outside
            else {"workspace": True}
            for name in asked
            if name in local or name in self.paths
        }  # fmt: skip
        uv: dict[str, Any] = {"sources": sources} if sources else {}
        if self.kind == "virtual":
            uv["package"] = False
        if self.default_groups:
            uv["default-groups"] = list(self.default_groups)
        project: dict[str, Any] = {"name": self.name, "requires-python": self.requires_python}
        project |= {"dynamic": ["version"]} if self.kind == "dynamic" else {"version": self.version}
        project["dependencies"] = [*map(str, self.needs)]
        if self.optional:
            project["optional-dependencies"] = {extra: [*map(str, needs)] for extra, needs in self.optional.items()}
        document: dict[str, Any] = {"project": project}
        if self.groups:
            document["dependency-groups"] = {group: [*map(str, needs)] for group, needs in self.groups.items()}
        if self.kind == "built":
            document["build-system"] = {"requires": ["uv_build"], "build-backend": "uv_build"}
        if self.kind == "dynamic":
            document["build-system"] = {"requires": [spices.BACKEND], "build-backend": "tiny_backend"}
        if uv:
            document["tool"] = {"uv": uv}
        return document


@dataclass(frozen=True)
class Description:
    """A whole workspace, and one of its packages that is looked at."""

    members: tuple[Package, ...]
    outsiders: tuple[Package, ...] = ()
    """Path dependencies, excluded from the workspace."""
    standalone: Package | None = None
    root: Package | None = None
    """The root's own project; a virtual root has none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_in_uv_toml: bool = False
    service: str = ""
    extras: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()

    @property
    def packages(self) -> tuple[Package, ...]:
        """Every local package."""
        return (
            *self.members,
            *self.outsiders,
            *((self.standalone,) if self.standalone else ()),
            *((self.root,) if self.root else ()),
        )

    def package(self, name: str) -> Package:
        """The package of that name."""
        return next(package for package in self.packages if package.name == name)

    def needed(self) -> list[Package]:
        """The local packages that the one looked at needs, itself included, on any machine that is locked for."""
        names = {package.name: package for package in self.packages}
        found: list[Package] = []
        seen: set[tuple[str, str]] = set()
        queue = [(self.service, part) for part in ("", *self.extras)]
        while queue:
            name, part = queue.pop()
            if name not in names or (name, part) in seen:
                continue
            seen.add((name, part))
            if part == "":
                found.append(names[name])
            for need in names[name].optional[part] if part else names[name].needs:
                if need.marker == _WINDOWS and "environments" in self.settings and self.project == ".":
                    continue
                queue += [(need.name, extra) for extra in ("", *need.extras)]
        return found

    def but(self, package: Package) -> "Description":
        """The same with another package of the same name."""

        def put(packages: Sequence[Package]) -> tuple[Package, ...]:
            return tuple(package if old.name == package.name else old for old in packages)

        return replace(
            self,
            members=put(self.members),
            outsiders=put(self.outsiders),
            standalone=package if self.standalone and self.standalone.name == package.name else self.standalone,
            root=package if self.root and self.root.name == package.name else self.root,
        )

    @property
    def project(self) -> str:
        """The folder whose lock the service is in."""
        return self.standalone.folder if self.standalone and self.standalone.name == self.service else "."

    def write(self, root: Path) -> None:
        """Write everything but the locks."""
        wheels = root / "wheels"
        if not wheels.exists():
            wheels.mkdir(parents=True)
            for wheel in spices.shelf().iterdir():
                (wheels / wheel.name).hardlink_to(wheel)
        local = {member.name: member for member in self.members}
        for package in (*self.members, *self.outsiders):
            _write(root, package, package.definition(local))
        document = self.root.definition(local) if self.root else {}
        document.setdefault("tool", {}).setdefault("uv", {})["workspace"] = {
            "members": sorted({os.path.dirname(member.folder) + "/*" for member in self.members}),  # noqa: PTH120
            # a folder of members that is beside members is none itself
            "exclude": sorted(
                {p.folder for p in (*self.outsiders, self.standalone) if p}
                | {os.path.dirname(member.folder) for member in self.members}  # noqa: PTH120
            ),
        }
        settings = {"no-index": True, "find-links": ["wheels"], **self.settings}
        if self.settings_in_uv_toml:
            # these are a project's own: uv takes them from pyproject.toml alone
            own = {key: settings.pop(key) for key in ("conflicts", "environments") if key in settings}
            document["tool"]["uv"] |= own
            (root / "uv.toml").write_text(tomli_w.dumps(settings))
        else:
            document["tool"]["uv"] |= settings
        (root / "pyproject.toml").write_text(tomli_w.dumps(document))
        if self.root:
            (root / "main.py").write_text(f"NAME = {self.root.name!r}\n{self.root.text}")
        if self.standalone:
            alone = self.standalone.definition(local, outside=True)
            up = os.path.relpath(".", self.standalone.folder)
            alone.setdefault("tool", {}).setdefault("uv", {}).update({"no-index": True, "find-links": [f"{up}/wheels"]})
            _write(root, self.standalone, alone)


def _write(root: Path, package: Package, definition: Mapping[str, Any]) -> None:
    folder = root / package.folder
    module = folder / "src" / package.module
    module.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(tomli_w.dumps(definition))
    (module / "__init__.py").write_text(f"NAME = {package.name!r}\n__version__ = '{package.version}'\n{package.text}")
    (module / "data.json").write_text("{}")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test_it.py").touch()


_specifiers = st.sampled_from(["", "", ">=1", "<3", ">=1.0,<3"])


@st.composite
def workspaces(draw: st.DrawFn) -> Description:
    """A workspace with about a third of the features, of which `features` names those that came to be."""
    wanted = {feature for feature, times in FEATURES.items() if draw(st.integers(0, 5), label=feature) >= 6 - times}
    return _Draft(draw, wanted).description()


class _Draft:
    """A workspace under construction. Each method adds one thing, where it is wanted and there is a place for it."""

    def __init__(self, draw: st.DrawFn, wanted: set[str]) -> None:
        self.draw = draw
        self.wanted = wanted
        self.used: set[str] = set()
        self.settings: dict[str, Any] = {}
        self.outsiders: list[Package] = []
        self.folders = draw(
            st.sampled_from([("services/{}_app", "libs/{}"), ("apps/{}", "apps/{}"), ("x/{}", "x/y/{}_lib")])
        )
        # third-party packages that one feature each pins, so that the pins do not meet
        self.free = iter(draw(st.permutations(spices.NAMES[9:])))
        self.library_extras: dict[str, tuple[str, ...]] = {}
        self.libraries: list[Package] = []
        for number in reversed(range(draw(st.integers(0, 4)))):
            self.libraries.append(self.library(f"Lib.{number}"))
        self.services = [self.service(f"svc-{letter}") for letter in "abc"[: draw(st.integers(1, 3))]]

    def wants(self, feature: str, *, where: bool = True) -> bool:
        """Whether to add a feature; it counts as used then."""
        if feature in self.wanted and where:
            self.used.add(feature)
            return True
        return False

    def marker(self) -> str:
        if "a marker on an edge" in self.wanted and self.draw(st.booleans()):
            self.used.add("a marker on an edge")
            return self.draw(st.sampled_from(MARKERS))
        return ""

    def third_party(self, most: int = 2) -> tuple[Need, ...]:
        needs = []
        for name in self.draw(st.lists(st.sampled_from(spices.NAMES), max_size=most, unique=True)):
            extras: tuple[str, ...] = ()
            if "an extra of a third-party package" in self.wanted and self.draw(st.booleans()):
                self.used.add("an extra of a third-party package")
                extras = self.draw(st.sampled_from([("fast",), ("slow", "fast")]))
            needs.append(Need(name, extras, self.draw(_specifiers), self.marker()))
        return tuple(needs)

    def local(self) -> tuple[Need, ...]:
        """Requirements of the libraries made so far."""
        if not self.libraries:
            return ()
        needs = []
        for library in self.draw(st.lists(st.sampled_from(self.libraries), max_size=2, unique_by=lambda lib: lib.name)):
            offered = self.library_extras.get(library.name, ())
            extras: tuple[str, ...] = self.draw(st.sampled_from([(), offered]))
            if extras:
                self.used.add("an extra of a member asked for by another")
            needs.append(Need(library.name, extras, "", self.marker()))
        return tuple(needs)

    def library(self, name: str) -> Package:
        optional: dict[str, tuple[Need, ...]] = {}
        if "an extra of a member asked for by another" in self.wanted:
            more = (*self.third_party(), *self.local())
            optional = {"more": more, "much-more": (Need(name, ("more",)), *self.third_party())}
            self.library_extras[name] = self.draw(st.sampled_from([("more",), ("much-more",), ("more", "much-more")]))
        folder = self.folders[1].format(name.replace(".", "_"))
        return Package(name, folder, needs=(*self.third_party(), *self.local()), optional=optional)

    def service(self, name: str) -> Package:
        folder = self.folders[0].format(name.replace("-", "_"))
        text = "def handler(event, context): ...\n"
        return Package(name, folder, needs=(*self.third_party(), *self.local()), text=text)

    def description(self) -> Description:
        self.cycle()
        members = [*self.services, *self.libraries]
        self.path_dependency(members)
        self.conflicts(members)
        self.versions(members)
        for at in range(len(members)):
            self.groups(members, at)
            if self.wants("members of several Pythons", where=len(members) > 1):
                members[at] = replace(members[at], requires_python=self.draw(st.sampled_from(PYTHONS)))
        self.kinds(members)
        root, standalone = self.root(), self.standalone()
        candidates = [*members, *([standalone] * len(members) if standalone else []), *([root] if root else [])]
        if "an extra of the service installed" in self.wanted:
            candidates = [package for package in candidates if package.optional] or candidates
        looked_at = self.draw(st.sampled_from(candidates))
        extras: tuple[str, ...] = ()
        if self.wants("an extra of the service installed", where=bool(looked_at.optional)):
            extras = (self.draw(st.sampled_from(sorted(looked_at.optional))),)
        return Description(
            members=tuple(members),
            outsiders=tuple(self.outsiders),
            standalone=standalone,
            root=root,
            settings=self.settings,
            settings_in_uv_toml=self.wants("a uv.toml"),
            service=looked_at.name,
            extras=extras,
            features=frozenset(self.used),
        )

    def cycle(self) -> None:
        """uv allows members to need each other."""
        if self.wants("a cycle of members", where=bool(self.libraries)):
            last = self.libraries[0]
            self.libraries[0] = replace(last, needs=(*last.needs, Need(self.libraries[-1].name)))

    def path_dependency(self, members: list[Package]) -> None:
        if self.wants("a path dependency"):
            outsider = Package("outsider", "vendor/outsider", needs=self.third_party())
            self.outsiders.append(outsider)
            at, user = self.one_of(members)
            need = Need(outsider.name, (), "", self.marker())
            members[at] = replace(user, needs=(*user.needs, need), paths={outsider.name: outsider.folder})

    def conflicts(self, members: list[Package]) -> None:
        conflicts: list[list[dict[str, str]]] = []
        if self.wants("conflicting members", where=len(self.services) > 1):
            name = next(self.free)
            for at, pin in ((0, "<2"), (1, ">=2")):
                members[at] = replace(members[at], needs=(*members[at].needs, Need(name, (), pin)))
            conflicts.append([{"package": member.name} for member in members[:2]])
        if self.wants("conflicting extras"):
            at, service = self.one_of(members[: len(self.services)])
            extras = self.opposites("cpu", "gpu")
            members[at] = replace(service, optional={**service.optional, **extras})
            conflicts.append([{"package": service.name, "extra": extra} for extra in extras])
        if self.wants("conflicting groups"):
            at, member = self.one_of(members)
            groups = self.opposites("old", "new")
            members[at] = replace(member, groups={**member.groups, **groups})
            conflicts.append([{"package": member.name, "group": group} for group in groups])
        if conflicts:
            self.settings["conflicts"] = conflicts

    def opposites(self, one: str, other: str) -> dict[str, tuple[Need, ...]]:
        """Two lists of requirements that exclude each other."""
        name = next(self.free)
        return {one: (Need(name, (), "<2"), *self.third_party(1)), other: (Need(name, (), ">=2"), *self.local())}

    def versions(self, members: list[Package]) -> None:
        if self.wants("a package of two versions by marker"):
            at, member = self.one_of(members)
            name = next(self.free)
            old, new = self.draw(
                st.sampled_from([(MARKERS[1], MARKERS[0]), (MARKERS[3], "sys_platform != 'win32'"), MARKERS[:2]])
            )
            forked = (Need(name, (), "<2", old), Need(name, (), ">=2", new))
            members[at] = replace(member, needs=(*member.needs, *forked))
        if self.wants("a constraint or override"):
            constraint: bool = self.draw(st.booleans())
            key = "constraint-dependencies" if constraint else "override-dependencies"
            self.settings[key] = [f"{next(self.free)}{'<2' if constraint else '==1.0'}"]
        if self.wants("a limit to environments"):
            self.settings["environments"] = self.draw(
                st.sampled_from([["sys_platform == 'linux'"], ["sys_platform == 'linux'", "sys_platform == 'darwin'"]])
            )

    def groups(self, members: list[Package], at: int) -> None:
        member = members[at]
        if "a group" in self.wanted and self.draw(st.booleans()):
            self.used.add("a group")
            groups = {**member.groups, "dev": (*self.third_party(), *self.local())}
            members[at] = replace(member, groups=groups)
            if self.wants("a default group"):
                groups["docs"] = self.third_party()
                members[at] = replace(member, groups=groups, default_groups=("dev", "docs"))

    def kinds(self, members: list[Package]) -> None:
        for feature, kind in (("a virtual member", "virtual"), ("a dynamic version", "dynamic")):
            if self.wants(feature):
                at, member = self.one_of(members)
                members[at] = replace(member, kind=kind)

    def root(self) -> Package | None:
        if not self.wants("a root with a project"):
            return None
        groups = {"dev": self.third_party()} if self.wants("a group") else {}
        return Package("the-root", ".", "virtual", needs=(*self.third_party(), *self.local()), groups=groups)

    def standalone(self) -> Package | None:
        if not self.wants("a standalone project"):
            return None
        return Package("legacy", "alone/legacy", needs=(*self.third_party(), *self.local()))

    def one_of(self, members: Sequence[Package]) -> tuple[int, Package]:
        at = self.draw(st.integers(0, len(members) - 1))
        return at, members[at]
