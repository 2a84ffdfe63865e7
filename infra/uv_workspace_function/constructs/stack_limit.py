"""CloudFormation's limit of resources in one stack, told at synth with the way out."""

from weakref import WeakSet

import aws_cdk as cdk
import jsii
from constructs import IConstruct, IValidation

RESOURCE_LIMIT = 500
"""Resources of a stack: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""

_WATCHED: WeakSet[cdk.Stack] = WeakSet()


def watch_resources(stack: cdk.Stack) -> None:
    """Have a stack refused at synth when CloudFormation would refuse it; once for all functions in it."""
    if stack not in _WATCHED:
        _WATCHED.add(stack)
        stack.node.add_validation(_ResourceLimit(stack))


@jsii.implements(IValidation)
class _ResourceLimit:
    def __init__(self, stack: cdk.Stack) -> None:
        self._stack = stack

    def validate(self) -> list[str]:
        """Tell the number of resources and of functions where there are too many; jsii's name."""
        stack = self._stack
        constructs = stack.node.find_all()
        nested = tuple(f"{c.node.path}/" for c in constructs if isinstance(c, cdk.Stack) and c is not stack)
        resources = sum(isinstance(c, cdk.CfnResource) and not _is_below(c, nested) for c in constructs)
        if resources <= RESOURCE_LIMIT:
            return []
        functions = sum(isinstance(c, cdk.aws_lambda.CfnFunction) and not _is_below(c, nested) for c in constructs)
        message = (
            f"{stack.node.path} has {resources} resources with {functions} functions, and CloudFormation takes "
            f"{RESOURCE_LIMIT} a stack; split it, for example into a stack a team: services that share an image or a "
            "library may stand in different stacks (docs/scale.md)"
        )
        return [message]


def _is_below(construct: IConstruct, nested: tuple[str, ...]) -> bool:
    return bool(nested) and construct.node.path.startswith(nested)
