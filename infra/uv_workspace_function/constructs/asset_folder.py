"""The folder of a cloud assembly that an image is built from: the only copy of a build context there, and compared at each synth.

The CDK copies an asset's folder into the assembly, under a name that is its hash, and believes what lies under that name already. So it
is given the Dockerfile only, with the context's digest as a part of the hash, and the folder that it makes is filled here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct, IConstruct

from uv_workspace_function.context import staging
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.dockerfile import DOCKERFILE
from uv_workspace_function.errors import WorkspaceError

EXCLUDE = ("**",)
"""What the CDK is to leave out of its own hash and copy: all but the Dockerfile, which it always takes."""

# https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cx_api-readme.html: the assembly then names the source itself.
_STAGING_DISABLED = "aws:cdk:disable-asset-staging"
_OWN = ".build-contexts"


def asset_stack(construct: IConstruct) -> cdk.Stack:
    """The stack whose assets a construct's are: those of a nested stack are its parent's."""
    stack = cdk.Stack.of(construct)
    while stack.nested_stack_parent is not None:
        stack = stack.nested_stack_parent
    return stack


@contextmanager
def locked_assembly(scope: Construct) -> Iterator[Path]:
    """The folder of the cloud assembly that a construct goes into; no other process of ours writes to it meanwhile.

    Raises:
        WorkspaceError: when the scope is in no app, or the folder cannot be made.
    """
    stage = cdk.Stage.of(scope)
    if stage is None:
        raise WorkspaceError(f"{scope.node.path!r} is not in an app", "make its stack a part of a cdk.App")
    assembly = Path(stage.asset_outdir)
    try:
        assembly.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"the cloud assembly {assembly} cannot be written: {(error.strerror or str(error)).lower()}",
            "make its folder writable, or give another one (cdk synth --output)",
        ) from error
    with staging.locked(assembly):
        yield assembly


@contextmanager
def source_folder(context: BuildContext, scope: Construct) -> Iterator[Path]:
    """What to give to the CDK as the folder of an asset; no other process of ours writes to the assembly meanwhile.

    Args:
        context: what the image is built from.
        scope: what the asset will be a part of.

    Raises:
        WorkspaceError: when the scope is in no app, or the folder cannot be written.
    """
    with locked_assembly(scope) as assembly:
        if scope.node.try_get_context(_STAGING_DISABLED):
            folder = assembly / _OWN / f"{context.service.name}-{context.digest[:12]}"
            context.stage(folder)
        else:
            dockerfile = context.files[DOCKERFILE]
            folder = assembly / _OWN / dockerfile.sha256[:12]
            staging.stage({DOCKERFILE: dockerfile}, folder)
        yield folder


def fill(asset: ecr_assets.DockerImageAsset, context: BuildContext) -> None:
    """Make the folder that the CDK has made for an asset hold the context.

    Raises:
        WorkspaceError: when it cannot be written.
    """
    staged = cast("cdk.AssetStaging", asset.node.find_child("Staging"))
    if not asset.node.try_get_context(_STAGING_DISABLED):
        context.stage(staged.absolute_staged_path)
