"""What an image of this project costs, against other ways to build it and against the simplest possible script.

Run `uv run python benchmarks/images.py` with a container engine; about half an hour on two processors. All recipes build one
service, for the engine's own platform, in turn; figures are medians, and ratios are within this one run.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count
from pathlib import Path

import image_monorepo as monorepo
import pushes
import without_an_engine
from timing import medians, table
from uv_workspace_function import Workspace
from uv_workspace_function.context.build_context import BuildContext

sys.path.append(str(Path(__file__).parents[1]))
from local_cloud import python

_RECIPES = Path(__file__).with_name("recipes")
_OURS, _LIMIT = "this project", "limit"
_OTHERS = {"article, fixed": "article", "uv's guide": "guide", "COPY . .": "copy-all"}
_COLUMNS = (_OURS, *_OTHERS, _LIMIT)
_BASE, _CODE_ONLY, _CODE_AND_A_STEP = "base", "code-only", "code-and-a-step"
_ARM64 = "linux/arm64"
_MB = 1000 * 1000
_SAMPLE, _MANY, _MORE = 4, 50, 60
_IMPORT = """
import sys, time
sys.path.insert(0, "/var/task")
begun = time.perf_counter()
import bench_api.main
print(time.perf_counter() - begun)
"""


@dataclass(kw_only=True)
class Bench:
    """The monorepo, and the images that were built of it."""

    root: Path
    rounds: int
    platform: str
    tags: list[str] = field(default_factory=list)
    edits: Iterator[int] = field(default_factory=count)

    @staticmethod
    def name(tag: str) -> str:
        """The whole name of an image."""
        return f"uv-workspace-function-benchmark:{tag}"

    def build(self, recipe: str, tag: str, *options: str, platform: str = "") -> float:
        """Build an image from the monorepo as it is now; the seconds that `docker build` took."""
        context = self._context(recipe)
        name = self.name(tag)
        self.tags.append(name)
        command = [
            "docker",
            "build",
            "--progress=plain",
            f"--tag={name}",
            f"--platform={platform or self.platform}",
            *options,
        ]
        command += [f"--build-arg=SERVICE_NAME={monorepo.SERVICE}"]
        if recipe != _OURS:
            command.append(f"--file={_RECIPES / (_OTHERS | {_LIMIT: 'limit'}).get(recipe, recipe)}.Dockerfile")
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, str(context)],
            env={**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begun
        if done.returncode:
            raise SystemExit(f"{recipe} was not built:\n{done.stderr[-5000:]}")
        return seconds

    def edited(self, recipe: str, edit: Callable[[Path, int], None], *options: str) -> Callable[[], float]:
        """A case for `medians`: an edit that was not made before, and how long the build after it takes."""

        def rebuild() -> float:
            edit(self.root, next(self.edits))
            return self.build(recipe, _tag(recipe, "edited"), *options)

        return rebuild

    def _context(self, recipe: str) -> Path:
        """Where a recipe is built: our staged context, or the repository."""
        if recipe != _OURS:
            if recipe == _LIMIT:
                third_party = [
                    "--frozen",
                    "--no-emit-local",
                    "--no-default-groups",
                    "--no-hashes",
                    "--package=bench-api",
                ]
                command = ["uv", "export", "--quiet", *third_party, "--output-file=requirements.txt"]
                subprocess.run(command, cwd=self.root, check=True, stdout=subprocess.DEVNULL)
            return self.root
        folder = self.root.with_name("staged")
        staged = BuildContext.of(Workspace.load(self.root), "bench-api")
        # In place, as an editor leaves a repository: a file that is the same keeps its time.
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.relative_to(folder).as_posix() not in staged.files:
                path.unlink()
        for name, file in staged.files.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != file.content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
        return folder

    def layers(self, tag: str) -> Mapping[str, int]:
        """The image's layers above the base: digest -> bytes, compressed."""
        saved = subprocess.run(["docker", "image", "save", self.name(tag)], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as tar:

            def read(path: str) -> dict[str, list[dict[str, object]]]:
                return dict(json.load(tar.extractfile(path)))  # type: ignore[arg-type]

            digest = str(read("index.json")["manifests"][0]["digest"])
            layers = read(f"blobs/{digest.replace(':', '/')}")["layers"]
        found = {str(layer["digest"]): int(str(layer["size"])) for layer in layers}
        return found if tag == _BASE else {layer: size for layer, size in found.items() if layer not in self.base}

    @cached_property
    def base(self) -> Mapping[str, int]:
        """The layers of the base image."""
        self.build(_BASE, _BASE)
        return self.layers(_BASE)

    def import_seconds(self, tag: str) -> float:
        """How long the handler's import takes in a fresh container, read-only and not as root."""
        options = ["--rm", "--read-only", "--network=none", "--user=993", f"--platform={self.platform}"]
        command = ["docker", "run", *options, "--entrypoint=python3", self.name(tag), "-c", _IMPORT]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def clean(self) -> None:
        """Remove the images."""
        subprocess.run(
            ["docker", "image", "rm", "--force", *dict.fromkeys(self.tags)], capture_output=True, check=False
        )


def measure(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the table: figures of this project, and how often each other recipe takes as much."""
    yield ("", *_COLUMNS)

    def cold(name: str) -> Callable[[], float]:
        # BuildKit's caches are of no use to such a build, uv's cache mount included.
        return lambda: bench.build(name, _tag(name), "--no-cache")

    builds = {name: cold(name) for name in _COLUMNS}
    yield ("cold build", *_ratios(medians(builds, bench.rounds, uncounted=0), "s"))
    first = {name: bench.layers(_tag(name)) for name in _COLUMNS}
    yield ("bytes above the base image", *_ratios({n: sum(sizes.values()) / _MB for n, sizes in first.items()}, "MB"))
    imports = {name: partial(bench.import_seconds, _tag(name)) for name in _COLUMNS}
    yield ("import of the handler", *_ratios(medians(imports, 4 * bench.rounds), "s"))
    warm = {name: partial(bench.build, name, _tag(name)) for name in _COLUMNS}
    yield ("build again, nothing changed", *_ratios(medians(warm, bench.rounds), "s"))
    for title, edit in (
        ("rebuild after a line of code", monorepo.edit_code),
        ("rebuild after a lock change elsewhere", monorepo.edit_elsewhere),
    ):
        rounds = 2 * bench.rounds if edit is monorepo.edit_code else bench.rounds
        yield (title, *_ratios(medians({name: bench.edited(name, edit) for name in _COLUMNS}, rounds), "s"))

    yield ("new bytes: built again from scratch", *_new_bytes(bench, lambda: None, "--no-cache"))
    for title, edit in (
        ("new bytes: a line of code", monorepo.edit_code),
        ("new bytes: a line of a library", monorepo.edit_library),
    ):
        yield (title, *_new_bytes(bench, partial(edit, bench.root, next(bench.edits))))
    yield (f"new bytes: a bump of {monorepo.BUMPED}", *_new_bytes(bench, partial(monorepo.bump, bench.root)))


def measure_bounds(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the second table: this project against what can't be beaten."""
    yield ("", "ratio")
    for name in (_OURS, _LIMIT):
        bench.build(name, _tag(name))
    own, limit = (list(bench.layers(_tag(name)).values()) for name in (_OURS, _LIMIT))
    for title, of_own, of_limit in (
        ("third-party packages", sum(own[:-2]), sum(limit[:-2])),
        ("local libraries", own[-2], limit[-2]),
        ("code", own[-1], limit[-1]),
    ):
        bytes_of = f"{of_own / 1000:,.1f} kB against {of_limit / 1000:,.1f} kB"
        yield (f"bytes of the layers, against the limit's: {title}", f"{of_own / of_limit:.3f}x ({bytes_of})")

    before = f"--build-arg=BEFORE={bench.name(_tag(_LIMIT))}"
    rebuilds = {
        _OURS: bench.edited(_OURS, monorepo.edit_code),
        _CODE_ONLY: bench.edited(_CODE_ONLY, monorepo.edit_code, before),
        _CODE_AND_A_STEP: bench.edited(_CODE_AND_A_STEP, monorepo.edit_code, before),
    }
    found = medians(rebuilds, 4 * bench.rounds)
    for name, title in (
        (_CODE_ONLY, "a Dockerfile that only copies the code"),
        (_CODE_AND_A_STEP, "one that copies the code and runs `true`"),
    ):
        seconds = f"{found[_OURS]:.2f} s against {found[name]:.2f} s"
        yield (f"rebuild after a line of code, against {title}", f"{found[_OURS] / found[name]:.2f}x ({seconds})")


def measure_emulation(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the third table: a builder that runs natively against one on the image's own processor."""
    yield ("", "native builder", "emulated builder", "ratio")
    emulated = f"--build-arg=BUILDER_PLATFORM={_ARM64}"
    builders = {
        "native": partial(bench.build, _OURS, "arm64", "--no-cache", platform=_ARM64),
        "emulated": partial(bench.build, _OURS, "arm64-emulated", "--no-cache", emulated, platform=_ARM64),
    }
    found = medians(builders, bench.rounds, uncounted=0)
    ratio = found["emulated"] / found["native"]
    yield (f"cold build for {_ARM64}", f"{found['native']:.1f} s", f"{found['emulated']:.1f} s", f"{ratio:.1f}x")


def _tag(name: str, suffix: str = "") -> str:
    """A recipe's name as a tag."""
    return re.sub("[^a-z0-9]+", "-", f"{name} {suffix}".lower()).strip("-")


def _ratios(found: Mapping[str, float], unit: str) -> list[str]:
    own = found[_OURS]
    return [f"{own:.2f} {unit}" if name == _OURS else f"{found[name] / own:.2f}x" for name in _COLUMNS]


def _new_bytes(bench: Bench, change: Callable[[], None], *options: str) -> list[str]:
    """What of each image a registry lacks after a change, when it had the image before it."""
    before = {}
    for name in _COLUMNS:
        bench.build(name, _tag(name))
        before[name] = bench.layers(_tag(name))
    change()
    cells = []
    for name in _COLUMNS:
        bench.build(name, _tag(name), *options)
        new = sum(size for digest, size in bench.layers(_tag(name)).items() if digest not in before[name])
        cells.append(f"{new / 1000:,.1f} kB")
    return cells


def measure_without_an_engine(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the fourth table: the same contexts built by `services build`."""
    yield from without_an_engine.measure(_pair(bench, bench.root), bench.rounds)


def measure_many_without_an_engine(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the fifth table: fifty services."""
    root = bench.root.with_name("many")
    without_an_engine.write_many(root)
    yield from without_an_engine.measure_many(_pair(bench, root), max(1, bench.rounds // 2 + 1))


def measure_pushes(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the sixth table: the same contexts, in a registry."""
    yield from pushes.measure(_pair(bench, bench.root), bench.rounds)


def measure_several_pushes(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the seventh table: as many services as the sample has, in a registry."""
    root = bench.root.with_name("several")
    without_an_engine.write_many(root, _SAMPLE)
    yield from pushes.measure_many(_pair(bench, root), [f"service-{n}" for n in range(_SAMPLE)], bench.rounds)


def measure_requests(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the eighth table: what a registry is asked for sixty services."""
    root = bench.root.with_name("asked")
    without_an_engine.write_many(root, _MORE)
    yield from pushes.measure_requests(_pair(bench, root), [f"service-{n}" for n in range(_MORE)])


def measure_patch_day(bench: Bench) -> Iterator[tuple[str, ...]]:
    """The rows of the ninth table: fifty services on a new base image."""
    root = bench.root.with_name("patched")
    without_an_engine.write_many(root)
    yield from pushes.measure_patch_day(_pair(bench, root), [f"service-{n}" for n in range(_MANY)])


def _pair(bench: Bench, root: Path) -> without_an_engine.Pair:
    command = ["uv", "python", "find", "--system", "--no-project", "--no-python-downloads", "3.14"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    interpreter = Path(found) if found else python.program()
    folder = root.with_name(f"{root.name}-pair")
    folder.mkdir()
    return without_an_engine.Pair(
        root=root, folder=folder, platform=bench.platform, interpreter=interpreter, tags=bench.tags
    )


_PARTS: Mapping[str, Callable[[Bench], Iterator[tuple[str, ...]]]] = {
    "recipes": measure,
    "bounds": measure_bounds,
    "emulation": measure_emulation,
    "without-an-engine": measure_without_an_engine,
    "many-without-an-engine": measure_many_without_an_engine,
    "pushes": measure_pushes,
    "several-pushes": measure_several_pushes,
    "patch-day": measure_patch_day,
    "requests": measure_requests,
}


def main() -> int:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5, help="how often each figure is taken (default 5)")
    arguments.add_argument("parts", nargs="*", choices=_PARTS, help="which tables (default all)")
    given = arguments.parse_args()
    machine = subprocess.run(
        ["docker", "version", "--format={{.Server.Arch}}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        monorepo.write(root)
        bench = Bench(root=root, rounds=given.rounds, platform=f"linux/{machine}")
        try:
            for part in given.parts or _PARTS:
                print(f"{table(list(_PARTS[part](bench)))}\n", flush=True)
        finally:
            bench.clean()
    return 0


if __name__ == "__main__":
    sys.exit(main())
