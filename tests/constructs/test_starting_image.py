"""What a build starts from: an image of ECR, a token, an asset of this or another stack."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from assemblies import docker_images
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from uv_workspace_function import (
    EcrImage,
    ImageOptions,
    UvWorkspaceFunction,
    UvWorkspaceImage,
    Workspace,
    WorkspaceError,
)

ENV = cdk.Environment(account="111111111111", region="eu-west-1")


@pytest.fixture
def known(tmp_path: Path) -> cdk.Stack:
    """A stack with an account and a region."""
    return cdk.Stack(cdk.App(outdir=str(tmp_path / "known")), "Known", env=ENV)


def argument(stack: cdk.Stack, workspace: Workspace, option: str, image: Any) -> str:
    """What the build gets for an option."""
    options = ImageOptions(**{option: image})
    UvWorkspaceImage(stack, "Image", workspace=workspace, service="shop", options=options)
    *_, source = docker_images(stack).values()
    return str(source["dockerBuildArgs"][option.upper()])


@pytest.mark.parametrize("option", ["base_image", "builder_image", "uv_image"])
@pytest.mark.parametrize(("region", "suffix"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")])
def test_an_image_of_ecr_has_the_name_of_its_account_and_region(
    shop: Workspace, tmp_path: Path, option: str, region: str, suffix: str
) -> None:
    env = cdk.Environment(account="111111111111", region=region)
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", env=env)
    repository = ecr.Repository.from_repository_name(stack, "Base", "company/base")
    image = EcrImage(repository=repository, tag_or_digest="3.14-1")
    expected = f"111111111111.dkr.ecr.{region}.{suffix}/company/base:3.14-1"
    assert expected == argument(stack, shop, option, image)


def test_a_digest_of_ecr_is_one(known: cdk.Stack, shop: Workspace) -> None:
    digest = f"sha256:{'0' * 64}"
    repository = ecr.Repository.from_repository_name(known, "Base", "base")
    image = EcrImage(repository=repository, tag_or_digest=digest)
    host = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
    assert f"{host}/base@{digest}" == argument(known, shop, "base_image", image)


def test_a_repository_of_another_account_has_its_own_name(known: cdk.Stack, shop: Workspace) -> None:
    arn = "arn:aws:ecr:us-east-1:999999999999:repository/central/base"
    repository = ecr.Repository.from_repository_arn(known, "Base", arn)
    image = EcrImage(repository=repository, tag_or_digest="3.14")
    host = "999999999999.dkr.ecr.us-east-1.amazonaws.com"
    assert f"{host}/central/base:3.14" == argument(known, shop, "base_image", image)


def test_the_uri_of_a_repository_does_as_well(known: cdk.Stack, shop: Workspace) -> None:
    """It holds a token for the suffix of the region's domain."""
    uri = ecr.Repository.from_repository_name(known, "Base", "base").repository_uri_for_tag("3.14-1")
    host = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
    assert f"{host}/base:3.14-1" == argument(known, shop, "base_image", uri)


def test_another_tag_is_another_hash(known: cdk.Stack, shop: Workspace) -> None:
    repository = ecr.Repository.from_repository_name(known, "Base", "base")
    hashes = {
        UvWorkspaceImage(
            known,
            tag,
            workspace=shop,
            service="shop",
            options=ImageOptions(base_image=EcrImage(repository=repository, tag_or_digest=tag)),
        ).asset_hash
        for tag in ("3.14-1", "3.14-2")
    }
    assert 2 == len(hashes)


@pytest.mark.parametrize("kind", ["agnostic", "made"])
def test_what_only_the_deployment_knows_is_refused_as_such(
    stack: cdk.Stack, known: cdk.Stack, shop: Workspace, kind: str
) -> None:
    """A stack without account and region; a repository that the same stack makes."""
    if kind == "agnostic":
        scope, repository = stack, ecr.Repository.from_repository_name(stack, "Base", "base")
    else:
        scope, repository = known, ecr.Repository(known, "Base")
    options = ImageOptions(base_image=EcrImage(repository=repository, tag_or_digest="3.14"))
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(scope, "Shop", workspace=shop, service="shop", image=options)
    assert str(raised.value).startswith("base_image is {'Fn::Join': ['', [")
    assert str(raised.value).endswith(
        "which is known only at deployment, after the image is built; give the stack an account and a region "
        "(env=), and name the repository by ecr.Repository.from_repository_name(); or write the image's name out"
    )
    assert scope.node.try_find_child("Shop") is None


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder with a Dockerfile."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
    return str(tmp_path / "base")


def two_stacks(tmp_path: Path) -> tuple[cdk.App, cdk.Stack, cdk.Stack]:
    app = cdk.App(outdir=str(tmp_path / "two"))
    return app, cdk.Stack(app, "Bases", env=ENV), cdk.Stack(app, "Stack", env=ENV)


def on_top(stack: cdk.Stack, base: ecr_assets.DockerImageAsset, shop: Workspace) -> UvWorkspaceFunction:
    options = ImageOptions(base_image=base)
    return UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", image=options)


def test_a_stack_with_a_base_image_and_nothing_else_can_be_deployed(
    shop: Workspace, tmp_path: Path, folder: str
) -> None:
    """CloudFormation takes no stack without a resource, and the CDK refuses one at synth."""
    app, bases, stack = two_stacks(tmp_path)
    on_top(stack, ecr_assets.DockerImageAsset(bases, "Base", directory=folder), shop)
    app.synth()
    assert ["AWS::CloudFormation::WaitConditionHandle"] == [
        resource["Type"] for resource in Template.from_stack(bases).to_json()["Resources"].values()
    ]
    assert [bases] == stack.dependencies


def test_a_stack_that_has_resources_gets_none(shop: Workspace, tmp_path: Path, folder: str) -> None:
    app, bases, stack = two_stacks(tmp_path)
    sqs.CfnQueue(bases, "Queue")
    on_top(stack, ecr_assets.DockerImageAsset(bases, "Base", directory=folder), shop)
    app.synth()
    Template.from_stack(bases).resource_count_is("AWS::CloudFormation::WaitConditionHandle", 0)


def test_nothing_deprecated_is_called(
    shop: Workspace, tmp_path: Path, folder: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """JSII_DEPRECATED=fail would refuse it; by default jsii prints a warning."""
    app, bases, stack = two_stacks(tmp_path)
    on_top(stack, ecr_assets.DockerImageAsset(bases, "Base", directory=folder), shop)
    app.synth()
    assert "deprecated" not in "".join(capfd.readouterr())


def test_the_image_of_a_function_can_be_a_base(stack: cdk.Stack, shop: Workspace) -> None:
    """The CLI's tag of it has the service's name."""
    base = UvWorkspaceFunction(stack, "Base", workspace=shop, service="shop").image
    options = ImageOptions(base_image=base, python_version="3.14")
    UvWorkspaceImage(stack, "Image", workspace=shop, service="prices", options=options)
    hashes, sources = zip(*docker_images(stack).items(), strict=True)
    assert f"cdkasset-{hashes[0]}" == sources[1]["dockerBuildArgs"]["BASE_IMAGE"]
    assert hashes[0].startswith("shop-")
