"""Members whose files are run as programs: by their paths, or as modules, in a workflow or in configuration of the workspace."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.gate.imports.files import TEST_FILE, TEST_FOLDERS
from uv_workspace_function.gate.imports.mentions import texts_in
from uv_workspace_function.workspace.workspace import Workspace

_STARTED = re.compile(r"(?<![\w-])(?:python[\d.]*|uv[ ]run)(?=(?P<rest>(?:[ ]+[^\s;&|]+){1,60}))")
_WITH_A_VALUE = frozenset(
    {
        *("-W", "-X", "-p", "--python", "--with", "--with-editable", "--with-requirements", "--package", "--extra", "--group"),
        *("--only-group", "--no-group", "--project", "--directory", "--env-file", "--index", "--default-index", "--python-platform"),
    }
)  # fmt: skip
_OF_SERVERS = (".github/workflows", ".circleci")
_OF_ONE_SERVER = (".gitlab-ci.yml", ".gitlab-ci.yaml", ".travis.yml")


def run_by_path(workspace: Workspace) -> Iterator[str]:
    """The names of the members of which something is run."""
    by_folder = {member.folder: member for member in workspace.members}
    by_module = {module.name: member for member in workspace.members for module in member.layout.modules}
    for folder, text in _texts(workspace):
        for is_module, program in filter(None, map(_run, _STARTED.finditer(text))):
            if is_module:
                tops = [program, *(program.rsplit(".", count)[0] for count in range(1, program.count(".") + 1))]
                yield from (by_module[top].name for top in tops if top in by_module)
                continue
            file = (folder / program).resolve()
            if not file.is_file() or not file.is_relative_to(workspace.root):
                continue
            path = PurePosixPath(file.relative_to(workspace.root))
            if TEST_FILE.fullmatch(path.name) or not TEST_FOLDERS.isdisjoint(path.parts):
                continue
            if owner := next((by_folder[parent] for parent in path.parents if parent in by_folder), None):
                yield owner.name


def _run(started: re.Match[str]) -> tuple[bool, str] | None:
    """What a shell would run: whether by a module's name, and that or its file; None for any other program, as a linter with its files.

    `uv run --frozen tools/report.py`, `python -m report`.
    """
    words = (word.strip("\"'") for word in started["rest"].split())
    for word in words:
        if word == "-m":
            return (True, next(words, ""))
        if word in _WITH_A_VALUE:
            next(words, None)
        elif not word.startswith("-") and not re.fullmatch(r"python[\d.]*", word):
            return (False, word) if word.endswith(".py") else None
    return None


def _texts(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """What may start programs, each with the folder that its paths begin in."""
    top = Path(WorkspaceFiles.of(workspace).repository.top)
    for begin in {top, workspace.root}:
        files = [path for folder in _OF_SERVERS for path in sorted((begin / folder).glob("*.y*ml"))]
        for path in (*files, *(begin / name for name in _OF_ONE_SERVER)):
            if path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                yield from ((where, text) for where in {top, workspace.root, *_folders_in(text, top)})
        yield from ((begin, text) for text in texts_in(begin))
    for member in workspace.members:
        yield from ((member.path, text) for text in texts_in(member.path))


def _folders_in(text: str, top: Path) -> Iterator[Path]:
    """The folders that steps of a workflow are run in."""
    for found in re.finditer(r"working-directory:\s*[\"']?([\w./-]+)", text):
        yield top / found[1]
