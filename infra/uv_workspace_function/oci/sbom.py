"""What is in an image, as a CycloneDX document: the locked closure of the target, and the same bytes for the same lock."""

import json
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.steps import Tools
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import installed
from uv_workspace_function.uv import exported
from uv_workspace_function.workspace.closure import Closure

_MOMENT = "1980-01-01T00:00:00Z"
_NAMESPACE = uuid.UUID("b1a6a6a2-3b57-5b54-9d4f-0d6f4e1b7c11")


def document(
    closure: Closure, target: Target, tools: Tools, context: Path, home: Path, *, left_out: Collection[str] = ()
) -> bytes:
    """The document of one image or archive.

    uv writes it of all that the lock has for any machine, with a random number and the time; what the target does not install is left
    out, the number follows from the content, and the time is that of the image's files.

    Args:
        closure: whose image.
        target: what it is for.
        tools: by which uv.
        context: the build context.
        home: an empty folder.
        left_out: the packages that are not in it, since the runtime has them.

    Raises:
        WorkspaceError: when uv does not write it.
    """
    project = context / closure.project.folder
    answer = exported(
        tools.uv,
        project,
        closure.service.name,
        *("--format=cyclonedx1.5", "--preview-features=sbom-export", "--quiet"),
        extras=closure.extras,
        python=tools.interpreter.program,
        variables=tools.environment(home, {}),
    )
    if answer is None or answer.code:
        said = answer.reason if answer is not None else "it could not be run"
        raise WorkspaceError(f"uv wrote no CycloneDX document of {closure.service.name}: {said}")
    there = {(p.name, p.version) for p in installed(closure.selection, target) if p.name not in left_out}
    return _normalized(json.loads(answer.output), there)


def _normalized(document: dict[str, Any], there: set[tuple[str, str | None]]) -> bytes:
    components = [c for c in document["components"] if _is_there(c, there)]
    root = document["metadata"]["component"]["bom-ref"]
    kept = {root, *(component["bom-ref"] for component in components)}
    # uv numbers packages in the order of its lock.
    names = {ref: _unnumbered(ref, kept) for ref in kept}
    document["metadata"]["timestamp"] = _MOMENT
    document["metadata"]["component"]["bom-ref"] = names[root]
    document["components"] = sorted(
        ({**component, "bom-ref": names[component["bom-ref"]]} for component in components),
        key=lambda component: str(component["bom-ref"]),
    )
    document["dependencies"] = sorted(
        (_edges(entry, names) for entry in document.get("dependencies", ()) if entry["ref"] in kept),
        key=lambda entry: str(entry["ref"]),
    )
    document.pop("serialNumber", None)
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}"
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _is_there(component: Mapping[str, Any], there: set[tuple[str, str | None]]) -> bool:
    # The lock has no version of a package whose version is dynamic.
    return (component["name"], component.get("version")) in there or (component["name"], None) in there


def _edges(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    targets = sorted(names[ref] for ref in entry.get("dependsOn", ()) if ref in names)
    return {"ref": names[entry["ref"]], **({"dependsOn": targets} if targets else {})}


def _unnumbered(ref: str, all_: set[str]) -> str:
    plain = _plain(ref)
    return plain if [_plain(other) for other in all_].count(plain) == 1 else ref


def _plain(ref: str) -> str:
    name, at, version = ref.partition("@")
    head, _, number = name.rpartition("-")
    return f"{head}{at}{version}" if head and number.isdecimal() else ref
