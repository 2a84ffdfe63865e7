"""What of a local package's folder enters a build context, and what never does."""

import shutil
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from backends import CASES, PROJECT, build_wheels
from uv_workspace_function.gitignore import Repository
from uv_workspace_function.sources import PackageSources, package_sources

UV_BUILD = PROJECT + '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
KEY = (
    b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"
)


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(root: Path, folder: str = "orders", others: tuple[str, ...] = ()) -> PackageSources:
    pyproject = tomllib.loads((root / folder / "pyproject.toml").read_text())
    others_ = [PurePosixPath(other) for other in others]
    return package_sources(Repository.at(root), PurePosixPath(folder), pyproject, other_folders=others_)


def orders(root: Path, files: dict[str, str | bytes], pyproject: str = UV_BUILD) -> PackageSources:
    """The sources of a package `orders/` with `src/acme_orders/__init__.py` and these files besides."""
    basic = {"orders/pyproject.toml": pyproject, "orders/src/acme_orders/__init__.py": ""}
    return read(make(root, {**basic, **{f"orders/{path}": content for path, content in files.items()}}))


def listed(sources: PackageSources) -> list[str]:
    return [path.removeprefix("orders/") for path in sources.files]


# What a build needs


@pytest.mark.parametrize("backend", sorted({case.backend for case in CASES}))
def test_a_wheel_built_from_the_sources_alone_is_the_same(backend, tmp_path):
    """Every backend makes the same wheel, byte for byte, of the whole folder and of what enters the context."""
    cases = [case for case in CASES if case.backend == backend]
    whole = [case.write(tmp_path / f"whole-{number}") for number, case in enumerate(cases)]
    staged = [stage(folder, tmp_path / f"staged-{number}") for number, folder in enumerate(whole)]
    wheels = build_wheels(backend, whole + staged)
    for case, of_whole, of_staged in zip(cases, wheels[: len(cases)], wheels[len(cases) :], strict=True):
        assert of_whole, f"{case} was not built; the message is above"
        assert of_staged == of_whole, str(case)


def stage(folder: Path, target: Path) -> Path:
    sources = read(folder, ".")
    target.mkdir()
    for path, file in sources.files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(file.content)
    shutil.copy(folder / "pyproject.toml", target)
    return target
