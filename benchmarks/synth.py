"""Synthesizing one stack of our functions, against plain DockerImageFunctions over the same, already staged contexts.

Run `uv run python benchmarks/synth.py`; each synthesis is a process of its own, as `cdk synth` starts one.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from load_and_stage import stage
from made_workspace import Shape, add_clutter, make
from timing import medians, table

# The stack's own resources are a role, its policy, a log group and the function: 4 for each service, so 100 fit into one.
_PER_STACK = 100
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


# CloudFormation's rules take seconds to load, for either kind.
_ENVIRONMENT = {**os.environ, "CDK_VALIDATION": "false"}


def synthesize(kind: str, root: Path, staged: Path, output: Path) -> None:
    """What the measured process does: synthesize an app of all services."""
    import aws_cdk as cdk  # noqa: PLC0415 loading it is a part of every synthesis, and of no other process here
    from aws_cdk import aws_lambda as lambda_  # noqa: PLC0415

    app = cdk.App(outdir=str(output))
    names = sorted(folder.name for folder in staged.iterdir())
    if kind == "ours":
        from uv_workspace_function import UvWorkspaceFunction, Workspace  # noqa: PLC0415

        workspace = Workspace.load(root)
    for first in range(0, len(names), _PER_STACK):
        stack = cdk.Stack(app, f"Services{first // _PER_STACK}")
        for name in names[first : first + _PER_STACK]:
            if kind == "ours":
                UvWorkspaceFunction(stack, name, workspace=workspace, service=name)
            else:
                lambda_.DockerImageFunction(
                    stack,
                    name,
                    code=lambda_.DockerImageCode.from_image_asset(
                        str(staged / name), cmd=["x"], build_args={"SERVICE_NAME": name}
                    ),
                    architecture=lambda_.Architecture.ARM_64,
                )
    app.synth()
    # of this process and of the largest of its own: jsii's Node
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(sum(peaks) * _RSS_UNIT)


def _run(kind: str, root: Path, staged: Path, output: Path) -> float:
    begun = time.perf_counter()
    command = [sys.executable, __file__, "--synthesize", kind, str(root), str(staged), str(output)]
    subprocess.run(command, check=True, env=_ENVIRONMENT, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    shutil.rmtree(output)
    return seconds


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(shape: Shape, runs: int, *, clutter: int = 0) -> dict[str, float]:
    """Seconds of both; bytes of the assembly and of the memory that ours takes."""
    with tempfile.TemporaryDirectory(prefix="uwf-benchmark-") as folder:
        base = Path(folder)
        root = make(base / "workspace", shape)
        if clutter:
            add_clutter(root, clutter)
        staged = base / "staged"
        stage(root, staged)
        kinds = ("ours", "plain")
        found = medians({k: lambda k=k: _run(k, root, staged, base / f"{k}.out") for k in kinds}, runs)  # type: ignore[misc]
        output = base / "cdk.out"
        command = [sys.executable, __file__, "--synthesize", "ours", str(root), str(staged), str(output)]
        peak = subprocess.run(command, check=True, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True).stdout
        return found | {"bytes": _size(output), "peak": int(peak)}


def main() -> int:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--services", type=int, nargs="*", default=[50])
    parser.add_argument(
        "--clutter", type=int, default=0, help="files in .venv, node_modules and cdk.out of the repository"
    )
    parser.add_argument("--synthesize", nargs=4, metavar=("KIND", "ROOT", "STAGED", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.synthesize:
        kind, *folders = options.synthesize
        synthesize(kind, *map(Path, folders))
        return 0
    rows = [("workspace", "plain DockerImageFunction", "ours", "ratio", "cdk.out", "peak memory")]
    for services in options.services:
        shape = Shape(services=services, members=4 * services)
        print(f"{shape} ...", file=sys.stderr)
        found = measure(shape, options.runs, clutter=options.clutter)
        rows.append(
            (
                str(shape),
                f"{found['plain']:.1f} s",
                f"{found['ours']:.1f} s",
                f"{found['ours'] / found['plain']:.2f}",
                f"{found['bytes'] / 1e6:.0f} MB",
                f"{found['peak'] / 1e6:.0f} MB",
            )
        )
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
