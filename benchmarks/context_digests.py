"""The digest of every member's build context, as JSON: what has to stay as it is when only the code around it changes.

Of the files that come from the workspace: the Dockerfile and the builder program, which each context holds too, are left out.

uv run python benchmarks/context_digests.py [FOLDER ...] > before.json

Without folders, those of tests/workspaces. A folder counts with every workspace in it. Compare two runs with `diff`.
"""

import argparse
import hashlib
import json
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.dockerfile import DOCKERFILE
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace

OURS = Path(__file__).resolve().parents[1] / "tests/workspaces"


def workspaces(folder: Path) -> list[Path]:
    """The workspaces at or below a folder: every folder with a `uv.lock` and a `[tool.uv.workspace]`."""
    found = (path.with_name("pyproject.toml") for path in folder.rglob("uv.lock") if ".venv" not in path.parts)
    return sorted(f.parent for f in found if f.is_file() and "[tool.uv.workspace]" in f.read_text(encoding="utf-8"))


def put_locks_in_place(folder: Path) -> None:
    """Make a workspace of each lock in lock_revisions, which keeps many locks beside one set of packages."""
    for lock in folder.glob("lock_revisions/locks/*/uv.lock"):
        for name in ("pyproject.toml", "packages"):
            origin = folder / "lock_revisions" / name
            (shutil.copytree if origin.is_dir() else shutil.copy)(origin, lock.with_name(name))


def digests(root: Path) -> Iterator[tuple[str, str]]:
    """Each member or standalone project of a workspace with its context's digest, or with why there is none."""
    try:
        workspace = Workspace.load(root)
    except WorkspaceError as error:
        yield "", f"error: {error}"
        return
    for member in sorted((*workspace.members, *workspace.standalone), key=lambda one: str(one.folder)):
        try:
            yield str(member.folder), digest(BuildContext.of(workspace, member.name))
        except WorkspaceError as error:
            yield str(member.folder), f"error: {error}"


def digest(context: BuildContext) -> str:
    """SHA-256, in hex, over the path, executable bit and content of each file that is the workspace's."""
    ours = (DOCKERFILE, f"{BUILDER_FOLDER}/")
    with tempfile.TemporaryDirectory() as temporary:
        context.write(Path(temporary))
        whole = hashlib.sha256()
        for path in sorted(path for path in context.files if not path.startswith(ours)):
            file = Path(temporary) / path
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            whole.update(f"{path} {bool(file.stat().st_mode & stat.S_IXUSR)} {content}\n".encode())
        return whole.hexdigest()


def main() -> None:
    """Print the digests of all members of all workspaces in the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[OURS], help="default: tests/workspaces")
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for folder in parser.parse_args().folders:
            # what is ignored around a folder is no part of it: a copy lies in no repository, unless the folder is one
            copy = Path(temporary) / folder.resolve().name
            shutil.copytree(folder, copy, symlinks=True)
            put_locks_in_place(copy)
            for root in workspaces(copy):
                name = root.relative_to(temporary).as_posix()
                found[name] = {member: told.replace(temporary, "...") for member, told in digests(root)}
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
