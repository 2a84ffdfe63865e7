"""What is asked for: a context, a target, and the Dockerfile's arguments, each honoured or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.builder.workspace import normalized
from uv_workspace_function.context.dockerfile import Dockerfile
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.machines import DOCKER_PLATFORMS

HONOURED = frozenset(
    {
        *("BASE_IMAGE", "BUILD_FROM_SOURCE", "INCLUDE_BYTECODE", "PYTHON_PLATFORM", "PYTHON_VERSION", "SERVICE_EXTRAS"),
        *("SERVICE_NAME", "SNAP_START", "SOURCE_DATE_EPOCH", "TARGET_FOLDER", "UV_IMAGE"),
    }
)
"""The Dockerfile's arguments that mean something without an engine."""
_NEED_AN_ENGINE = {
    "BUILDER_IMAGE": "the builder is a Python of this machine",
    "BUILDER_PLATFORM": "the builder runs on this machine's own platform",
}
_LATEST = 253402300799
"""The last second of the year 9999: what a configuration can say."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An image that is asked for."""

    context: StagedContext
    platform: str
    """`linux/arm64` or `linux/amd64`."""
    arguments: Mapping[str, str]
    """Of the Dockerfile, by name."""

    def __post_init__(self) -> None:
        if self.platform not in (platforms := sorted(DOCKER_PLATFORMS.values())):
            raise WorkspaceError(f"no Lambda runs on {self.platform}", f"build for one of {', '.join(platforms)}")
        for name in self.arguments:
            if name in _NEED_AN_ENGINE:
                raise WorkspaceError(
                    f"the build argument {name} means nothing without an engine: {_NEED_AN_ENGINE[name]}",
                    "leave it out, or build this one with the engine",
                )
            if name not in HONOURED:
                raise WorkspaceError(
                    f"the build knows no argument {name}; arguments are: {', '.join(sorted(HONOURED))}", "leave it out"
                )
        if self.value("SNAP_START") not in {"allow", "off"}:
            raise WorkspaceError(f"SNAP_START is {self.value('SNAP_START')!r}", "give allow or off")
        moment = self.value("SOURCE_DATE_EPOCH")
        if moment and not (moment.isascii() and moment.isdigit() and int(moment.lstrip("0")[:20] or "0") <= _LATEST):
            raise WorkspaceError(
                f"SOURCE_DATE_EPOCH is {moment!r}", "give seconds since 1970 in digits, or leave it out"
            )
        folder = PurePosixPath(self.target_folder)
        if not folder.is_absolute() or ".." in folder.parts or folder == PurePosixPath("/"):
            raise WorkspaceError(f"TARGET_FOLDER is {self.target_folder!r}", "give an absolute path below /")

    def value(self, argument: str) -> str:
        """An argument's value, by the Dockerfile where it is not given."""
        return Dockerfile.of(self.context.files).value(argument, self.arguments) or ""

    @property
    def service(self) -> str:
        """The service's name."""
        return normalized(self.value("SERVICE_NAME"))

    @property
    def python(self) -> str:
        """The minor version of the image's Python."""
        return self.value("PYTHON_VERSION")

    @property
    def base_image(self) -> str:
        """What the image starts from."""
        return self.value("BASE_IMAGE")

    @property
    def uv_image(self) -> ImageReference:
        """The image whose uv is meant."""
        return ImageReference.parse(self.value("UV_IMAGE"))

    @property
    def target_folder(self) -> str:
        """Where packages and code go."""
        return self.value("TARGET_FOLDER")

    @property
    def moment(self) -> int:
        """When the image says that it was made, in seconds since 1970."""
        return int(self.value("SOURCE_DATE_EPOCH") or EPOCH)

    @property
    def variables(self) -> dict[str, str]:
        """The builder's variables: the `ENV` of the Dockerfile, and what its steps declare. An argument of the build that is new goes here."""
        names = (
            "SERVICE_NAME",
            "SERVICE_EXTRAS",
            "PYTHON_VERSION",
            "PYTHON_PLATFORM",
            "TARGET_FOLDER",
            "INCLUDE_BYTECODE",
        )
        told = {name: self.value(name) for name in (*names, "BUILD_FROM_SOURCE")}
        return {**told, "TARGETARCH": self.platform.partition("/")[2]}
