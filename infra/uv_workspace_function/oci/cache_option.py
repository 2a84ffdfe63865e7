"""The value of `--cache-from` and `--cache-to`, as buildx has it: https://docs.docker.com/build/cache/backends/."""

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.image_reference import ImageReference

# What an engine decides otherwise, and what is so here: everything is kept, as an image that registries take.
_MEANT_ANYWAY = {"mode": {"min", "max"}, "image-manifest": {"true"}, "oci-mediatypes": {"true"}, "ignore-error": None}


def parsed(text: str, option: str) -> ImageReference:
    """The repository of a cache, and the beginning of its tags.

    Args:
        text: `type=registry,ref=REPOSITORY[:TAG]`, or the reference only.
        option: what it was given to.

    Raises:
        WorkspaceError: when it is a cache of another type, or what it asks for means nothing without an engine.
    """
    if "=" not in text:
        return ImageReference.parse(text)
    given = dict(part.partition("=")[::2] for part in text.split(","))
    kind, reference = given.pop("type", "registry"), given.pop("ref", "")
    if kind != "registry":
        raise WorkspaceError(
            f"{option} asks for a cache of type {kind!r}, which only an engine has",
            "give type=registry,ref=REPOSITORY, or keep the folder of --cache from one run to the next",
        )
    for name, value in given.items():
        if name not in _MEANT_ANYWAY or value not in (_MEANT_ANYWAY[name] or {value}):
            raise WorkspaceError(
                f"{option} asks for {name}={value}, which means nothing without an engine", "leave it out"
            )
    if not reference:
        raise WorkspaceError(f"{option} names no repository: {text!r}", "give type=registry,ref=REPOSITORY")
    return ImageReference.parse(reference)
