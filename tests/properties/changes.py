"""Random edits of a generated workspace: such as cannot matter to the package looked at, and such as must."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from properties import spices
from properties.workspaces import Description, Need, Package

Edit = tuple[Description, Callable[[Path], None]]
"""What the workspace is afterwards, and what else is done to it on disk."""


def _one_of(kinds: Mapping[str, object], description: Description) -> str:
    """A kind chosen by what the workspace is: hypothesis repeats what it drew, and would try a few kinds most times."""
    return sorted(kinds)[zlib.crc32(repr((description.packages, description.settings)).encode()) % len(kinds)]


def _nothing(root: Path) -> None:
    pass


def _append(path: str, text: str) -> Callable[[Path], None]:
    def append(root: Path) -> None:
        with (root / path).open("a") as file:
            file.write(text)

    return append


@st.composite
def unrelated(draw: st.DrawFn, description: Description) -> tuple[str, Edit]:
    """An edit outside the closure, or of what no image has; its kind, and the edit."""
    needed = {package.name for package in description.needed()}
    outside = [package for package in description.packages if package.name not in needed]
    service = description.package(description.service)
    kinds: dict[str, Callable[[], Edit]] = {
        "a member added": lambda: (_with_member(description), _nothing),
        "a readme and tests": lambda: (description, _files(service.folder)),
        "linters' tables": lambda: (description, _append(f"{service.folder}/pyproject.toml", _LINTERS)),
        "comments": lambda: (description, _append(f"{service.folder}/pyproject.toml", "\n# a comment\n")),
        "a constraint for nobody here": lambda: (_constrained(description), _nothing),
        "the service's own group": lambda: (_with_group(draw, description, service), _nothing),
    }
    if outside:
        other = draw(st.sampled_from(outside))
        kinds |= {
            "another package's code": lambda: (description.but(replace(other, text=other.text + "x = 1\n")), _nothing),
            "another package's version": lambda: (description.but(replace(other, version="9.0")), _nothing),
            "another package's Python": lambda: (description.but(replace(other, requires_python=">=3.11.4")), _nothing),
            "another package's extra": lambda: (
                description.but(replace(other, optional={**other.optional, "extra": (_need(draw),)})),
                _nothing,
            ),
            "another package's requirement": lambda: (
                description.but(replace(other, needs=(*other.needs, _need(draw)))),
                _nothing,
            ),
            "another package's group": lambda: (_with_group(draw, description, other), _nothing),
        }
        if (removable := _removable(description, outside)) is not None:
            kinds["a member removed"] = lambda: (_without(description, removable), _nothing)
    kind = _one_of(kinds, description)
    return kind, kinds[kind]()


@st.composite
def related(draw: st.DrawFn, description: Description) -> tuple[str, Edit]:
    """An edit inside the closure; its kind, and the edit."""
    package = draw(st.sampled_from(description.needed()))
    source = "main.py" if package.folder == "." else f"src/{package.module}/__init__.py"
    code = f"{package.folder}/{source}"
    kinds: dict[str, Callable[[], Edit]] = {
        "code": lambda: (description.but(replace(package, text=package.text + "x = 1\n")), _nothing),
        "version": lambda: (description.but(replace(package, version="9.0")), _nothing),
        "requirement": lambda: (
            description.but(replace(package, needs=(*package.needs, _new_need(draw, package)))),
            _nothing,
        ),
        "Python": lambda: (description.but(replace(package, requires_python=">=3.11.5")), _nothing),
        "a new module": lambda: (
            description,
            _append(code.replace("__init__", "new").replace("main", "new"), "x = 1\n"),
        ),
        "a mode": lambda: (description, lambda root: (root / code).chmod(0o755)),
        "build settings": lambda: (
            description,
            _append(f"{package.folder}/pyproject.toml", "\n[tool.some-backend]\nx = 1\n"),
        ),
    }
    if package.folder != ".":
        data = f"{package.folder}/src/{package.module}/data.json"
        kinds["a data file"] = lambda: (description, _append(data, " "))
    kind = _one_of(kinds, description)
    return kind, kinds[kind]()


_LINTERS = "\n[tool.ruff]\nline-length = 99\n[tool.pytest.ini_options]\naddopts = []\n[tool.uv-workspace-function]\nhandler = 'x.y.z'\n"


def _need(draw: st.DrawFn) -> Need:
    return Need(draw(st.sampled_from(spices.NAMES)), (), draw(st.sampled_from(["", ">=1"])))


def _new_need(draw: st.DrawFn, package: Package) -> Need:
    asked = {need.name for need in package.needs}
    return Need(draw(st.sampled_from([name for name in spices.NAMES if name not in asked])))


def _with_group(draw: st.DrawFn, description: Description, package: Package) -> Description:
    return description.but(replace(package, groups={**package.groups, "another": (_need(draw),)}))


def _constrained(description: Description) -> Description:
    constraints = [*description.settings.get("constraint-dependencies", ()), "somebody-elses<3"]
    return replace(description, settings={**description.settings, "constraint-dependencies": constraints})


def _with_member(description: Description) -> Description:
    folder = description.members[0].folder.rpartition("/")[0]
    new = Package("new-one", f"{folder}/new_one", needs=(Need(description.members[-1].name), Need("anise")))
    return replace(description, members=(*description.members, new))


def _removable(description: Description, outside: list[Package]) -> Package | None:
    """A member outside the closure that nothing speaks of."""
    spoken_of = {
        need.name
        for package in description.packages
        for needs in (package.needs, *package.optional.values(), *package.groups.values())
        for need in needs
    } | {entry["package"] for conflict in description.settings.get("conflicts", ()) for entry in conflict}
    free = [member for member in description.members if member in outside and member.name not in spoken_of]
    return free[0] if free and len(description.members) > 1 else None


def _without(description: Description, member: Package) -> Description:
    return replace(description, members=tuple(m for m in description.members if m.name != member.name))


def _files(folder: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / "README.md").write_text("# Read me\n")
        (root / folder / "tests").mkdir(exist_ok=True)
        (root / folder / "tests" / "test_more.py").write_text("def test(): ...\n")
        (root / folder / ".env").write_text("SECRET=1\n")

    return write
