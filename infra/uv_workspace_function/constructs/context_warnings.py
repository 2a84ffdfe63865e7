"""What may be wrong with a build context, told at synth."""

from weakref import WeakKeyDictionary

import aws_cdk as cdk
from constructs import Construct

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.members import Project

# By project, then by the folder of assets: what an app was warned of.
_WARNED: WeakKeyDictionary[Project, dict[str, set[str]]] = WeakKeyDictionary()


def warn_of_context(construct: Construct, context: BuildContext) -> None:
    """Pass on a context's warnings, each once in an app: services share a lock and a checkout."""
    stage = cdk.Stage.of(construct)
    outdir = stage.asset_outdir if stage is not None else ""
    warned = _WARNED.setdefault(context.closure.project, {}).setdefault(outdir, set())
    for warning in context.warnings:
        if warning not in warned:
            warned.add(warning)
            cdk.Annotations.of(construct).add_warning_v2("uv-workspace-function:checkout", warning)
