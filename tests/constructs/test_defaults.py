"""FunctionDefaults: what a company says once."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from assemblies import docker_images, resources
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from uv_workspace_function import (
    FunctionDefaults,
    ImageOptions,
    UvWorkspaceFunction,
    UvWorkspaceImage,
    Workspace,
    WorkspaceError,
)


def properties(stack: cdk.Stack, path: str = "Shop") -> dict[str, Any]:
    """A function's properties in the template."""
    found: dict[str, Any] = resources(stack).by_path[path]["Properties"]
    return found


def shop_function(scope: Construct, shop: Workspace, construct_id: str = "Shop", **options: Any) -> UvWorkspaceFunction:
    """A function with these options."""
    return UvWorkspaceFunction(scope, construct_id, workspace=shop, service="shop", **options)


def test_all_that_a_company_sets_once_is_set(stack: cdk.Stack, shop: Workspace) -> None:
    """Size, time, processor, Python, retention, variables, mirrors and the builder's image."""
    FunctionDefaults.of(stack).set(
        memory_size=512,
        timeout=cdk.Duration.seconds(30),
        architecture=lambda_.Architecture.X86_64,
        log_retention=logs.RetentionDays.THREE_MONTHS,
        environment={"STAGE": "production"},
        powertools_service_name=True,
        image=ImageOptions(
            python_version="3.13",
            builder_image="registry.example.com/python:3.13-gcc",
            mirrors={"ghcr.io": "registry.example.com/github"},
        ),
    )
    shop_function(stack, shop)
    found = properties(stack)
    assert (512, 30, ["x86_64"]) == (found["MemorySize"], found["Timeout"], found["Architectures"])
    assert {"STAGE": "production", "POWERTOOLS_SERVICE_NAME": "shop"} == found["Environment"]["Variables"]
    assert 90 == properties(stack, "Shop/LogGroup")["RetentionInDays"]
    (image,) = docker_images(stack).values()
    arguments = image["dockerBuildArgs"]
    assert "linux/amd64" == image["platform"]
    assert "3.13" == arguments["PYTHON_VERSION"]
    assert "registry.example.com/python:3.13-gcc" == arguments["BUILDER_IMAGE"]
    assert arguments["UV_IMAGE"].startswith("registry.example.com/github/astral-sh/uv:")


def test_without_defaults_the_cdk_decides(stack: cdk.Stack, shop: Workspace) -> None:
    """Memory that nobody asked for is a cost that nobody saw."""
    shop_function(stack, shop)
    assert not {"MemorySize", "Timeout", "Environment"} & properties(stack).keys()


def test_the_nearest_value_counts(stack: cdk.Stack, shop: Workspace) -> None:
    """The function's own, else the innermost construct's; of variables and image options each for itself."""
    group = Construct(stack, "Team")
    FunctionDefaults.of(stack.node.root).set(
        memory_size=128, environment={"A": "app", "B": "app", "C": "app"}, image=ImageOptions(python_version="3.13")
    )
    FunctionDefaults.of(group).set(
        memory_size=256, environment={"B": "team", "C": "team"}, image=ImageOptions(include_bytecode=False)
    )
    shop_function(group, shop, environment={"C": "own"}, image=ImageOptions(uv_image="example.com/uv:1"))
    shop_function(group, shop, "Large", memory_size=512)
    found = properties(stack, "Team/Shop")
    assert {"A": "app", "B": "team", "C": "own"} == found["Environment"]["Variables"]
    assert (256, 512) == (found["MemorySize"], properties(stack, "Team/Large")["MemorySize"])
    first, _ = docker_images(stack).values()
    chosen = {name: first["dockerBuildArgs"].get(name) for name in ("PYTHON_VERSION", "INCLUDE_BYTECODE", "UV_IMAGE")}
    assert {"PYTHON_VERSION": "3.13", "INCLUDE_BYTECODE": "0", "UV_IMAGE": "example.com/uv:1"} == chosen


def test_they_are_of_the_constructs_below_only(stack: cdk.Stack, shop: Workspace, tmp_path: Path) -> None:
    FunctionDefaults.of(stack).set(memory_size=512)
    other = cdk.Stack(cdk.App(outdir=str(tmp_path / "other"), context={"aws:cdk:enable-path-metadata": True}), "Stack")
    shop_function(other, shop)
    assert "MemorySize" not in properties(other)


def test_a_second_call_adds(stack: cdk.Stack, shop: Workspace) -> None:
    FunctionDefaults.of(stack).set(memory_size=512, environment={"A": "1", "B": "1"})
    FunctionDefaults.of(stack).set(timeout=cdk.Duration.seconds(9), environment={"B": "2"})
    shop_function(stack, shop)
    found = properties(stack)
    assert (512, 9, {"A": "1", "B": "2"}) == (found["MemorySize"], found["Timeout"], found["Environment"]["Variables"])


def test_an_image_takes_what_is_of_images(stack: cdk.Stack, shop: Workspace) -> None:
    FunctionDefaults.of(stack).set(
        memory_size=512, architecture=lambda_.Architecture.X86_64, image=ImageOptions(include_bytecode=False)
    )
    UvWorkspaceImage(stack, "Image", workspace=shop, service="shop")
    (image,) = docker_images(stack).values()
    assert ("linux/amd64", "0") == (image["platform"], image["dockerBuildArgs"]["INCLUDE_BYTECODE"])


def test_what_comes_too_late_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    """It would be of some functions and not of others."""
    shop_function(stack, shop)
    for scope, name in ((stack, "Stack"), (stack.node.root, "the app")):
        with pytest.raises(WorkspaceError) as raised:
            FunctionDefaults.of(scope).set(memory_size=512)
        assert (
            f"defaults of {name} come too late for a function or an image that is made; set them before the first one"
        ) == str(raised.value)


@pytest.mark.parametrize("option", ["function_name", "log_group_name"])
def test_a_name_is_no_default(stack: cdk.Stack, option: str) -> None:
    options: Any = {option: "shop"}
    with pytest.raises(WorkspaceError) as raised:
        FunctionDefaults.of(stack).set(**options)
    assert f"{option}= can be no default, since it names one function's; give {option}= to the function" == str(
        raised.value
    )


def test_a_default_that_nothing_knows_is_refused(stack: cdk.Stack) -> None:
    """Where it is set, not at the first function."""
    options: Any = {"memory": 512}
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'memory'; did you mean 'memory_size'\?"):
        FunctionDefaults.of(stack).set(**options)


def test_the_service_name_of_powertools_can_be_another_one(stack: cdk.Stack, shop: Workspace) -> None:
    shop_function(stack, shop, powertools_service_name=True, environment={"POWERTOOLS_SERVICE_NAME": "till"})
    assert {"POWERTOOLS_SERVICE_NAME": "till"} == properties(stack)["Environment"]["Variables"]


@jsii.implements(cdk.IPropertyInjector)
class Injector:
    """A company's values for every image function, where nothing else is given."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @property
    def construct_unique_id(self) -> str:
        return lambda_.DockerImageFunction.PROPERTY_INJECTION_ID

    def inject(self, original_props: Any, *, id: str, scope: Any) -> Any:  # noqa: A002 jsii's name
        return self.values | {name: value for name, value in original_props.items() if value is not None}


def injected(tmp_path: Path, values: dict[str, Any]) -> cdk.Stack:
    """A stack whose functions get these values of the CDK's own names."""
    context = {"aws:cdk:enable-path-metadata": True, "aws:cdk:disable-asset-staging": True}
    app = cdk.App(outdir=str(tmp_path / "injected"), property_injectors=[Injector(values)], context=context)
    return cdk.Stack(app, "Stack")


def test_a_property_injector_of_the_cdk_works(shop: Workspace, tmp_path: Path) -> None:
    stack = injected(tmp_path, {"memorySize": 512, "timeout": cdk.Duration.seconds(30)})
    shop_function(stack, shop)
    assert (512, 30) == (properties(stack)["MemorySize"], properties(stack)["Timeout"])


def test_snap_start_of_an_injector_is_refused(shop: Workspace, tmp_path: Path) -> None:
    """The image is made before, without the label that Lambda asks for."""
    stack = injected(tmp_path, {"snapStart": lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS})
    with pytest.raises(WorkspaceError) as raised:
        shop_function(stack, shop)
    assert (
        "a property injector gives Stack/Shop snap_start, but its image has no label for that; set it by FunctionDefaults, "
        "or by snap_start="
    ) == str(raised.value)
