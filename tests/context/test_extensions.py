"""The stages for Lambda extensions: added only where they are asked for."""

from pathlib import Path

import made
import pytest
from uv_workspace_function import BuildContext, Workspace, WorkspaceError
from uv_workspace_function.context import extensions
from uv_workspace_function.context.dockerfile import Dockerfile
from uv_workspace_function.oci.staged import StagedContext

DOCKERFILE = Path(extensions.__file__).parents[1].joinpath("Dockerfile").read_text()


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    root = made.workspace(tmp_path / "w", ["shop"])
    made.handler(root / "shop")
    return BuildContext.of(Workspace.load(made.lock(root)), "shop")


def test_without_extensions_the_dockerfile_is_the_shared_one(context: BuildContext) -> None:
    """To the byte, and so the digest."""
    same = context.extended(0)
    assert DOCKERFILE.encode() == same.files["Dockerfile"].content
    assert context.digest == same.digest


def test_each_extension_is_a_stage_and_all_are_one_layer(context: BuildContext) -> None:
    """In the order that they are given; the last stage is what is built by default."""
    text = context.extended(2).files["Dockerfile"].content.decode()
    assert DOCKERFILE in text
    assert {"EXTENSION_1_IMAGE", "EXTENSION_2_IMAGE"} == Dockerfile.parse(text).arguments.keys() - (
        Dockerfile.parse(DOCKERFILE).arguments.keys()
    )
    assert text.endswith(
        "FROM ${EXTENSION_1_IMAGE} AS extension-1\n"
        "FROM ${EXTENSION_2_IMAGE} AS extension-2\n"
        "FROM scratch AS extensions\n"
        "COPY --from=extension-1 /opt/ /opt/\n"
        "COPY --from=extension-2 /opt/ /opt/\n"
        "\n"
        "FROM runtime AS extended\n"
        "COPY --from=extensions /opt/ /opt/\n"
    )


def test_the_arguments_are_declared_before_the_first_stage(context: BuildContext) -> None:
    """Docker knows no others in a `FROM`."""
    text = context.extended(1).files["Dockerfile"].content.decode()
    assert text.index("ARG EXTENSION_1_IMAGE") < text.index("FROM ")


def test_another_number_is_another_digest(context: BuildContext) -> None:
    assert 3 == len({context.extended(count).digest for count in (0, 1, 2)})


def test_a_build_without_an_engine_refuses_them(context: BuildContext, tmp_path: Path) -> None:
    """It would make an image without them."""
    context.extended(1).write(tmp_path / "context")
    with pytest.raises(WorkspaceError) as raised:
        StagedContext.read(tmp_path / "context")
    assert (
        f"{tmp_path}/context is of an image with Lambda extensions, which a build without an engine does not add; build it "
        "with the engine"
    ) == str(raised.value)
