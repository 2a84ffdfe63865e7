"""Where a locked package comes from, and the files that a lock has of it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from uv_workspace_function.definitions import toml
from uv_workspace_function.definitions.toml import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSource:
    """The `source` of a locked package: one of these is given."""

    registry: str | None = None
    """The URL of an index, or a flat one's folder."""
    url: str | None = None
    path: str | None = None
    """Of an archive."""
    git: str | None = None
    folder: str | None = None
    """Of a local package, relative to its lock."""
    is_built: bool = True
    """Whether it is a package; of a virtual one, only what it needs is installed."""
    written: Table
    """As the lock has it, to be written into another one."""

    @classmethod
    def from_dict(cls, found: Any) -> "LockedSource":
        """Read a `source`.

        Raises:
            Malformed: when a value is of another type.
        """
        source = toml.table_in(found)
        editable, directory, virtual = (toml.value(source, key, str) for key in ("editable", "directory", "virtual"))
        return cls(
            registry=toml.value(source, "registry", str),
            url=toml.value(source, "url", str),
            path=toml.value(source, "path", str),
            git=toml.value(source, "git", str),
            folder=next((folder for folder in (editable, directory, virtual) if folder is not None), None),
            is_built=virtual is None,
            written=source,
        )

    def __str__(self) -> str:
        return str(self.written)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A wheel or a source archive of a locked package."""

    name: str
    """Of the file: uv writes it as a URL, as a path below a flat index, or bare; empty of the one that `source` names."""
    path: str | None
    """Below a flat index."""
    size: int | None
    """Bytes."""
    written: Table
    """As the lock has it, to be written into another one."""

    @classmethod
    def from_dict(cls, found: Any) -> "LockedFile":
        """Read an entry of `wheels`, or `sdist`.

        Raises:
            Malformed: when a value is of another type.
        """
        file = toml.table_in(found)
        name, path, url = (toml.value(file, key, str) for key in ("filename", "path", "url"))
        location = name or path or urlsplit(url or "").path
        return cls(
            name=unquote(location.rpartition("/")[2]),
            path=path,
            size=toml.value(file, "size", int),
            written=file,
        )
