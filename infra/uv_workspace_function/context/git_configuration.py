"""Working trees that are not what their commit holds, as git's configuration tells: one commit, several digests.

`git status` is clean there. git itself is not asked at synth: its configuration is read, and what it can have done is looked for in a
context's files. `gate/working_tree.py` asks git (UWF021). Neither enters the digest.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from uv_workspace_function.context.content import ContextFile

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
"""What stands for a large file until git-lfs has fetched it: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""
_LARGEST_POINTER = 1024  # bytes, by the same page
_LARGEST_TEXT = 1 << 18  # bytes
_PROGRAM = (b"#!", b"\x7fELF")


def deviations(top: Path, files: Mapping[str, ContextFile]) -> Iterator[str]:
    """Warnings for what git's configuration, or what it did not fetch, makes of a context.

    Args:
        top: the repository's folder.
        files: those of a build context.
    """
    for reason in _reasons(core_settings(top), files):
        yield f"another checkout of this commit can have a different digest: {reason}"


def _reasons(core: Mapping[str, str], files: Mapping[str, ContextFile]) -> Iterator[str]:
    pointers = [path for path, file in files.items() if is_pointer(file)]
    if pointers:
        yield f"git-lfs left only a pointer for {first_of(pointers)}; run `git lfs pull`"
    if core.get("autocrlf", "").lower() == "true":
        changed = [path for path, file in files.items() if b"\r\n" in _held(file)]
        if changed:
            yield f"git has written CRLF into {first_of(changed)} (core.autocrlf); set it to false and check the files out again"
    if _is_off(core.get("filemode")):
        odd = [path for path, file in files.items() if file.executable and not _held(file).startswith(_PROGRAM)]
        if odd:
            yield f"git does not see that {first_of(odd)} can be executed (core.fileMode); set it to true and look at `git status`"
    if _is_off(core.get("symlinks")):
        yield "git writes links as files (core.symlinks); set it to true and check the files out again"
    if core.get("sparsecheckout", "").lower() == "true":
        yield "git leaves files out (a sparse checkout); run `git sparse-checkout disable`, or see that a service has all of its own"


def core_settings(top: Path) -> Mapping[str, str]:
    """The settings of git's `[core]` that hold for a repository, by name in lower case.

    Args:
        top: its folder.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (a home that is unknown stays "~")
    settings: dict[str, str] = {}
    files = [Path("/etc/gitconfig"), home / ".config/git/config", home / ".gitconfig", *_of_repository(top)]
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        settings |= dict(_core(text.splitlines()))
    return settings


def _core(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line[1:].partition("]")[0].strip().lower()
        elif section == "core" and line and line[0] not in "#;":
            key, given, value = line.partition("=")
            yield key.strip().lower(), value.partition("#")[0].partition(";")[0].strip().strip('"') if given else "true"


def _of_repository(top: Path) -> Iterator[Path]:
    """Its configuration files; those of a linked worktree lie where its `.git` says."""
    folder = top / ".git"
    try:
        if folder.is_file():
            folder = top / folder.read_text(encoding="utf-8", errors="replace").partition("gitdir:")[2].strip()
        common = (folder / "commondir").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        common = "."
    yield folder / common / "config"
    yield folder / "config.worktree"


def is_pointer(file: ContextFile) -> bool:
    """Whether git-lfs has not fetched a file."""
    return file.size <= _LARGEST_POINTER and file.content.startswith(_LFS_POINTER)


def _is_off(value: str | None) -> bool:
    return value is not None and value.lower() in {"false", "no", "off", "0"}


def _held(file: ContextFile) -> bytes:
    """The bytes, but for those of a large file: none is read once more for a warning."""
    return file.content if file.size <= _LARGEST_TEXT else b""


def first_of(paths: Sequence[str]) -> str:
    """Some files, in a message: the first, and how many more there are."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
