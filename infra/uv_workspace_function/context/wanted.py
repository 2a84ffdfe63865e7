"""What of a package's folder is asked for, and what never enters a build context whoever asks for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from uv_workspace_function.code.layouts import Module
from uv_workspace_function.code.layouts.modules import WILDCARDS, exclusion, is_package
from uv_workspace_function.context.named_in_tables import Glob, anchored_glob, named_files
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.globs import ImpossibleGlobError
from uv_workspace_function.workspace.configuration import UV_TOML
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Member

TABLE = f"tool.{OUR_TABLE}"

# Names that never enter a context, wherever they lie: noise, and what deserves a reason.
_NOISE = frozenset(
    {
        *(
            ".git",
            ".hg",
            ".svn",
            ".jj",
            ".bzr",
            "__pycache__",
            "__pypackages__",
            ".cache",
            ".mypy_cache",
            ".ruff_cache",
        ),
        *(".pytest_cache", ".hypothesis", ".import_linter_cache", ".ipynb_checkpoints", ".pytype", ".pyre", ".eggs"),
        *(".tox", ".nox", ".hatch", ".pixi", ".pdm-build", ".aws-sam", ".terraform"),
    }
)


class Cause(StrEnum):
    """Why a file or folder was left out, in words."""

    SECRETS = "can hold secrets"
    PRIVATE_KEY = "holds a private key"
    NODE_MODULES = "installed by npm, not a source"
    CDK_OUT = "written by cdk synth"
    ENVIRONMENT = "a virtual environment"
    OTHER_PROJECT = "a project with a lock of its own"
    EXCLUDED = f"excluded by [{TABLE}]"
    WRITTEN = "written by the build itself"
    IGNORED = "ignored by .gitignore"
    IN_IGNORED_FOLDER = "in a folder ignored by .gitignore"
    LINK_OUT = "reached through a link out of the repository"
    LINK_TO_NOTHING = "a link to nothing"
    LINK = "a link to what is left out"
    """What `Dropped.detail` says."""
    NO_FILE = "not a regular file"
    NEVER = "git's or a tool's own, and never a source"
    BYTECODE = "bytecode, which the build makes of sources"
    CACHE = "a cache, by its CACHEDIR.TAG"
    BESIDE = "a test, a document or a tool by its name"
    TAKEN = "the context has its own of that name"
    OBEYED = "it would keep files of the context from the image's build"


_NEVER = {"node_modules": Cause.NODE_MODULES, "cdk.out": Cause.CDK_OUT, ".venv": Cause.ENVIRONMENT}
# `.env`, `.env.production`, `.envrc`; not `.environment` or `.envoy.yaml`
_DOTENV = re.compile(r"\.env(?:rc)?(?:[._-].*)?", re.DOTALL)
_BYTECODE = re.compile(r".*\.py[co]|.*\$py\.class|__pycache__", re.DOTALL)
_NOISY_FILES = re.compile(
    _BYTECODE.pattern + r"|\.DS_Store|Thumbs\.db|\.coverage(?:\..*)?|\.git|\.#.*|.*~|\..*\.sw[po]", re.DOTALL
)

# Left out beside the importable packages, unless a build table or `include` names them.
BESIDE = re.compile(
    r"tests?|build|dist|htmlcov|\.github|\.gitlab|\.circleci|\.devcontainer|\.idea|\.vscode"
    r"|conftest\.py|test_.*\.py|.*_test\.py|tox\.ini|noxfile\.py|\.coveragerc|\.pre-commit-config\.yaml"
    r"|\.gitignore|\.gitattributes|\.dockerignore",
    re.DOTALL,
)

# Left out of the folder of a project that is copied: documents, tests and tools, which no module reads as its data.
_BESIDE_COPIES = re.compile(
    BESIDE.pattern + r"|\..*"
    r"|(?:readme|changelog|changes|history|contributing|code_of_conduct|security|authors|maintainers|licen[cs]e|copying"
    r"|notice)(?:-[^.]*)?(?:\.(?:md|rst|txt|adoc))?"
    r"|(?:gnu)?makefile|.*\.mk|justfile|taskfile\.ya?ml|(?:.*\.)?dockerfile|dockerfile\..*|(?:docker-)?compose.*\.ya?ml"
    r"|jenkinsfile|procfile|vagrantfile|setup\.py|setup\.cfg|manifest\.in|requirements.*\.(?:txt|in)|pipfile(?:\.lock)?"
    r"|poetry\.lock|pdm\.lock|(?:mypy|pytest)\.ini|ruff\.toml|pyrightconfig\.json|mkdocs\.ya?ml|coverage\.xml"
    r"|samconfig\.toml|cdk\.json|.*\.ipynb"
    r"|docs?|documentation|scripts|notebooks|benchmarks?|e2e|tests?[-_].*|.*[-_]tests?",
    re.DOTALL | re.IGNORECASE,
)

# In the package's own folder these are the context's, rewritten or left out, and never the package's.
DEFINITIONS = frozenset({PYPROJECT, LOCK_NAME, UV_TOML, ".python-version"})


def barred(name: str) -> Cause | None:
    """Why nothing of this name enters a context; None where it may."""
    # some file systems do not tell cases apart, and `.ENV` holds what `.env` does
    folded = name.casefold()
    if folded in _NOISE or name.endswith(".egg-info") or folded == ".git" or _NOISY_FILES.fullmatch(name):
        return Cause.BYTECODE if _BYTECODE.fullmatch(name) else Cause.NEVER
    return Cause.SECRETS if _DOTENV.fullmatch(folded) else _NEVER.get(folded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one package's tables ask for, by paths relative to its folder.

    `shipped`: the backend is known to put the modules into the wheel as they are. `copied`: there is no backend, and the builder
    copies what is there. `imported`: the backend may make the package's own folder an importable package. `passages`: folders on the
    way to something wanted. `kept`: files that `include` names one by one, by paths relative to the workspace's root, so that a
    private key among them is meant, as that of a test.
    """

    modules: Mapping[str, Module] = field(default_factory=dict)
    shipped: bool = False
    named: Mapping[str, bool] = field(default_factory=dict)
    globs: tuple[Glob, ...] = ()
    excluded: tuple[re.Pattern[str], ...] = ()
    written: frozenset[str] = frozenset()
    outside: Mapping[str, bool] = field(default_factory=dict)
    passages: frozenset[str] = frozenset()
    everything: bool = False
    kept: frozenset[str] = frozenset()
    copied: bool = False
    imported: bool = False

    def is_beside(self, path: str) -> bool:
        """Whether a file or folder that nothing names is a test or a tool by its name, and no source.

        That is told in the package's own folder alone, and where that is none itself: elsewhere, it can be a module of a
        package that nothing declares.
        """
        if self.imported:
            return False
        names = _BESIDE_COPIES if self.copied else BESIDE
        return "/" not in path and names.fullmatch(path) is not None

    def may_hold(self, path: str) -> bool:
        """Whether something wanted can lie below a folder that is not wanted itself."""
        return path in self.passages or any(glob.folders and glob.folders.match(path) for glob in self.globs)


def wanted_of(root: Path, member: Member) -> Wanted:
    """What the tables of a package ask for.

    Args:
        root: the workspace's root.
        member: the package.

    Raises:
        WorkspaceError: a glob of the package's own table is malformed, or a path leads out of the workspace.
    """
    folder, layout, copied = member.folder, member.layout, not member.is_package
    named = named_files(member.pyproject, root / folder, virtual=copied)
    include, exclude = member.settings.include, member.settings.exclude
    _refuse_outside(include, exclude, folder)
    asked = [pattern for pattern in include if os.path.normpath(pattern).startswith("../")]
    included, excluded = _compiled((pattern for pattern in include if pattern not in asked), exclude, folder)
    modules = {str(module.path): module for module in layout.modules if module.path.parts[:1] != ("..",)}
    inside = {path: wins for path, wins in named.paths.items() if not path.startswith("../")}
    elsewhere = {str(module.path): False for module in layout.modules if str(module.path) not in modules}
    elsewhere |= {path: wins for path, wins in named.paths.items() if path not in inside}
    elsewhere |= dict.fromkeys(asked, True)
    outside: dict[str, bool] = {}
    for path in sorted(elsewhere):
        target = os.path.normpath(folder / path)
        if target == ".." or target.startswith("../"):
            raise WorkspaceError(
                f"{folder}/pyproject.toml names {path!r}, which lies outside the workspace's root",
                "a build context can hold only what lies below it: move it there",
            )
        if path in asked and not (root / target).exists():
            raise WorkspaceError(
                f"{folder}/pyproject.toml: `include` of [{TABLE}] names {path!r}, which does not exist"
            )
        outside[target] = elsewhere[path]
    parents = (parent for path in (*modules, *inside) for parent in PurePosixPath(path).parents)
    return Wanted(
        modules=modules,
        shipped=layout.complete and not copied,
        named=inside,
        globs=(*named.globs, *included),
        excluded=excluded,
        written=named.written,
        outside=outside,
        passages=frozenset(map(str, parents)) - {"."},
        everything=not layout.complete and (not copied or _is_itself_imported(root / folder)),
        kept=frozenset(os.path.normpath(folder / path) for path in include if not WILDCARDS.search(path)),
        copied=copied,
        imported=not copied and is_package(root / folder),
    )


def _refuse_outside(include: Iterable[str], exclude: Iterable[str], folder: PurePosixPath) -> None:
    """Refuse globs of the package's own table that lead out of its folder."""
    for key, patterns in (("include", include), ("exclude", exclude)):
        for pattern in patterns:
            if ".." in pattern.split("/") and (key == "exclude" or WILDCARDS.search(pattern)):
                raise WorkspaceError(
                    f"{folder}/pyproject.toml: {pattern!r} in `{key}` of [{TABLE}] leads out of the package's folder",
                    "globs are relative to it and stay below it, and what lies elsewhere is included by its path",
                )


def _compiled(
    include: Iterable[str], exclude: Iterable[str], folder: PurePosixPath
) -> tuple[tuple[Glob, ...], tuple[re.Pattern[str], ...]]:
    """Globs with uv's meaning.

    https://docs.astral.sh/uv/concepts/build-backend/#include-and-exclude-syntax: what includes starts at the package's
    folder; what excludes holds at any depth unless it begins with a slash.
    """
    try:
        included = tuple(anchored_glob(pattern, wins=True) for pattern in include)
        excluded = tuple(exclusion(pattern, anchored=pattern.startswith("/")) for pattern in exclude)
    except ImpossibleGlobError as error:
        raise WorkspaceError(f"{folder}/pyproject.toml: malformed glob {error.pattern!r} in [{TABLE}]") from error
    return included, excluded


def _is_itself_imported(folder: Path) -> bool:
    """Whether modules lie in a copied project's own folder, so that the data beside them is theirs."""
    return any(
        path.suffix in (".py", ".so") and not _BESIDE_COPIES.fullmatch(path.name) for path in sorted(folder.iterdir())
    )
