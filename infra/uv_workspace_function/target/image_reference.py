"""The name of a container image: which repository it comes from, what pins it, and what a Python image's tag tells."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.machines import MACHINES, Machine

# repository[:tag][@digest], source: https://github.com/distribution/reference, its grammar in regexp.go
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<repository>(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_CREDENTIALS = re.compile(r"(\w+://)?.*@(?!sha256:)(?=[^@]*[/:])", re.DOTALL)
"""What stands before a registry: no name of an image has it, and it is not for a log."""
_PYTHON_TAG = re.compile(r"(?P<python>3\.\d+)($|[.-])")
_MACHINES: Mapping[str, Machine] = {**MACHINES, "aarch64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """A container image by name, as in a Dockerfile's `FROM`."""

    repository: str
    """With its registry, if it names one."""
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `repository[:tag][@digest]`.

        Raises:
            WorkspaceError: when the text is no such name.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            shown = _CREDENTIALS.sub(r"\1***@", text)
            raise WorkspaceError(
                f"{shown!r} is not a container image",
                "write repository:tag or repository@sha256:..., for example 'public.ecr.aws/lambda/python:3.14'",
            )
        return cls(repository=match["repository"], tag=match["tag"], digest=match["digest"])

    @property
    def is_pinned(self) -> bool:
        """Whether it names a digest, or a tag that is not the moving `latest`."""
        return self.digest is not None or self.tag not in (None, "latest")

    @property
    def python(self) -> str | None:
        """The Python minor version that the tag tells, where the repository is a `python` and the tag tells one."""
        if self.repository.rpartition("/")[2] != "python" or self.tag is None:
            return None
        match = _PYTHON_TAG.match(self.tag)
        return match["python"] if match else None

    @property
    def machine(self) -> Machine | None:
        """The machine that a single-platform tag tells, as `3.14-arm64` does."""
        return _MACHINES.get((self.tag or "").rpartition("-")[2])

    def redirected(self, mirrors: Mapping[str, str]) -> Self:
        """The same image from a mirror, where one is named for its registry or a part of its path.

        Args:
            mirrors: what to replace (`public.ecr.aws`, or `public.ecr.aws/lambda` and the like) to what replaces it; the
                longest that fits counts. Names without a registry are Docker Hub's: `docker.io`.
        """
        whole = self.with_registry
        for prefix in sorted(mirrors, key=len, reverse=True):
            replaced = prefix.rstrip("/")
            if whole == replaced or whole.startswith(f"{replaced}/"):
                return replace(self, repository=mirrors[prefix].rstrip("/") + whole.removeprefix(replaced))
        return self

    @property
    def with_registry(self) -> str:
        """The repository with its registry, Docker Hub's `docker.io` where it names none."""
        first, slash, _ = self.repository.partition("/")
        # As Docker tells a registry from a path on Docker Hub: by a dot, a port, or the name localhost.
        if slash and ("." in first or ":" in first or first == "localhost"):
            return self.repository
        return f"docker.io/{self.repository}" if slash else f"docker.io/library/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")
