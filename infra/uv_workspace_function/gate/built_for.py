"""What the images of each service are built for: what a cloud assembly says of them, else what the check was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.insight.cloud_assembly import ServiceAsset, service_assets
from uv_workspace_function.workspace.members import Member


def assets_by_service(cdk_out: Path | None) -> Mapping[str, Sequence[ServiceAsset]]:
    """The images and archives of each service in an assembly; none where it is no assembly, of which the check of what is deployed tells."""
    found: dict[str, list[ServiceAsset]] = {}
    try:
        for asset in () if cdk_out is None else service_assets(cdk_out):
            found.setdefault(asset.service, []).append(asset)
    except WorkspaceError:
        return {}
    return found


def pythons_of(scope: Scope, service: Member, assets: Sequence[ServiceAsset]) -> Mapping[str, str]:
    """The Pythons of a service's images, each with a sentence that says who chose it.

    Args:
        scope: what is judged, and the target where no assembly tells.
        service: the service.
        assets: its images and archives, as far as an assembly has some.
    """
    given = {python for asset in assets if (python := asset.arguments.get("PYTHON_VERSION")) is not None}
    if given:
        return {python: f"the stack has Python {python} for {service.name}" for python in sorted(given)}
    return {scope.target.python: f"the check's --python is {scope.target.python}"}
