"""Which folders are build contexts of ours."""

from collections.abc import Iterable
from pathlib import Path

from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.cdk_docker.calls import Call

_DOCKERFILE = "Dockerfile"


def is_ours(folder: Path) -> bool:
    """Whether a folder is a build context that this package wrote, in whichever version."""
    return (folder / BUILDER_FOLDER).is_dir() and (folder / _DOCKERFILE).is_file()


def named_context(call: Call) -> Path | None:
    """The context of ours that a call in an unknown form names, if it names one."""
    return next((folder for folder in _folders(call.arguments) if is_ours(folder)), None)


def _folders(words: Iterable[str]) -> Iterable[Path]:
    for word in words:
        if not word.startswith("-") and "\0" not in word:
            yield Path(word)
