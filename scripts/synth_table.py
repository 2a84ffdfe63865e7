"""A short table of what `cdk synth` made: each image function's service and handler, and the build context behind it."""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image function of a synthesized stack."""

    service: str
    handler: str
    files: int
    size: int
    asset: str


def rows(assembly: Path) -> list[Row]:
    """The image functions of a cloud assembly (`cdk.out`), sorted by service and handler. Size is in bytes.

    Read from the files that the CDK CLI deploys from: each stack's template and asset manifest.
    """
    found = []
    for manifest in sorted(assembly.glob("**/*.assets.json")):
        images = {
            destination["imageTag"]: image["source"]
            for image in json.loads(manifest.read_text())["dockerImages"].values()
            for destination in image["destinations"].values()
        }
        template = json.loads(manifest.with_name(manifest.name.replace(".assets.", ".template.")).read_text())
        for resource in template["Resources"].values():
            if resource["Type"] != "AWS::Lambda::Function":
                continue
            asset = _asset_in(resource["Properties"]["Code"].get("ImageUri", ""))
            if asset not in images:
                continue  # a function from a zip, or from an image that is built elsewhere
            source = images[asset]
            context = [path for path in (manifest.parent / source["directory"]).rglob("*") if path.is_file()]
            found.append(
                Row(
                    service=source.get("dockerBuildArgs", {}).get("SERVICE_NAME", source["directory"]),
                    handler=".".join(resource["Properties"].get("ImageConfig", {}).get("Command", [])),
                    files=len(context),
                    size=sum(path.stat().st_size for path in context),
                    asset=asset,
                )
            )
    return sorted(found, key=lambda row: (row.service, row.handler))


def _asset_in(image_uri: Any) -> str:
    """The asset's hash, which is the tag at the end of the image's address."""
    found = re.search(r"[0-9a-f]{64}", json.dumps(image_uri))
    return found[0] if found else ""


def table(found: list[Row]) -> str:
    """The rows as text, a heading above, columns aligned."""
    cells = [("service", "handler", "files", "size", "asset")]
    for row in found:
        cells.append((row.service, row.handler, str(row.files), f"{row.size / 1000:.1f} kB", row.asset[:12]))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = []
    for service, handler, files, size, asset in cells:
        left = f"{service:{widths[0]}}  {handler:{widths[1]}}"
        lines.append(f"{left}  {files:>{widths[2]}}  {size:>{widths[3]}}  {asset}")
    return "\n".join(lines)


def main() -> int:
    """Print the table of one cloud assembly."""
    parser = argparse.ArgumentParser(description="What `cdk synth` made: a row for each image function.")
    parser.add_argument("assembly", type=Path, nargs="?", default=Path("cdk.out"))
    assembly: Path = parser.parse_args().assembly
    found = rows(assembly)
    if not found:
        print(f"no image function is synthesized in {assembly}; run `cdk synth` first", file=sys.stderr)
        return 2
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
