"""How much of an image's third-party packages is sent again when one pure package changes, by each rule that parts them in layers.

Run `uv run python benchmarks/strata.py`; minutes, an index, and no container engine. It installs six sets of packages for arm64
Lambdas, compiles them (with the Python at hand), and compresses each package as a layer is.
"""

import argparse
import compileall
import hashlib
import importlib.util
import io
import py_compile
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from timing import table
from uv_workspace_function.builder.distributions import Distribution, installed

_SETS = {
    "worker": "aws-lambda-powertools boto3 pydantic",
    "report": "boto3 numpy pandas",
    "api": (
        "attrs boto3 cryptography email-validator fastapi httpx jinja2 mangum orjson psycopg[binary] pyjwt python-multipart pyyaml "
        "redis requests sqlalchemy structlog tenacity"
    ),
    "web": "boto3 celery django djangorestframework gunicorn pillow psycopg[binary] redis requests sentry-sdk whitenoise",
    "science": "boto3 pandas pyarrow pydantic requests s3fs scikit-learn scipy",
    "agents": (
        "boto3 httpx langchain langchain-openai langgraph numpy openai opentelemetry-sdk pydantic sqlalchemy structlog "
        "tenacity tiktoken"
    ),
}
_PLATFORM = ["--python-platform=aarch64-manylinux_2_34", "--python-version=3.14", "--only-binary=:all:"]
_MB = 1000 * 1000


@dataclass(frozen=True, kw_only=True)
class _Package:
    name: str
    installed: int
    """Bytes of its files, which is what a rule goes by."""
    archived: int
    """Bytes of its files compressed, about those of its wheel."""
    sent: int
    """Bytes of its files and their bytecode compressed: its share of a layer."""
    is_pure: bool


_Rule = Callable[[_Package], object]


def _sized(heavy: float, medium: float) -> _Rule:
    return lambda package: (package.installed >= heavy * _MB, package.installed >= medium * _MB)


def _named(heavy: float) -> _Rule:
    def rule(package: _Package) -> object:
        half = hashlib.sha256(package.name.encode()).digest()[0] % 2
        return "heavy" if package.installed >= heavy * _MB else half

    return rule


_RULES: Mapping[str, _Rule] = {
    "one layer": _sized(0, 0),
    "8 / 1 MB": _sized(8, 1),
    "4 / 0.5 MB": _sized(4, 0.5),
    "4 / 0.25 MB": _sized(4, 0.25),
    "4 / 0.2 MB": _sized(4, 0.2),
    "1 / 0.25 MB": _sized(1, 0.25),
    "4 MB, the rest by name in two": _named(4),
}


def _measured(distribution: Distribution) -> _Package:
    files = [file.source for file in distribution.files.values()]
    bytecode = [Path(importlib.util.cache_from_source(str(path))) for path in files if path.suffix == ".py"]
    wheel = next(path for path in files if path.name == "WHEEL" and path.parent.suffix == ".dist-info")
    return _Package(
        name=distribution.name,
        installed=distribution.size,
        archived=_compressed(files),
        sent=_compressed([*files, *filter(Path.is_file, bytecode)]),
        is_pure="Root-Is-Purelib: true" in wheel.read_text(encoding="utf-8"),
    )


def _compressed(files: Iterable[Path]) -> int:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as tar:
        for path in files:
            tar.add(path)
    return stream.tell()


def _packages(requirements: str, folder: Path) -> list[_Package]:
    site = folder / "lib/python3.14/site-packages"
    subprocess.run(
        ["uv", "pip", "install", "--quiet", f"--target={site}", *_PLATFORM, *requirements.split()], check=True
    )
    compileall.compile_dir(site, quiet=2, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return [_measured(distribution) for distribution in installed(folder)]


def _sent(packages: Iterable[_Package], rule: _Rule) -> list[float]:
    """The megabytes that a bump sends, for each pure package whose wheel is under 1 MB."""
    packages = list(packages)
    layers: dict[object, int] = {}
    for package in packages:
        layers[rule(package)] = layers.get(rule(package), 0) + package.sent
    return [layers[rule(package)] / _MB for package in packages if package.is_pure and package.archived < _MB]


def main() -> int:
    """Print the tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    sets = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, requirements in _SETS.items():
            sets[name] = _packages(requirements, Path(folder) / name)
            print(f"{name}: {len(sets[name])} packages", file=sys.stderr, flush=True)
    rows: list[tuple[str, ...]] = [("set", "packages", *_RULES)]
    for name, packages in sets.items():
        cells = (_sent(packages, rule) for rule in _RULES.values())
        rows.append((name, str(len(packages)), *(f"{statistics.mean(sent):.1f} ({max(sent):.1f})" for sent in cells)))
    for least in (1, 2):
        shares = (
            statistics.mean(statistics.mean(s < least for s in _sent(packages, rule)) for packages in sets.values())
            for rule in _RULES.values()
        )
        rows.append((f"bumps under {least} MB", "", *(f"{share:.0%}" for share in shares)))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
