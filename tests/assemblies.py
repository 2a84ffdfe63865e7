"""What is in a cloud assembly: the images the CDK CLI is to build, and templates with names instead of logical ids."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template
from uv_workspace_function import UvWorkspaceFunction, Workspace


def docker_images(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    """What the CDK CLI is told to build for a stack: asset hash -> source."""
    stage = cdk.Stage.of(stack)
    assert stage is not None
    assembly = stage.synth(force=True)
    manifest = json.loads(Path(assembly.directory, f"{stack.artifact_id}.assets.json").read_text())
    return {name: image["source"] for name, image in manifest.get("dockerImages", {}).items()}


class Resources:
    """A stack's resources, by the path of their construct below the stack: `IngestionWorker/ServiceRole`, `Queue/Policy`.

    References are written as such paths too: `<Queue>`, `<Queue>.Arn`.
    """

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.paths = {
            name: resource["Metadata"]["aws:cdk:path"].partition("/")[2].removesuffix("/Resource")
            for name, resource in template["Resources"].items()
        }
        self.by_path = {self.paths[name]: resource for name, resource in template["Resources"].items()}

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by path."""
        return {
            path: resource.get("Properties", {})
            for path, resource in self.by_path.items()
            if resource["Type"] == resource_type
        }

    def text(self, value: Any) -> Any:
        """A value with its references resolved to text."""
        match value:
            case {"Ref": str(name)}:
                return f"<{self.paths.get(name, name)}>"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{self.paths[name]}>.{attribute}"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(self.text, parts))
            case {"Fn::Sub": str(pattern)}:
                return pattern
            case dict():
                return {key: self.text(item) for key, item in value.items()}
            case list():
                return [self.text(item) for item in value]
            case _:
                return value

    def statements(self, role: str) -> dict[str, set[str]]:
        """What a role is allowed by its policies: resource -> actions."""
        allowed: dict[str, set[str]] = {}
        for policy in self.of_type("AWS::IAM::Policy").values():
            if f"<{role}>" not in self.text(policy["Roles"]):
                continue
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement.keys() == {"Action", "Effect", "Resource"}
                assert statement["Effect"] == "Allow"
                for resource in _list(self.text(statement["Resource"])):
                    allowed.setdefault(resource, set()).update(_list(statement["Action"]))
        return allowed


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def resources(stack: cdk.Stack) -> Resources:
    """What the stack comes to."""
    return Resources(Template.from_stack(stack).to_json())


def shop_function(stack: cdk.Stack, shop: Workspace, **options: Any) -> UvWorkspaceFunction:
    """A function with these options."""
    return UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", **options)
