"""Mistakes of the first hour: each gets a sentence, before anything was made."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, UvWorkspaceImage, Workspace, WorkspaceError

TOKEN = cdk.Fn.ref("Parameter")
KNOWN_LATER = "whose value is known only at deployment, after the image is built; write the value itself"


@pytest.mark.parametrize("construct", [UvWorkspaceFunction, UvWorkspaceImage])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"workspace": "/repo"},
            "workspace must be a loaded Workspace, not '/repo'; write Workspace.load(folder of the root pyproject.toml)",
        ),
        (
            {"workspace": Path("/repo")},
            (
                "workspace must be a loaded Workspace, not PosixPath('/repo'); write Workspace.load(folder of the root "
                "pyproject.toml)"
            ),
        ),
        ({"workspace": None}, None),
        ({"service": None}, "service must be a package's name, not None; services are: shop"),
        ({"service": 1}, "service must be a package's name, not 1; services are: shop"),
        ({"service": TOKEN}, f"service is the token {TOKEN}, {KNOWN_LATER}"),
        (
            {"architecture": "arm64"},
            "architecture must be a lambda_.Architecture, not 'arm64'; write lambda_.Architecture.ARM_64",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(
    stack: cdk.Stack, shop: Workspace, construct: Any, options: dict[str, Any], message: str | None
) -> None:
    with pytest.raises(WorkspaceError) as raised:
        construct(stack, "Shop", **({"workspace": shop, "service": "shop"} | options))
    expected = message or (
        "workspace must be a loaded Workspace, not None; write Workspace.load(folder of the root pyproject.toml)"
    )
    assert expected == str(raised.value)
    assert [] == stack.node.children


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"python_version": 3.13},
            (
                "python_version must be a string, not the number 3.13, which is the same for 3.1 and 3.10; write it in quotes, such "
                "as python_version='3.14'"
            ),
        ),
        ({"python_version": 3}, "python_version must be a string, not 3"),
        ({"python_version": TOKEN}, f"python_version is the token {TOKEN}, {KNOWN_LATER}"),
        ({"python_platform": 1}, "python_platform must be a string, not 1"),
        ({"extras": "abc"}, "extras must be a list of strings, not 'abc'; write ['abc']"),
        ({"extras": {"abc": 1}}, "extras must be a list, not {'abc': 1}"),
        ({"extras": [1]}, "each of extras must be a string, not 1"),
        ({"build_from_source": [TOKEN]}, f"each of build_from_source is the token {TOKEN}, {KNOWN_LATER}"),
        ({"build_args": ["A=1"]}, "build_args must be a mapping of strings to strings, not ['A=1']"),
        ({"build_secrets": {"netrc": 1}}, "build_secrets must be a mapping of strings to strings, not {'netrc': 1}"),
        ({"mirrors": "x"}, "mirrors must be a mapping of strings to strings, not 'x'"),
    ],
)
def test_an_option_of_the_image_of_the_wrong_kind_is_named_where_it_is_given(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(WorkspaceError) as raised:
        ImageOptions(**options)
    assert message == str(raised.value)


@pytest.mark.parametrize("construct", [UvWorkspaceFunction, UvWorkspaceImage])
def test_a_name_that_is_taken_names_the_other_one(stack: cdk.Stack, shop: Workspace, construct: Any) -> None:
    """With what it is: two functions of a wrong copy and paste look alike."""
    UvWorkspaceFunction(stack, "Worker", workspace=shop, service="shop")
    sqs.Queue(stack, "Queue")
    messages = []
    for name in ("Worker", "Queue"):
        with pytest.raises(WorkspaceError) as raised:
            construct(stack, name, workspace=shop, service="shop")
        messages.append(str(raised.value))
    assert [
        "Stack already has a construct named 'Worker': UvWorkspaceFunction of the service 'shop'; give this one another name",
        "Stack already has a construct named 'Queue': Queue; give this one another name",
    ] == messages


@pytest.mark.parametrize("option", ["layers", "insights_version", "adot_instrumentation", "params_and_secrets"])
@pytest.mark.parametrize("nothing", [None, [], (), {}])
def test_what_is_empty_is_nothing(stack: cdk.Stack, shop: Workspace, option: str, nothing: Any) -> None:
    """Wrappers hand on what they were not given."""
    options: Any = {option: nothing}
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", **options)


def test_a_log_group_without_grants_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    group: Any = logs.CfnLogGroup(stack, "Group")
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", log_group=group)
    assert (
        "log_group must be a log group with grants, not an object of type CfnLogGroup; wrap it with "
        "logs.LogGroup.from_log_group_arn()"
    ) == str(raised.value)


@pytest.mark.parametrize("option", ["log_retention_role", "log_retention_retry_options"])
def test_options_of_a_custom_resource_that_there_is_none_of_are_refused(
    stack: cdk.Stack, shop: Workspace, option: str
) -> None:
    options: Any = {option: object()}
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", **options)
    assert (
        f"{option}= does not work for a function from an image; log_retention= is a property of the log group here, and no "
        "function has to set it; leave this out"
    ) == str(raised.value)


def test_an_option_of_the_image_is_shown_where_it_goes(stack: cdk.Stack, shop: Workspace) -> None:
    options: Any = {"python_version": "3.13"}
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", **options)
    assert "python_version= is an option of the image; write image=ImageOptions(python_version=...)" == str(
        raised.value
    )


@pytest.mark.parametrize(
    ("option", "hint"),
    [("memory", "; did you mean 'memory_size'?"), ("memroy_size", "; did you mean 'memory_size'?"), ("x", "")],
)
def test_a_misspelt_option_gets_the_nearest(stack: cdk.Stack, shop: Workspace, option: str, hint: str) -> None:
    options: Any = {option: 512}
    with pytest.raises(TypeError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", **options)
    assert f"UvWorkspaceFunction() got an unexpected keyword argument {option!r}{hint}" == str(raised.value)


def test_options_that_are_no_image_options_are_refused(stack: cdk.Stack, shop: Workspace) -> None:
    options: Any = {"python_version": "3.13"}
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", image=options)
    assert (
        "the options of an image must be ImageOptions, not an object of type dict; write ImageOptions(python_version='3.14') "
        "and the like"
    ) == str(raised.value)


def test_numbers_and_durations_may_be_tokens(stack: cdk.Stack, shop: Workspace) -> None:
    """They are the function's, which is made when it is deployed."""
    memory = cdk.CfnParameter(stack, "Memory", type="Number", default=512)
    UvWorkspaceFunction(
        stack,
        "Shop",
        workspace=shop,
        service="shop",
        memory_size=memory.value_as_number,
        timeout=cdk.Duration.seconds(cdk.CfnParameter(stack, "Time", type="Number", default=3).value_as_number),
        architecture=lambda_.Architecture.ARM_64,
    )
