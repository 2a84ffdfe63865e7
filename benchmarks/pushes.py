"""Images in a registry of this machine, by the engine and without one: after a line of code, from nothing, on patch day, on a fresh runner."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import image_monorepo as monorepo
from timing import medians
from without_an_engine import Pair, row, write_definitions

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from oci import ecr
from oci.ecr import Ecr

_PLACE = "shop"
_CACHE = "cache"
_EDITED = 'import json\n\n\ndef handler(event, context):\n    return json.dumps("{}")\n'
HEAD = ("", "BuildKit", "without an engine", "ratio", "at most")


@dataclass(kw_only=True)
class Registries:
    """A registry for each way, so that neither finds what the other sent."""

    engine: Ecr
    ours: Ecr
    pair: Pair

    def by_engine(self, *services: str, is_new: bool = False) -> float:
        """Build services with the engine and push them; the seconds that it took."""
        seconds = self.pair.engine(*services, is_new=is_new)
        for service in services:
            name = f"{self.engine.host}/{_PLACE}:{service}-{next(_NUMBERS)}"
            begun = time.perf_counter()
            docker("tag", f"uv-workspace-function-benchmark:{service}", name)
            docker("push", "--quiet", name)
            seconds += time.perf_counter() - begun
            docker("image", "rm", name)
        return seconds

    def by_us(self, *services: str, is_new: bool = False) -> float:
        """Build services without an engine and push them; the seconds that it took."""
        return self.pair.ours(*services, f"--push={self.ours.host}/{_PLACE}", is_new=is_new)[0]

    def forget(self) -> None:
        """Have both registries empty."""
        for registry in (self.engine, self.ours):
            registry.empty()


_NUMBERS = count()


def measure(pair: Pair, rounds: int) -> Iterator[tuple[str, ...]]:
    """The rows of a table: one service, with pandas and others."""
    service = monorepo.SERVICE.replace("_", "-")
    yield HEAD
    with ecr.serving(repositories=(_PLACE, _CACHE)) as engine, ecr.serving(repositories=(_PLACE, _CACHE)) as ours:
        registries = Registries(engine=engine, ours=ours, pair=pair)

        def edited(build: Callable[[], float]) -> Callable[[], float]:
            def run() -> float:
                monorepo.edit_code(pair.root, next(_NUMBERS))
                return build()

            return run

        line = {
            "engine": edited(lambda: registries.by_engine(service)),
            "ours": edited(lambda: registries.by_us(service)),
        }
        yield row("image after a line of code, in the registry", medians(line, 2 * rounds), "0.35")
        yield from _fresh_runner(registries, service)


def _fresh_runner(registries: Registries, service: str) -> Iterator[tuple[str, ...]]:
    """What goes over the wire where a runner has an empty cache, and a trusted run has written the registry's."""
    pair, registry = registries.pair, registries.ours
    cache = f"type=registry,ref={registry.host}/{_CACHE}:main"
    pair.ours(service, f"--push={registry.host}/{_PLACE}", f"--cache-to={cache}", is_new=True)
    monorepo.edit_code(pair.root, next(_NUMBERS))
    registry.forget()
    pair.ours(service, f"--push={registry.host}/{_PLACE}", f"--cache-from={cache}", is_new=True)
    moved = registry.taken + registry.given
    yield ("fresh runner, registry cache, a line of code: bytes down and up", "", f"{moved / 1e6:.2f} MB", "", "2 MB")


def measure_many(pair: Pair, services: list[str], rounds: int) -> Iterator[tuple[str, ...]]:
    """The rows of a table: several services from nothing, and after a line of code in one of them."""
    yield HEAD
    with ecr.serving(repositories=(_PLACE,)) as engine, ecr.serving(repositories=(_PLACE,)) as ours:
        registries = Registries(engine=engine, ours=ours, pair=pair)

        def from_nothing(build: Callable[[], float]) -> Callable[[], float]:
            turns = count()

            def run() -> float:
                registries.forget()
                write_definitions(pair.root, next(turns))
                return build()

            return run

        cold = {
            "engine": from_nothing(lambda: registries.by_engine(*services, is_new=True)),
            "ours": from_nothing(lambda: registries.by_us("--all", is_new=True)),
        }
        yield row(f"{len(services)} images from nothing, in the registry", medians(cold, rounds, uncounted=0), "0.5")

        def edited(build: Callable[[], float]) -> Callable[[], float]:
            def run() -> float:
                edit(pair.root, services[0], next(_NUMBERS))
                return build()

            return run

        line = {
            "engine": edited(lambda: registries.by_engine(*services)),
            "ours": edited(lambda: registries.by_us("--all")),
        }
        yield row(f"{len(services)} images after a line of code in one", medians(line, rounds), "0.4")


def measure_requests(pair: Pair, services: list[str]) -> Iterator[tuple[str, ...]]:
    """The rows of a table: what a registry is asked after a line of code in one of several services."""
    yield ("", "requests")
    with ecr.serving(repositories=(_PLACE,)) as registry:
        to = f"--push={registry.host}/{_PLACE}"
        pair.ours("--all", to, is_new=True)
        edit(pair.root, services[0], next(_NUMBERS))
        registry.forget()
        pair.ours("--all", to, is_new=False)
        tags = [path.rpartition("/")[2] for _, path in registry.asked if "/manifests/" in path]
        others = [tag for tag in tags if not tag.startswith(f"{services[0]}-")]
        yield (f"{len(services)} services, a line of code in one: for the other {len(services) - 1}", str(len(others)))
        yield ("for the changed one", str(len(registry.asked) - len(others)))


def measure_patch_day(pair: Pair, services: list[str]) -> Iterator[tuple[str, ...]]:
    """The rows of a table: all services on a new base image."""
    yield ("", "without an engine", "at most")
    with ecr.serving(repositories=(_PLACE,)) as registry:
        to = f"--push={registry.host}/{_PLACE}"
        _, before = pair.ours("--all", to, is_new=True)
        own = {layer["digest"] for answer in before for layer in answer["layers"]}
        patched = _patched(pair)
        registry.forget()
        seconds, after = pair.ours("--all", to, f"--base-image=oci:{patched}", is_new=False)
        sent = sum(len(registry.blobs[_PLACE][digest]) for digest in registry.received if digest in own)
        yield (f"patch day of {len(services)} services: application bytes sent", str(sent), "0")
        yield ("patch day: seconds per service", f"{seconds / len(services):.2f} s", "0.5")
        configurations = {answer["configuration"] for answer in after}
        others = set(registry.received) - configurations
        yield ("contents sent beside configurations", f"{len(others)} (the base image's)", "")


def _patched(pair: Pair) -> Path:
    """The base image with one more layer, as another layout."""
    source, place = pair.base(), pair.folder / "patched"
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(source) as archive:
        archive.extractall(place, filter="data")
    index = json.loads((place / "index.json").read_text())
    manifest_place = place / "blobs" / index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(manifest_place.read_text())
    while "manifests" in manifest:
        fitting = [e for e in manifest["manifests"] if e["platform"]["architecture"] == pair.platform.partition("/")[2]]
        manifest = json.loads((place / "blobs" / fitting[0]["digest"].replace(":", "/")).read_text())
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as layer:
        member = tarfile.TarInfo("etc/patch")
        member.size = 1
        layer.addfile(member, io.BytesIO(b"2"))
    from uv_workspace_function.oci.descriptors import digest_of  # noqa: PLC0415

    def add(content: bytes) -> dict[str, object]:
        digest = digest_of(content)
        (place / "blobs" / digest.replace(":", "/")).write_bytes(content)
        return {"digest": digest, "size": len(content)}

    configuration = json.loads((place / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    configuration["rootfs"]["diff_ids"].append(digest_of(raw.getvalue()))
    manifest["config"] |= add(json.dumps(configuration).encode())
    manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **add(raw.getvalue())})
    media_type = manifest.get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    entry = {"mediaType": media_type, **add(json.dumps(manifest).encode())}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return place


def edit(root: Path, service: str, number: int) -> None:
    """Change a line of a service's code."""
    module = root / "services" / service / "src" / service.replace("-", "_") / "main.py"
    module.write_text(_EDITED.format(number))


def docker(*arguments: str) -> None:
    """Run docker.

    Raises:
        SystemExit: when it fails.
    """
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"docker {arguments[0]} failed:\n{done.stderr[-3000:]}")
