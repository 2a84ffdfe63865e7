"""Loading a workspace and staging every context, against copying the same files and parsing the lock once.

uv run python benchmarks/load_and_stage.py
uv run python benchmarks/load_and_stage.py --growth
"""

import argparse
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from made_workspace import Shape, add_clutter, make
from timing import medians, seconds_of, table
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.workspace import Workspace


def stage(root: Path, target: Path) -> None:
    """What `cdk synth` does with the workspace: load it once, write each service's context."""
    workspace = Workspace.load(root)
    for service in workspace.services:
        BuildContext.of(workspace, service.name).write(target / service.name)


def copy(files: list[tuple[Path, Path]], folders: list[Path], lock: Path) -> None:
    """The least that could be done: the folders made, the same files copied, the lock parsed once."""
    tomllib.loads(lock.read_text())
    for folder in folders:
        folder.mkdir()
    for origin, copied in files:
        shutil.copy2(origin, copied)


def measure(shape: Shape, runs: int, *, clutter: int = 0, cpu: bool = False) -> tuple[float, float, int, int]:
    """Seconds of staging and of copying, the number of files, and their bytes."""
    with tempfile.TemporaryDirectory(prefix="uwf-benchmark-") as folder:
        base = Path(folder)
        root = make(base / "workspace", shape)
        if clutter:
            add_clutter(root, clutter)
        staged = base / "staged"
        stage(root, staged)
        target = base / "target"
        files = [(path, target / path.relative_to(staged)) for path in sorted(staged.rglob("*")) if path.is_file()]
        folders = sorted({target, *(target / path.relative_to(staged) for path in staged.rglob("*") if path.is_dir())})

        def timed(work: Callable[[], None]) -> float:
            seconds = seconds_of(work, cpu=cpu)
            shutil.rmtree(target)
            return seconds

        found = medians(
            {
                "stage": lambda: timed(lambda: stage(root, target)),
                "copy": lambda: timed(lambda: copy(files, folders, root / "uv.lock")),
            },
            runs,
        )
        return found["stage"], found["copy"], len(files), sum(origin.stat().st_size for origin, _ in files)


def main() -> int:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--growth", action="store_true", help="10, 50 and 200 services, and a repository full of clutter"
    )
    parser.add_argument("--cpu", action="store_true", help="time of this process instead of the clock on the wall")
    options = parser.parse_args()
    shapes = [("", Shape(), 0)]
    if options.growth:
        shapes = [
            ("", Shape(services=10, members=40), 0),
            ("", Shape(), 0),
            (", with 20,000 files in .venv, node_modules and cdk.out", Shape(), 20_000),
            ("", Shape(services=200, members=800), 0),
        ]
    rows = [("workspace", "staged files", "MB", "copy", "load and stage", "ratio")]
    for note, shape, clutter in shapes:
        print(f"{shape}{note} ...", file=sys.stderr)
        ours, least, files, size = measure(shape, options.runs, clutter=clutter, cpu=options.cpu)
        rows.append(
            (
                f"{shape}{note}",
                f"{files:,}",
                f"{size / 1e6:.1f}",
                f"{least:.2f} s",
                f"{ours:.2f} s",
                f"{ours / least:.2f}",
            )
        )
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
