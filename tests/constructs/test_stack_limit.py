"""CloudFormation's limit of resources is told at synth, with what to do."""

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs
from uv_workspace_function import UvWorkspaceFunction, Workspace

# What one function comes to: itself, its role, the role's policy, its log group.
OF_A_FUNCTION = 4


def filled(stack: cdk.Stack, shop: Workspace, others: int) -> cdk.Stack:
    """A stack with one function of ours, and queues."""
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    for number in range(others):
        sqs.CfnQueue(stack, f"Queue{number}")
    return stack


def refusal(synth: Callable[[], object]) -> str:
    """What synth says."""
    with pytest.raises(RuntimeError) as caught:
        synth()
    return str(caught.value)


def test_a_stack_with_more_resources_than_cloudformation_takes_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    """By name, with the numbers, and the remedy."""
    app = cdk.App.of(filled(stack, shop, 501 - OF_A_FUNCTION))
    assert isinstance(app, cdk.App)
    assert (
        "[Stack] Stack has 501 resources, and CloudFormation takes 500 per stack: AWS::SQS::Queue (497), AWS::IAM::Policy (1), "
        "AWS::IAM::Role (1), AWS::Lambda::Function (1), AWS::Logs::LogGroup (1); split it, for example into a stack per team: "
        "services that share an image or a library may be in different stacks (docs/scale.md)"
    ) in refusal(app.synth)


def test_as_many_as_it_takes_pass(stack: cdk.Stack, shop: Workspace) -> None:
    """500 is no error."""
    app = cdk.App.of(filled(stack, shop, 500 - OF_A_FUNCTION))
    assert isinstance(app, cdk.App)
    assert 500 == len(app.synth().get_stack_by_name("Stack").template["Resources"])


def test_a_nested_stack_has_a_limit_of_its_own(stack: cdk.Stack, shop: Workspace) -> None:
    """Its resources count there; here it is one."""
    filled(stack, shop, 400)
    nested = cdk.NestedStack(stack, "Nested")
    for number in range(200):
        sqs.CfnQueue(nested, f"Queue{number}")
    app = cdk.App.of(stack)
    assert isinstance(app, cdk.App)
    app.synth()


def test_functions_in_a_nested_stack_are_watched_there(stack: cdk.Stack, shop: Workspace) -> None:
    """The nested stack is named."""
    nested = cdk.NestedStack(stack, "Nested")
    filled(nested, shop, 500)
    app = cdk.App.of(stack)
    assert isinstance(app, cdk.App)
    assert "Stack/Nested has 504 resources, and CloudFormation takes 500 per stack: AWS::SQS::Queue (500)" in refusal(
        app.synth
    )


@pytest.mark.parametrize("limit", [0, "0", 1000, "1000"])
def test_the_switch_of_the_cdk_counts(shop: Workspace, tmp_path: Path, limit: object) -> None:
    """Also as text, as `cdk --context` hands it over."""
    context = {"@aws-cdk/core:stackResourceLimit": limit, "aws:cdk:disable-asset-staging": True}
    app = cdk.App(outdir=str(tmp_path), context=context)
    stack = filled(cdk.Stack(app, "Stack"), shop, 600)
    assert [] == stack.node.validate()


def test_a_lower_limit_counts_as_well(shop: Workspace, tmp_path: Path) -> None:
    context = {"@aws-cdk/core:stackResourceLimit": 10, "aws:cdk:disable-asset-staging": True}
    stack = filled(cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack"), shop, 10)
    (message,) = stack.node.validate()
    assert "Stack has 14 resources, and CloudFormation takes 10 per stack: AWS::SQS::Queue (10), " in message
