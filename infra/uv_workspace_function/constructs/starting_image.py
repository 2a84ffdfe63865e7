"""An image that a build starts from: the name by which the build finds it, and what stands for it in the hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import region_info
from constructs import Construct

from uv_workspace_function.constructs.image_options import EcrImage, Image
from uv_workspace_function.errors import WorkspaceError

_LOCAL_TAG = "cdkasset-"
# The CLI's tag of an image has its asset's name, which no property of an asset tells.
_ASSET_NAMES: WeakKeyDictionary[ecr_assets.DockerImageAsset, str] = WeakKeyDictionary()


def name_asset(asset: ecr_assets.DockerImageAsset, name: str) -> None:
    """Say which `asset_name` an asset was made with."""
    _ASSET_NAMES[asset] = name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StartingImage:
    """An image that a build starts from."""

    name: str
    """As the build finds it."""
    hashed: str
    """As the hash knows it."""
    asset: ecr_assets.DockerImageAsset | None
    """Where it is an image of the same app."""

    @classmethod
    def of(cls, image: Image, option: str, scope: Construct) -> Self:
        """The image that an option gives.

        Args:
            image: the option's value.
            option: its name, for messages.
            scope: where the image that starts from it will be.

        Raises:
            WorkspaceError: when its name is known at deployment only.
        """
        if isinstance(image, ecr_assets.DockerImageAsset):
            return cls(name=_name_of(image), hashed=image.asset_hash, asset=image)
        text = image.uri if isinstance(image, EcrImage) else image
        name = _known(text, cdk.Stack.of(scope)) if cdk.Token.is_unresolved(text) else text
        if name is None:
            raise WorkspaceError(
                f"{option} is {cdk.Stack.of(scope).resolve(text)}, which is known only at deployment, after the image is built",
                "give the stack an account and a region (env=), and name the repository by ecr.Repository.from_repository_name(); or "
                "write the image's name out",
            )
        return cls(name=name, hashed=name, asset=None)

    def build_before(self, image: ecr_assets.DockerImageAsset) -> None:
        """Have an image built after this one, where this one is an image of the same app."""
        if self.asset is None:
            return
        stack, needed = cdk.Stack.of(image), cdk.Stack.of(self.asset)
        if stack is not needed:
            _deploy_after(stack, needed, f"{image.node.path} starts from an image of it")
        if self.name.startswith(_LOCAL_TAG):
            cdk.Annotations.of(image).add_warning_v2(
                "uv-workspace-function:local-base-image",
                f"only a machine that builds {self.asset.node.path} finds it as a base image; give {needed.stack_name} an account and a "
                "region (env=), so that it is found in ECR",
            )


def _deploy_after(stack: cdk.Stack, needed: cdk.Stack, reason: str) -> None:
    # Newer versions deprecate the older name, which JSII_DEPRECATED=fail refuses.
    add = getattr(stack, "add_stack_dependency", None) or stack.add_dependency
    add(needed, reason)
    if not any(isinstance(construct, cdk.CfnResource) for construct in needed.node.find_all()):
        # An image is no resource, and CloudFormation takes no stack without one. This one costs nothing and does nothing.
        cdk.CfnWaitConditionHandle(needed, "ImagesOnly")


def _name_of(image: ecr_assets.DockerImageAsset) -> str:
    """The name by which a build finds the image of another asset.

    When the CDK CLI has built an image it tags it `cdkasset-ID` and with its name in ECR. By the latter any machine finds it once it is
    pushed, since the CLI logs in before it builds; but its account and region have to be known at synth.
    """
    name = _known(image.image_uri, cdk.Stack.of(image))
    if name is not None:
        return name
    prefix = f"{_ASSET_NAMES[image]}-" if image in _ASSET_NAMES else ""
    return f"{_LOCAL_TAG}{prefix}{image.asset_hash}"


def _known(text: str, stack: cdk.Stack) -> str | None:
    """A text with its tokens replaced by what they stand for; None where only the deployment knows."""
    environment = {"AWS::Region": stack.region, "AWS::AccountId": stack.account}
    pseudo = {parameter: value for parameter, value in environment.items() if not cdk.Token.is_unresolved(value)}
    if "AWS::Region" in pseudo:
        pseudo["AWS::URLSuffix"] = region_info.RegionInfo.get(stack.region).domain_suffix or "amazonaws.com"
    return _text(stack.resolve(text), pseudo)


def _text(value: Any, pseudo: Mapping[str, str]) -> str | None:
    match value:
        case str():
            return value
        case {"Ref": str(parameter)}:
            return pseudo.get(parameter)
        case {"Fn::Sub": str(pattern)}:
            for parameter, known in pseudo.items():
                pattern = pattern.replace(f"${{{parameter}}}", known)
            return None if "${" in pattern else pattern
        case {"Fn::Join": [str(separator), [*parts]]}:
            texts = [_text(part, pseudo) for part in parts]
            return None if None in texts else separator.join(filter(None, texts))
        case _:
            return None
