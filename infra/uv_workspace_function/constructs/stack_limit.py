"""CloudFormation's limit of resources in one stack, checked at synth, with the way out."""

from collections import Counter
from weakref import WeakSet

import aws_cdk as cdk
import jsii
from constructs import IValidation

RESOURCE_LIMIT = 500
"""Resources of a stack: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
LIMIT_CONTEXT_KEY = "@aws-cdk/core:stackResourceLimit"
"""The CDK's own switch: another limit, or 0 for none."""

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
        """Count the resources by type where there are too many; jsii's name."""
        stack = self._stack
        limit = _limit(stack)
        constructs = stack.node.find_all()
        nested = tuple(f"{c.node.path}/" for c in constructs if isinstance(c, cdk.Stack) and c is not stack)
        types = Counter(
            construct.cfn_resource_type
            for construct in constructs
            if isinstance(construct, cdk.CfnResource) and not construct.node.path.startswith(nested)
        )
        if limit == 0 or types.total() <= limit:
            return []
        counts = ", ".join(
            f"{kind} ({count})" for kind, count in sorted(types.items(), key=lambda each: (-each[1], each[0]))
        )
        message = (
            f"{stack.node.path} has {types.total()} resources, and CloudFormation takes {limit} per stack: {counts}; split it, for example "
            "into a stack per team: services that share an image or a library may be in different stacks (docs/scale.md)"
        )
        return [message]


def _limit(stack: cdk.Stack) -> int:
    said = stack.node.try_get_context(LIMIT_CONTEXT_KEY)
    try:
        return RESOURCE_LIMIT if said is None else int(said)
    except (TypeError, ValueError):  # what it means is the CDK's to say, which reads it too
        return RESOURCE_LIMIT
