"""Zip or image: what a service would weigh as either, and which one to take, by a rule with its source."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from uv_workspace_function.insight.sizes import ServiceSize, shown_size
from uv_workspace_function.target.managed_runtime import ARCHIVE_LIMIT, IMAGES_START_FASTER, unpacked


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaging:
    """The choice for one service."""

    unpacked: int
    """Bytes of the task folder: the same in a zip and in an image."""
    is_estimate: bool
    """Whether only packed sizes were known."""
    take: Literal["image", "zip"]
    reason: str

    @classmethod
    def of(cls, size: ServiceSize) -> Self:
        """The choice by what a service takes."""
        is_estimate = size.source == "lock"
        whole = unpacked(size.size) if is_estimate else size.size
        faster = shown_size(IMAGES_START_FASTER)
        if whole > ARCHIVE_LIMIT:
            reason = f"Lambda takes {shown_size(ARCHIVE_LIMIT)} of an unpacked archive"
        elif whole >= IMAGES_START_FASTER:
            reason = f"Python functions of {faster} or more start faster from one"
        else:
            reason = f"Python functions below {faster} start faster from one"
        take: Literal["image", "zip"] = "image" if whole >= IMAGES_START_FASTER else "zip"
        return cls(unpacked=whole, is_estimate=is_estimate, take=take, reason=reason)

    @property
    def text(self) -> str:
        """A sentence for people."""
        weight = f"{'some ' if self.is_estimate else ''}{shown_size(self.unpacked)} unpacked with bytecode, in a zip or above an image's base"
        article = "an image" if self.take == "image" else "a zip"
        return f"{weight}; take {article}: {self.reason} (docs/when-not.md)"

    def as_json(self) -> dict[str, Any]:
        """The choice as JSON's own types, in bytes."""
        return {
            "unpacked": self.unpacked,
            "estimated": self.is_estimate,
            "zip_limit": ARCHIVE_LIMIT,
            "take": self.take,
            "reason": self.reason,
        }
