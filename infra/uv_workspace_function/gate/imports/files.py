"""Which Python files a member has, and what each is: code that is installed, tests, or help for developers."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from uv_workspace_function.context.files import DEEPEST, MOST
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace


class Role(StrEnum):
    """What a file is for."""

    CODE = "code"
    """It is installed, or copied, into an image."""
    DEVELOPMENT = "development"
    """Tests, and scripts beside the code: dev groups serve them too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One Python file of a member."""

    path: str
    """Relative to the workspace's root."""
    module: str | None
    """Its dotted name, where it is importable when the member is installed."""
    role: Role
    is_test: bool = False
    """Whether its name says that it is a test, so that it must parse; data of tests need not."""

    def whole_name(self, relative: str) -> str | None:
        """The name that a relative import in the file is short for; None where it leads above the outermost package."""
        parts = (self.module or "").split(".")
        package = parts if PurePosixPath(self.path).stem == "__init__" else parts[:-1]
        name = relative.lstrip(".")
        above = len(relative) - len(name) - 1
        return ".".join([*package[: len(package) - above], *([name] if name else [])]) if above < len(package) else None


TEST_FOLDERS = frozenset({"tests", "test"})
TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|tests\.py|conftest\.py", re.DOTALL)
# Folders of a project that is not built, which help its developers and are no package of it.
_HELP = frozenset({"scripts", "tools", "benchmarks", "benchmark", "bin", "ci", "dev", "notebooks", "hack"})
_NOT_JUDGED = frozenset({"docs", "doc", "examples", "example", "samples", "sample", "demos", "demo", "templates"})
# Programs of other tools, run in environments that no lock of the workspace describes.
_TOOL_FILES = frozenset(
    {"setup.py", "noxfile.py", "hatch_build.py", "pdm_build.py", "fabfile.py", "dodo.py", "tasks.py"}
)
VENDORED = frozenset(
    {"_vendor", "_vendored", "vendor", "vendored", "_vendors", "third_party", "thirdparty", "extern", "_extern"}
)
_SKIPPED = frozenset({"__pycache__", "node_modules", "__pypackages__", "site-packages", "cdk.out"})


def source_files(workspace: Workspace, member: Member) -> Iterator[SourceFile]:
    """The Python files of a member, each once.

    Vendored copies of other packages, projects nested in the folder, and what `.gitignore` names are left out; docs and
    examples too, since nothing says what they may need.

    Args:
        workspace: the workspace.
        member: one of its local packages.

    Raises:
        WorkspaceError: when it has more folders than any package, through links say.
    """
    walk = _Walk(workspace=workspace, member=member)
    hooks = build_programs(member)
    for module in member.layout.modules:
        path = member.path / module.path
        if module.path in hooks:
            continue
        top = module.path.parts[0] if module.path.parts else ""
        if not member.is_package and len(module.path.parts) == 1:
            yield from walk.beside(path, module.name)
        elif path.is_dir():
            is_tests = not TEST_FOLDERS.isdisjoint((top, path.name))
            yield from walk.below(path, module.name, Role.DEVELOPMENT if is_tests else Role.CODE)
        else:
            yield from walk.file(path, module.name, Role.CODE)
    for folder in test_folders(member):
        yield from walk.below(folder, None, Role.DEVELOPMENT)
    for folder in _tops(member):
        for path in sorted(folder.glob("*.py")):
            if TEST_FILE.fullmatch(path.name):
                yield from walk.file(path, None, Role.DEVELOPMENT)


def test_folders(member: Member) -> list[Path]:
    """The folders of a member's tests that lie beside its packages, or at its top."""
    return [top / name for top in _tops(member) for name in sorted(TEST_FOLDERS) if (top / name).is_dir()]


def _tops(member: Member) -> list[Path]:
    """The member's folder, and those of its own around its packages: `src`."""
    around = (PurePosixPath(os.path.normpath(module.path)).parent for module in member.layout.modules)
    return [member.path, *(member.path / path for path in sorted({*around}) if path.parts and path.parts[0] != "..")]


def files_beside(member: Member) -> Iterator[Path]:
    """Every Python file in the member's folder, whatever it is for; environments and projects nested in it are left out."""
    return python_files(member.path, but=(PYPROJECT, "pyvenv.cfg"))


def python_files(top: Path, *, but: tuple[str, ...] = ("pyvenv.cfg",)) -> Iterator[Path]:
    """Every Python file below a folder; `but` are files that keep the folders out which have them."""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED | VENDORED
            and not name.startswith(".")
            and not any((Path(folder, name) / mark).is_file() for mark in but)
        )
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))


def build_programs(member: Member) -> frozenset[PurePosixPath]:
    """The programs that a build of the member runs: they import what the build's own environment has.

    Source: https://hatch.pypa.io/latest/plugins/build-hook/custom, https://backend.pdm-project.org/hooks.
    """
    if not member.is_package:
        return frozenset()
    found = {"setup.py", "hatch_build.py", "pdm_build.py"}
    build = member.pyproject.tool("hatch", "build")
    targets = build.get("targets", {})
    for table in (build, *(targets.values() if isinstance(targets, dict) else ())):
        hooks = table.get("hooks", {}) if isinstance(table, dict) else {}
        custom = hooks.get("custom", {}) if isinstance(hooks, dict) else {}
        found.add(str(custom.get("path", "hatch_build.py")) if isinstance(custom, dict) else "hatch_build.py")
    found.add(str(member.pyproject.tool("pdm", "build").get("custom-hook", "pdm_build.py")))
    found.add(str(member.pyproject.tool("poetry", "build").get("script", "build.py")))
    return frozenset(map(PurePosixPath, found))


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One pass over a member's folders."""

    workspace: Workspace
    member: Member
    seen: set[str] | None = None
    entered: int = 0

    def beside(self, path: Path, module: str) -> Iterator[SourceFile]:
        """What stands at the top of a project that is not built: its code, or help for its developers."""
        if path.name in _TOOL_FILES | VENDORED:
            return
        if path.is_file():
            yield from self.file(path, module, Role.DEVELOPMENT if TEST_FILE.fullmatch(path.name) else Role.CODE)
        elif (path / "__init__.py").is_file() or path.name not in _HELP | _NOT_JUDGED | TEST_FOLDERS:
            yield from self.below(path, module, Role.CODE)
        elif path.name in _HELP:
            yield from self.below(path, module, Role.DEVELOPMENT)

    def file(self, path: Path, module: str | None, role: Role, *, judged: bool = True) -> Iterator[SourceFile]:
        """One file, unless it was met before."""
        self.seen = set() if self.seen is None else self.seen
        shown = self._shown(path)
        if not judged or shown in self.seen:
            return
        self.seen.add(shown)
        is_test = bool(TEST_FILE.fullmatch(path.name))
        role = Role.DEVELOPMENT if is_test else role
        yield SourceFile(path=shown, module=module, role=role, is_test=is_test)

    def below(
        self, folder: Path, module: str | None, role: Role, above: frozenset[Path] = frozenset()
    ) -> Iterator[SourceFile]:
        """The files in a folder and below it, links inside the repository included; not what a link leads back to."""
        real_folder = Path(os.path.realpath(folder))
        self.entered += 1
        if len(above) > DEEPEST or self.entered > MOST:
            limit = f"more than {DEEPEST} levels deep" if len(above) > DEEPEST else f"more than {MOST:,} folders"
            raise WorkspaceError(
                f"{self._shown(folder)} is {limit} into the tree of {self.member.folder / PYPROJECT}",
                "look for links that fan out, or move it out of the member",
            )
        if real_folder in above or not real_folder.is_relative_to(WorkspaceFiles.of(self.workspace).repository.top):
            return
        above |= {real_folder}
        ignores = WorkspaceFiles.of(self.workspace).repository.ignores(str(real_folder))
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            return
        names = {entry.name for entry in entries}
        if folder != self.member.path and (PYPROJECT in names or "pyvenv.cfg" in names):
            return
        in_tests = role is Role.DEVELOPMENT and module is None
        # Data of tests is Python that nobody runs; what lies beside tests helps them.
        judged = not in_tests or "__init__.py" in names or any(TEST_FILE.fullmatch(name) for name in names)
        for entry in entries:
            path = Path(entry.path)
            is_folder = entry.is_dir()
            stem, suffix = path.stem, path.suffix
            if is_folder:
                is_of_sphinx = entry.name in ("docs", "doc") and (path / "conf.py").is_file()
                if is_of_sphinx and not (path / "__init__.py").is_file():
                    continue  # what a table for documents brings is imported there
                if entry.name in _SKIPPED | VENDORED or not (
                    entry.name.isidentifier() or _is_plain(entry.name, in_tests)
                ):
                    continue
            elif suffix not in (".py", ".pyi"):
                continue
            # for git a link is a file
            if ignores.ignored(
                f"{real_folder}/{entry.name}", entry.name, is_folder=is_folder and not entry.is_symlink()
            ):
                continue
            inner = None if module is None else (module if stem == "__init__" else f"{module}.{stem}")
            if not is_folder:
                if role is Role.CODE and module and self.member.layout.leaves_out(self._inside(path), module):
                    continue
                yield from self.file(path, inner, role, judged=judged)
            elif entry.name in TEST_FOLDERS:
                yield from self.below(path, None, Role.DEVELOPMENT, above)
            else:
                yield from self.below(path, inner, role, above)

    def _inside(self, path: Path) -> PurePosixPath:
        return PurePosixPath(os.path.relpath(path, self.member.path))

    def _shown(self, path: Path) -> str:
        return PurePosixPath(path.relative_to(self.workspace.root)).as_posix()


def _is_plain(name: str, in_tests: bool) -> bool:
    """A folder of tests need not be a package; a hidden one, or a template's, holds none."""
    return in_tests and not name.startswith(".") and "{" not in name
