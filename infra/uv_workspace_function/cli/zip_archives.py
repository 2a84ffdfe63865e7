"""Zip archives for `services build --format zip`, and for the CDK CLI when it publishes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.insight.sizes import shown_size
from uv_workspace_function.oci import output, zip_builds
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target import managed_runtime
from uv_workspace_function.target.target import Target


def run(
    store: Store,
    contexts: Sequence[BuildContext],
    requests: Sequence[Request],
    target: Target,
    options: Options,
    destinations: Mapping[str, Path],
    *,
    runtime_sdk: bool,
) -> list[dict[str, Any]]:
    """Build archives, and write them where they go; what is to be told of each.

    Raises:
        WorkspaceError: when one cannot be built, is larger than Lambda takes, or cannot be written.
    """
    runtime = managed_runtime.runtime(target)
    left_out: dict[str, tuple[str, ...]] = {}
    for context in contexts:
        selection, service = context.closure.selection, context.service.name
        left_out[service], warnings = managed_runtime.left_out(selection, target, runtime_sdk=runtime_sdk)
        for warning in warnings:
            say(f"note: {warning}", err=True)
    archives = []
    for found in zip_builds.run(store, requests, options, left_out=left_out):
        place = destinations.get(found.service)
        if place is not None:
            output.write_zip(store, found.blob, place)
        archives.append(
            {
                "service": found.service,
                "runtime": runtime,
                "digest": found.blob.digest,
                "size": found.blob.size,
                "unpacked": found.unpacked,
                "files": found.files,
                "left_out": list(left_out[found.service]),
                "reused": found.is_reused,
                "output": None if place is None else str(place),
                "remarks": list(found.remarks),
            }
        )
    return archives


def tell(archives: Sequence[Mapping[str, Any]], *, as_json: bool, is_one: bool) -> None:
    """Print what came of archives."""
    if as_json:
        say_json(archives[0] if is_one else archives)
        return
    for archive in archives:
        place = "" if archive["output"] is None else f"  {archive['output']}"
        say(f"{archive['service']}  {archive['digest']}{place}")
        say(
            f"  {shown_size(archive['size'])}, {shown_size(archive['unpacked'])} unpacked, for {archive['runtime']}"
            + (f", without {', '.join(archive['left_out'])}" if archive["left_out"] else "")
        )
        for remark in archive["remarks"]:
            say(f"note: {remark}", err=True)
