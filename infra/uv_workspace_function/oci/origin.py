"""What an image was made from, written beside it, so that who asks for the same finds it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from uv_workspace_function.oci import uv_program
from uv_workspace_function.oci.request import HONOURED, Request
from uv_workspace_function.oci.sources import LAYOUT
from uv_workspace_function.target.image_reference import ImageReference

ANNOTATION = "uv-workspace-function.origin"
"""The annotation of an image's entry in the index of its archive; no digest of the image knows it."""

_TOLD_APART = ("BASE_IMAGE", "UV_IMAGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What decides an image, but for what a mutable tag leads to."""

    service: str
    platform: str
    base_image: str
    uv: str
    """Its version."""
    arguments: Mapping[str, str]
    """Of the Dockerfile, with its defaults, by name."""
    context: str
    """The build context's digest."""

    @classmethod
    def of(cls, request: Request, *, base_image: str | None = None) -> Self:
        """That of a request.

        Args:
            request: what is asked for.
            base_image: the name of the base image, where that is none of the Dockerfile's argument.

        Raises:
            WorkspaceError: when an image of it has no valid name.
        """
        return cls(
            service=request.service,
            platform=request.platform,
            base_image=base_image or _named(request.base_image),
            uv=uv_program.version_of(request.uv_image),
            arguments={name: request.value(name) for name in sorted(HONOURED) if name not in _TOLD_APART},
            context=request.context.digest,
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """One that `as_text` wrote; None where the text is no such one."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def as_text(self) -> str:
        """Itself as an annotation has it."""
        return json.dumps(asdict(self), sort_keys=True)

    def differences(self, other: Self) -> list[str]:
        """What is another one there, each in words."""
        found = [
            f"{name} {theirs or 'none'} instead of {own or 'none'}"
            for name, own, theirs in (
                ("platform", self.platform, other.platform),
                ("base image", self.base_image, other.base_image),
                ("uv", self.uv, other.uv),
                *((name, self.arguments[name], other.arguments.get(name, "")) for name in self.arguments),
            )
            if own != theirs
        ]
        return found or (["another build context"] if self.context != other.context else [])


def _named(image: str) -> str:
    return image if image.startswith(LAYOUT) else str(ImageReference.parse(image))
