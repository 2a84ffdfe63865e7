"""Builds without an engine against `docker build`, of the same context or from the repository on: both end in a store of the machine's own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import image_monorepo as monorepo
from timing import medians

_BASE = "public.ecr.aws/lambda/python:3.14"
_COMMAND = (
    "import json, resource, sys, time; begun = time.perf_counter()\n"
    "from uv_workspace_function.cli.main import main\n"
    "try: main()\n"
    "finally: print(json.dumps({'kB': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), file=sys.stderr)"
)
_FORGOTTEN = 65
"""Seconds."""
_MADE = 50
_RUN = time.time_ns()
_SETS = (["fastapi", "boto3"], ["pandas"], ["httpx", "pydantic"], ["requests", "pyyaml"], ["structlog", "redis"])


@dataclass(kw_only=True)
class Pair:
    """A repository whose services are built in both ways.

    Args:
        root: the repository.
        folder: where what is made on the way goes.
        platform: `linux/amd64` or `linux/arm64`.
        interpreter: the Python that compiles.
        tags: where the names of the engine's images are put.
    """

    root: Path
    folder: Path
    platform: str
    interpreter: Path
    tags: list[str]
    memory: int = 0
    """The most that a process of ours took, in kB."""

    def base(self) -> Path:
        """The base image as a layout."""
        place = self.folder / "base.tar"
        if not place.exists():
            subprocess.run(["docker", "image", "save", f"--output={place}", _BASE], check=True)
        return place

    def cache(self, *, is_new: bool) -> Path:
        """A cache that knows uv and the base image; a new one knows no package and no layer."""
        known, cache = self.folder / "known", self.folder / "cache"
        if not known.exists():
            self._warm(known)
        if is_new or not cache.exists():
            shutil.rmtree(cache, ignore_errors=True)
            shutil.copytree(known, cache, symlinks=True)
            _settle()
        return cache

    def _warm(self, cache: Path) -> None:
        """Have uv, and what is to be known of the base image, in a cache; nothing else stays."""
        first = next(iter(sorted((self.root / "services").iterdir()))).name.replace("_", "-")
        self._services(
            ["build", first if first != "common" else monorepo.SERVICE.replace("_", "-"), f"--cache={cache}"]
        )
        for name in ("uv-cache", "work", "locks", "tmp"):
            shutil.rmtree(cache / name, ignore_errors=True)
        for kind in ("steps", "same", "paths", "rebased", "reduced"):
            shutil.rmtree(cache / "records" / kind, ignore_errors=True)
        for blob in (cache / "blobs/sha256").iterdir():
            if blob.stat().st_size > 100_000 or blob.read_bytes()[:1] != b"{":
                blob.unlink()

    def ours(self, *services: str, is_new: bool) -> tuple[float, Any]:
        """Build services; the seconds that it took, and the answer."""
        cache = self.cache(is_new=is_new)
        begun = time.perf_counter()
        answer = self._services(["build", *services, f"--cache={cache}"])
        return time.perf_counter() - begun, answer

    def exported(self, service: str) -> tuple[float, float]:
        """Write an image that both have made into a file; the seconds of the engine, and ours."""
        file = self.folder / "exported.tar"
        begun = time.perf_counter()
        tag = f"uv-workspace-function-benchmark:{service}"
        subprocess.run(["docker", "image", "save", f"--output={file}", tag], check=True)
        between = time.perf_counter()
        file.unlink()
        self._services(["build", service, f"--cache={self.folder / 'cache'}", f"--output={file}"])
        ended = time.perf_counter()
        file.unlink()
        return between - begun, ended - between

    def engine(self, *services: str, is_new: bool = False) -> float:
        """Build services with the engine, as one does from a shell: `services prune`, and `docker build` of each context.

        Args:
            services: one, or all of the repository.
            is_new: whether the engine and uv know nothing: the first build without caches empties those of uv, too.

        Returns:
            The seconds that it took.
        """
        if is_new:
            _settle()
        begun = time.perf_counter()
        folder = self.folder / "contexts"
        found = self._command(["prune", *(services if len(services) == 1 else ["--all"]), f"--output={folder}"])
        if len(services) == 1:
            found = [found]
        for number, context in enumerate(found):
            name = self._name(context["service"])
            self._build(
                ["docker", *_as_the_cdk(context["build_args"], name, self.platform, is_new and number == 0)],
                context["output"],
            )
        seconds = time.perf_counter() - begun
        shutil.rmtree(folder)
        return seconds

    def of_context(self, service: str, *, by_engine: bool) -> float:
        """Build a context that lies there, as the CDK CLI has it built: by docker, or by the program for `CDK_DOCKER`.

        Returns:
            The seconds that it took.
        """
        folder = self.folder / "context"
        arguments = self._command(["prune", service, f"--output={folder}"])["build_args"]
        program = "docker" if by_engine else str(Path(sys.executable).with_name("uv-workspace-docker"))
        if not by_engine:
            arguments["BASE_IMAGE"] = f"oci:{self.base()}"
        begun = time.perf_counter()
        self._build([program, *_as_the_cdk(arguments, self._name(service), self.platform)], folder)
        seconds = time.perf_counter() - begun
        shutil.rmtree(folder)
        return seconds

    def _name(self, service: str) -> str:
        name = f"uv-workspace-function-benchmark:{service}"
        self.tags.append(name)
        return name

    def _build(self, command: list[str], folder: Path | str) -> None:
        variables = {
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            "UV_WORKSPACE_DOCKER_CACHE": str(self.folder / "cache"),
            "UV_WORKSPACE_DOCKER_INTERPRETER": str(self.interpreter),
        }
        done = subprocess.run(
            command, cwd=folder, env={**_environment(), **variables}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{folder} was not built:\n{done.stderr[-3000:]}")

    def _services(self, arguments: list[str]) -> Any:
        base = [] if any(one.startswith("--base-image") for one in arguments) else [f"--base-image=oci:{self.base()}"]
        return self._command([*arguments, *base, f"--interpreter={self.interpreter}"])

    def _command(self, arguments: list[str]) -> Any:
        architecture = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}[self.platform]
        options = [f"--workspace={self.root}", "--json", f"--architecture={architecture}"]
        command = [sys.executable, "-c", _COMMAND, *arguments, *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
        if done.returncode:
            raise SystemExit(f"services {arguments[0]} failed:\n{done.stderr[-3000:]}")
        if arguments[0] == "build":
            self.memory = max(self.memory, json.loads(done.stderr.splitlines()[-1])["kB"])
        return json.loads(done.stdout)


def _settle() -> None:
    """Let the disk forget what was done before: neither way pays for what the other one, or a round before it, wrote or deleted.

    To make a file, ext4 passes over the inodes that were freed within a minute, one by one, and over those whose deletion isn't
    written yet (`recently_deleted` in fs/ext4/ialloc.c): after thousands of deletions, that costs seconds.
    """
    os.sync()
    time.sleep(_FORGOTTEN)


def _environment() -> dict[str, str]:
    """An installed command has its bytecode, whatever this machine's variables say of writing it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _as_the_cdk(build_args: Mapping[str, str], name: str, platform: str, is_new: bool = False) -> list[str]:
    arguments = [part for key, value in build_args.items() for part in ("--build-arg", f"{key}={value}")]
    return ["build", *(["--no-cache"] if is_new else []), *arguments, "--tag", name, "--platform", platform, "."]


def measure(pair: Pair, rounds: int) -> Iterator[tuple[str, ...]]:
    """The rows of a table: how long both ways take, and what is new where nothing changed."""
    service = monorepo.SERVICE.replace("_", "-")
    yield ("", "BuildKit", "without an engine", "ratio", "at most")
    cold = {
        "engine": lambda: pair.engine(service, is_new=True),
        "ours": lambda: pair.ours(service, is_new=True)[0],
    }
    yield row("cold build, uv's cache empty, base known", medians(cold, rounds, uncounted=0), "0.5")

    edits = count(_RUN)

    def edited(build: Callable[[], float]) -> Callable[[], float]:
        def run() -> float:
            monorepo.edit_code(pair.root, next(edits))
            return build()

        return run

    of_context = {
        "engine": edited(lambda: pair.of_context(service, by_engine=True)),
        "ours": edited(lambda: pair.of_context(service, by_engine=False)),
    }
    yield row("a line of code, of the same context", medians(of_context, 2 * rounds), "0.35")
    from_repository = {
        "engine": edited(lambda: pair.engine(service)),
        "ours": edited(lambda: pair.ours(service, is_new=False)[0]),
    }
    yield row("a line of code, from the repository on", medians(from_repository, 2 * rounds), "")
    pairs = [pair.exported(service) for _ in range(rounds)]
    saved, written = (sorted(column)[rounds // 2] for column in zip(*pairs, strict=True))
    yield ("the image as a file, base included", f"{saved:.2f} s", f"{written:.2f} s", f"{written / saved:.2f}", "")
    before, after = (pair.ours(service, is_new=True)[1] for _ in range(2))
    for what in ("diff_id", "digest"):
        new = {layer[what] for layer in after["layers"]} - {layer[what] for layer in before["layers"]}
        yield (f"from scratch once more: new {'DiffIDs' if what == 'diff_id' else 'blobs'}", "", str(len(new)), "", "0")
    yield ("memory of our process", "", f"{pair.memory / 1000:.0f} MB", "", "300 MB")


def measure_many(pair: Pair, rounds: int) -> Iterator[tuple[str, ...]]:
    """The row of a table: fifty services from nothing."""
    yield ("", "BuildKit", "without an engine", "ratio", "at most")
    names = [f"service-{number}" for number in range(_MADE)]
    cases: Mapping[str, Callable[[], float]] = {
        "engine": lambda: pair.engine(*names, is_new=True),
        "ours": lambda: pair.ours("--all", is_new=True)[0],
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds):
        write_definitions(pair.root, turn)
        for name, case in cases.items():
            for number, service in enumerate(names):
                (pair.root / "services" / service / "src" / service.replace("-", "_") / "main.py").write_text(
                    f"def handler(event, context):\n    return {(name, turn, number)!r}\n"
                )
            found[name].append(case())
        print({name: [round(s, 1) for s in seconds] for name, seconds in found.items()}, file=sys.stderr, flush=True)
    middle = {name: sorted(seconds)[len(seconds) // 2] for name, seconds in found.items()}
    yield row(f"{_MADE} services from nothing, five sets of packages", middle, "0.4")
    yield ("memory of our process", "", f"{pair.memory / 1000:.0f} MB", "", "300 MB")


def write_many(root: Path, services: int = _MADE) -> None:
    """Services with five sets of third-party packages."""
    (root / "services").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["services/*"]\n')
    for number in range(services):
        module = root / f"services/service-{number}/src/service_{number}"
        module.mkdir(parents=True)
        (module / "__init__.py").write_text("")
        (module / "main.py").write_text("def handler(event, context):\n    return event\n")
    write_definitions(root, 0)


def write_definitions(root: Path, turn: int) -> None:
    """The services' definitions: other ones in each round and each run, so that BuildKit has no step of them."""
    for number in range(len([*(root / "services").iterdir()])):
        dependencies = [*_SETS[number % len(_SETS)], f"idna==3.{4 + turn}"]
        text = monorepo.PACKAGE.format(name=f"service-{number}", dependencies=json.dumps(dependencies), sources="")
        text = text.replace("[project]\n", f'[project]\ndescription = "{_RUN}"\n', 1)
        (root / f"services/service-{number}/pyproject.toml").write_text(text)
    subprocess.run(["uv", "lock", "--quiet"], cwd=root, check=True)


def row(title: str, found: Mapping[str, float], limit: str) -> tuple[str, ...]:
    """A row: how long both ways take, and their ratio."""
    return (
        title,
        f"{found['engine']:.2f} s",
        f"{found['ours']:.2f} s",
        f"{found['ours'] / found['engine']:.2f}",
        limit,
    )
