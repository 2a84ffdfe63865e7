"""ImageOptions(extensions=...): named to the build, pinned, mirrored and hashed as the other images are."""

import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from assemblies import docker_images
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk.assertions import Annotations, Match
from uv_workspace_function import (
    EcrImage,
    ImageOptions,
    UvWorkspaceFunction,
    UvWorkspaceImage,
    Workspace,
    WorkspaceError,
)

ROOT = Path(__file__).parents[2]
DATADOG = "public.ecr.aws/datadog/lambda-extension:80"


def image(stack: cdk.Stack, shop: Workspace, *extensions: Any, **options: Any) -> UvWorkspaceImage:
    """An image with extensions."""
    chosen = ImageOptions(extensions=extensions, **options)
    return UvWorkspaceImage(stack, "Image", workspace=shop, service="shop", options=chosen)


def arguments(stack: cdk.Stack) -> dict[str, str]:
    """What the build is told of extensions."""
    *_, source = docker_images(stack).values()
    return {name: value for name, value in source["dockerBuildArgs"].items() if name.startswith("EXTENSION")}


def test_each_is_named_to_the_build(stack: cdk.Stack, shop: Workspace) -> None:
    """And the staged Dockerfile has a stage for each."""
    image(stack, shop, DATADOG, "registry.example.com/secrets:20")
    assert {
        "EXTENSION_1_IMAGE": DATADOG,
        "EXTENSION_2_IMAGE": "registry.example.com/secrets:20",
    } == arguments(stack)
    (source,) = docker_images(stack).values()
    assert "COPY --from=extension-2 /opt/ /opt/" in Path(source["directory"], "Dockerfile").read_text()


def test_a_function_takes_them(stack: cdk.Stack, shop: Workspace) -> None:
    options = ImageOptions(extensions=[DATADOG])
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", image=options)
    assert {"EXTENSION_1_IMAGE": DATADOG} == arguments(stack)


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_none_of_them_is_the_image_without(stack: cdk.Stack, shop: Workspace, nothing: Any) -> None:
    chosen = UvWorkspaceImage(stack, "A", workspace=shop, service="shop", options=ImageOptions(extensions=nothing))
    assert UvWorkspaceImage(stack, "B", workspace=shop, service="shop").asset_hash == chosen.asset_hash


def test_their_names_number_and_order_are_in_the_hash(shop: Workspace, tmp_path: Path) -> None:
    chosen = [[], [DATADOG], [DATADOG + "1"], [DATADOG, "a:1"], ["a:1", DATADOG]]
    hashes = {
        image(cdk.Stack(cdk.App(outdir=str(tmp_path / str(number))), "Stack"), shop, *extensions).asset_hash
        for number, extensions in enumerate(chosen)
    }
    assert len(chosen) == len(hashes)


def test_they_come_from_a_mirror(stack: cdk.Stack, shop: Workspace) -> None:
    image(stack, shop, DATADOG, mirrors={"public.ecr.aws": "mirror.example.com/aws"})
    assert {"EXTENSION_1_IMAGE": "mirror.example.com/aws/datadog/lambda-extension:80"} == arguments(stack)


def test_a_moving_one_is_warned_of(stack: cdk.Stack, shop: Workspace) -> None:
    image(stack, shop, "public.ecr.aws/datadog/lambda-extension:latest")
    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert str(warning.entry.data).startswith("public.ecr.aws/datadog/lambda-extension:latest is a mutable tag")


def test_one_can_be_in_ecr(shop: Workspace, tmp_path: Path) -> None:
    env = cdk.Environment(account="111111111111", region="eu-west-1")
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", env=env)
    repository = ecr.Repository.from_repository_name(stack, "Insights", "insights")
    image(stack, shop, EcrImage(repository=repository, tag_or_digest="1.0.1"))
    expected = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/insights:1.0.1"
    assert {"EXTENSION_1_IMAGE": expected} == arguments(stack)


def test_one_can_be_another_asset(stack: cdk.Stack, shop: Workspace, tmp_path: Path) -> None:
    """Whose content is in the hash, and not where it is pushed to."""
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "Dockerfile").write_text("FROM scratch\nCOPY run /opt/extensions/run\n")
    (tmp_path / "e" / "run").write_text("#!/bin/sh\n")
    asset = ecr_assets.DockerImageAsset(stack, "Extension", directory=str(tmp_path / "e"))
    image(stack, shop, asset, mirrors={"docker.io": "mirror.example.com"})
    assert {"EXTENSION_1_IMAGE": f"cdkasset-{asset.asset_hash}"} == arguments(stack)


@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        (DATADOG, f"extensions must be a list of strings, not '{DATADOG}'; write ['{DATADOG}']"),
        (
            [1],
            "each of extensions must be the name of an image, an EcrImage or a DockerImageAsset, not an object of type int",
        ),
    ],
)
def test_what_is_no_image_is_refused(extensions: Any, message: str) -> None:
    with pytest.raises(WorkspaceError) as raised:
        ImageOptions(extensions=extensions)
    assert message == str(raised.value)


def test_a_name_that_is_none_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"^'no image' is not a container image; write repository:tag"):
        image(stack, shop, "no image")


def test_the_examples_of_the_page_run(shop: Workspace, tmp_path: Path) -> None:
    """One after the other, in one stack."""
    env = cdk.Environment(account="111111111111", region="eu-west-1")
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", env=env)
    names: dict[str, Any] = {"stack": stack, "workspace": Workspace.load(ROOT)}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "extensions.md").read_text(), flags=re.DOTALL)
    assert 2 == len(examples)
    for example in examples:
        exec(example, names)
    assert ["EXTENSION_1_IMAGE", "EXTENSION_2_IMAGE", "EXTENSION_3_IMAGE"] == list(arguments(stack))
