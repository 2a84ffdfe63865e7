"""A new service: the files that make a member of the workspace with a handler, a test and a sample event."""

import errno
import keyword
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from uv_workspace_function.code.layouts import BACKENDS
from uv_workspace_function.definitions.pyproject import PYPROJECT, BuildSystem, Metadata, Pyproject, requirement_name
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace import membership
from uv_workspace_function.workspace.lock import LOCK_NAME, Lock
from uv_workspace_function.workspace.members import Member, normalized
from uv_workspace_function.workspace.workspace import globs_of

# The others find `src/<module>` without a setting; a backend that needs one is not copied from another service.
_PLAIN_BACKENDS = BACKENDS.keys() - {"flit.buildapi", "poetry.masonry.api"}  # not any more: names of old versions
_BUILD_SYSTEM = BuildSystem(requires=("uv_build>=0.13,<0.14",), build_backend="uv_build")
_REQUIRES_PYTHON = ">=3.11"
_TESTS_OF_SERVICES = PurePosixPath("tests/services")

_PYPROJECT = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = "{requires_python}"
dependencies = []

[dependency-groups]
dev = ["pytest"]

[build-system]
requires = [{requires}]
build-backend = "{backend}"
"""
_HANDLER = '''\
"""The handler of {name}."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an event with what it says."""
    return {{"service": "{name}", "detail": event["detail"]}}
'''
_EVENT = '{"detail": {"id": "1"}}\n'
_TEST = '''\
"""The handler of {name}, on its sample events."""

import json
from pathlib import Path
from typing import Any

from {module}.main import handler

EVENTS = Path(__file__).parents[{depth}] / "{events}"


def event(name: str) -> dict[str, Any]:
    """A sample event."""
    loaded: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return loaded


def test_it_answers_with_the_event_s_detail() -> None:
    """What was sent comes back, under the service's name."""
    assert handler(event("sample.json"), None) == {{"service": "{name}", "detail": {{"id": "1"}}}}
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """A service that is not there yet."""

    name: str
    """Normalized."""
    module: str
    folder: PurePosixPath
    """Relative to the workspace's root, as the paths of `files` are."""
    files: Mapping[PurePosixPath, str]
    commands: tuple[str, ...]
    """What is left to do before its test can be run, and running it."""

    def write(self, root: Path) -> None:
        """Write the files, all or none.

        Args:
            root: the workspace's root.

        Raises:
            WorkspaceError: when a file cannot be written; nothing is left then.
        """
        made: list[Path] = []
        try:
            for path, text in self.files.items():
                _make_folder((root / path).parent, made)
                made.append(root / path)
                with (root / path).open("x", encoding="utf-8") as stream:
                    stream.write(text)
        except BaseException as error:
            for begun in reversed(made):
                begun.rmdir() if begun.is_dir() else begun.unlink(missing_ok=True)
            if isinstance(error, OSError):
                reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
                raise WorkspaceError(f"{self.name} could not be written: {reason}; nothing was left behind") from error
            raise


def new_service(root: Path, name: str, *, folder: PurePosixPath | None = None) -> NewService:
    """Plan a new service; nothing is written.

    The lock need not be there, nor fresh: a service can be the first member of a workspace.

    Args:
        root: the workspace's root.
        name: the package name, in any spelling.
        folder: where it goes, relative to the root; by default beside the other services, or where the first glob of
            `[tool.uv.workspace] members` says.

    Raises:
        WorkspaceError: when the name is none or taken, or no member can be where it would go.
    """
    pyproject = Pyproject.load(root / PYPROJECT)
    workspace = globs_of(pyproject, root / PYPROJECT)
    globs, exclude = list(workspace.members), list(workspace.exclude)
    members = [Member.load(root, found) for found in membership.folders(root, globs, exclude=exclude)]
    standalone = [
        Member.load(root, found)
        for found in membership.folders(root, exclude, lenient=True)
        if (root / found / LOCK_NAME).is_file()
    ]
    if pyproject.has_project:
        members.append(Member.load(root, PurePosixPath()))
    name, module = _checked_name(root, name, [*members, *standalone])
    services = [member for member in members if member.folder.parts and member.is_service]
    folder = folder or _place(name, services or members, globs)
    _check_place(root, folder, globs, exclude)
    beside = (root / _TESTS_OF_SERVICES).is_dir() and pyproject.has_project
    test = (_TESTS_OF_SERVICES if beside else folder / "tests") / f"test_{module}.py"
    if os.path.lexists(root / test):
        raise WorkspaceError(f"{test} is there already", f"choose another name than {name!r}, or move that file")
    code, events = folder / "src" / module, folder / "events"
    files = {
        folder / PYPROJECT: _pyproject(name, pyproject.metadata, services or members),
        code / "__init__.py": "",
        code / "main.py": _HANDLER.format(name=name),
        events / "sample.json": _EVENT,
        test: _TEST.format(
            name=name,
            module=module,
            depth=len(test.parent.parts) if beside else 1,
            events=events if beside else events.name,
        ),
    }
    if any(any(member.path.glob("src/*/py.typed")) for member in services):
        files[code / "py.typed"] = ""
    if beside:
        # Tests of the root are run with what the root declares.
        group = _group_of(pyproject, {service.name for service in services})
        commands = (f"uv add --group {group} {name}", f"uv run pytest {test}")
    else:
        commands = ("uv lock", f"uv run --package {name} pytest {test}")
    return NewService(name=name, module=module, folder=folder, files=files, commands=commands)


def _group_of(pyproject: Pyproject, services: Collection[str]) -> str:
    """The root's dependency group that lists services; `dev` where none does."""
    for group, requirements in pyproject.dependency_groups.items():
        if not set(services).isdisjoint(map(requirement_name, requirements)):
            return group
    return "dev"


def _checked_name(root: Path, text: str, members: Sequence[Member]) -> tuple[str, str]:
    """A free package name and its module's."""
    name = normalized(text)
    module = name.replace("-", "_")
    if not module.isidentifier() or keyword.iskeyword(module):
        raise WorkspaceError(f"{text!r} gives the module {module!r}, which Python cannot import", "choose another name")
    if module in sys.stdlib_module_names:
        raise WorkspaceError(
            f"{text!r} gives the module {module!r}, which is in Python's standard library", "choose another name"
        )
    for member in members:
        if member.name == name:
            raise WorkspaceError(f"the name {name!r} is taken: it is the package in {member.folder}", "choose another")
        if module in {found.name.partition(".")[0] for found in member.layout.modules}:
            raise WorkspaceError(
                f"the module {module!r} is taken: it is in {member.name}, {member.folder}", "choose another name"
            )
    if (root / LOCK_NAME).is_file() and any(package.name == name for package in Lock.load(root / LOCK_NAME).packages):
        raise WorkspaceError(f"the name {name!r} is taken: uv.lock has a third-party package of it", "choose another")
    return name, module


def _place(name: str, models: Sequence[Member], globs: Sequence[str]) -> PurePosixPath:
    """Beside the other services, spelled as they are; else where the first glob says."""
    beside = Counter(member.folder.parent for member in models if member.folder.parts)
    for parent, _ in beside.most_common():
        if any(PurePosixPath(glob).parent == parent and "*" in glob for glob in globs):
            spelled = [member.folder.name for member in models if member.folder.parent == parent]
            underscores = sum("_" in folder for folder in spelled) > sum("-" in folder for folder in spelled)
            return parent / (name.replace("-", "_") if underscores else name)
    for glob in globs:
        if (place := PurePosixPath(glob)).name in {"*", "**"} and not set("*?[") & set(str(place.parent)):
            return place.parent / name
    return PurePosixPath(name)


def _check_place(root: Path, folder: PurePosixPath, globs: Sequence[str], exclude: Sequence[str]) -> None:
    if folder.is_absolute() or ".." in folder.parts or not folder.parts:
        raise WorkspaceError(f"{folder} is not a folder below {root}", "give one relative to the workspace's root")
    if os.path.lexists(root / folder):
        raise WorkspaceError(f"{folder} is there already", "choose another name, or another folder with --folder")
    # Asked of the rules themselves: an empty tree in which this package is the only one.
    with tempfile.TemporaryDirectory() as empty:
        alone = Path(empty) / folder
        alone.mkdir(parents=True)
        (alone / PYPROJECT).touch()
        found = list(membership.folders(Path(empty), globs, exclude=exclude))
    if folder not in found:
        shown = f"members = {globs}" + (f", exclude = {exclude}" if exclude else "")
        raise WorkspaceError(
            f"{folder} would be no member: [tool.uv.workspace] has {shown}",
            f"name a folder that fits with --folder, or add '{folder}' to members",
        )


def _pyproject(name: str, root_project: Metadata, models: Sequence[Member]) -> str:
    declared = [member.pyproject.metadata.requires_python for member in models]
    build_systems = [member.pyproject.build_system for member in models]
    build_system = next(filter(_is_plain, build_systems), _BUILD_SYSTEM)
    return _PYPROJECT.format(
        name=name,
        requires_python=next((text for text in (*declared, root_project.requires_python) if text), _REQUIRES_PYTHON),
        requires=", ".join(f'"{requirement}"' for requirement in build_system.requires),
        backend=build_system.build_backend,
    )


def _is_plain(build_system: BuildSystem) -> bool:
    """Whether a build system builds `src/<module>` as it is: only the backend, with nothing plugged in."""
    return (
        build_system.build_backend in _PLAIN_BACKENDS
        and len(build_system.requires) == 1
        and not build_system.backend_path
    )


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it that are missing, and note which."""
    if not folder.is_dir():
        _make_folder(folder.parent, made)
        folder.mkdir()
        made.append(folder)
