"""Builds that stop, each with the words that say why; no image comes of them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from images.engine import BuildFailedError, Engine
from images.shop import stage
from images.wheels import write_wheel
from wheelhouse import sdist, uv

# A backend in the package's own folder: its wheel holds the files below `wheel/`.
BACKEND = """
import pathlib, sys, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if pathlib.Path("broken").exists():
        print("the printer is on fire", file=sys.stderr)
        raise SystemExit(3)
    info = "stock-1.0.0.dist-info"
    tag = pathlib.Path("tag").read_text() if pathlib.Path("tag").exists() else "py3-none-any"
    files = {path.relative_to("wheel").as_posix(): path.read_bytes() for path in pathlib.Path("wheel").rglob("*") if path.is_file()}
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.4\\nName: stock\\nVersion: 1.0.0\\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"]).encode()
    with zipfile.ZipFile(f"{folder}/stock-1.0.0-{tag}.whl", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return f"stock-1.0.0-{tag}.whl"
"""


def _refusal(engine: Engine, context: Path, arguments: Mapping[str, str], *options: str) -> str:
    """Build, and give what the builder said last."""
    with pytest.raises(BuildFailedError) as caught:
        engine.build(context, arguments, *options, platform=engine.native)
    errors = re.findall(r"^#\d+ [\d.]+ (error: .*)$", str(caught.value), flags=re.MULTILINE)
    assert errors, str(caught.value)
    return "\n".join(dict.fromkeys(errors))


def _with_own_backend(folder: Path, wheel: Mapping[str, str]) -> None:
    pyproject = (folder / "pyproject.toml").read_text()
    own = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    pyproject = re.sub(r'requires = \["uv_build"\]\nbuild-backend = "uv_build"\n', own, pyproject)
    (folder / "pyproject.toml").write_text(pyproject)
    (folder / "backend.py").write_text(BACKEND)
    for path, text in wheel.items():
        (folder / "wheel" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "wheel" / path).write_text(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("$(id)", "error: SERVICE_NAME is '$(id)', which no package can be named; give the service's package name"),
        ("nobody", "error: uv.lock has no local package 'nobody'; it has: orders, prices, stock"),
        ("", "error: SERVICE_NAME is empty; give the service's name with --build-arg SERVICE_NAME=NAME"),
    ],
)
def test_a_service_that_is_none(engine: Engine, shop: Path, tmp_path: Path, name: str, message: str) -> None:
    """By name, with what there is."""
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert message in _refusal(engine, context, {**arguments, "SERVICE_NAME": name}).splitlines()


def test_a_python_that_a_library_excludes(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """The lock is cut down and allows any, so that uv would not say it; a context by hand was asked by nobody."""
    pyproject = shop / "libraries/stock/pyproject.toml"
    pyproject.write_text(re.sub(r"requires-python = .*", "requires-python = '>=3.11,<3.14'", pyproject.read_text()))
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    refusal = _refusal(engine, context, arguments)
    assert re.search(
        r"^error: stock requires Python >=3.11, ?<3.14, and the builder has 3\.14\.\d+; give another PYTHON_VERSION",
        refusal,
        re.MULTILINE,
    )


def test_an_extra_that_the_context_was_not_made_for(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """uv says that there is none; what it does not know is where it went."""
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "[project.optional-dependencies]\nmore = ['tiny']\n")
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    refusal = _refusal(engine, context, {**arguments, "SERVICE_EXTRAS": "more"})
    assert refusal.endswith(
        "the build context lacks that extra: have it made for it, as `services prune --extra NAME` and the construct's extras do"
    )


def test_a_package_without_a_wheel(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """It is named, with the way to allow it; allowed, it is built."""
    sdist(shop / "wheels", "sourced")
    pyproject = shop / "services/billing/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['sourced', 'heavy', "))
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "billing", tmp_path / "context")
    refusal = _refusal(engine, context, arguments)
    assert "`sourced==1.0" in refusal
    assert refusal.endswith(
        "error: uv could not install billing: see above; a package has no wheel for the target: lock a version that has one, or "
        "name it in BUILD_FROM_SOURCE (build_from_source of the construct)"
    )
    image = engine.build(context, {**arguments, "BUILD_FROM_SOURCE": "Sourced"}, platform=engine.native)
    assert "var/task/sourced/__init__.py" in image.stored.layers["light"].files


def test_a_package_that_is_not_the_locked_one(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Its hash differs: another file lies where the lock's was."""
    locked = hashlib.sha256((shop / "wheels/tiny-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    context, arguments = stage(shop, "orders", tmp_path / "context")
    lock = context / "uv.lock"
    text = lock.read_text()
    if locked not in text:
        # uv writes no hash for a wheel of a flat index in a folder.
        text = text.replace(
            'path = "tiny-1.0-py3-none-any.whl"', f'path = "tiny-1.0-py3-none-any.whl", hash = "sha256:{"0" * 64}"'
        )
    lock.write_text(text.replace(locked, "0" * 64))
    with pytest.raises(BuildFailedError, match=r"Hash mismatch for `tiny==1\.0") as caught:
        engine.build(context, arguments, platform=engine.native)
    assert "0" * 64 in str(caught.value)
    assert locked in str(caught.value)


def test_a_backend_that_fails(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """What it printed is shown."""
    _with_own_backend(shop / "libraries/stock", {"stock/__init__.py": ""})
    (shop / "libraries/stock/broken").touch()
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    with pytest.raises(BuildFailedError, match="the printer is on fire") as caught:
        engine.build(context, arguments, platform=engine.native)
    assert "Failed to build `stock @ file:///workspace/libraries/stock`" in str(caught.value)


@pytest.mark.parametrize(
    ("wheel", "message"),
    [
        (
            {"notes.txt": ""},
            (
                "error: stock has sources, but its backend built a wheel without a module; tell the backend where the module is, or keep "
                "its files from being ignored"
            ),
        ),
        (
            {"stock/__init__.py": "", "stock.pth": "/workspace/libraries/stock/src\n"},
            (
                "error: stock brings stock.pth: its backend made an editable install, or the package adds to the path; a package in an "
                "image is its files alone, so have the backend build a plain wheel"
            ),
        ),
        (
            {"stock/__init__.py": "", "tiny/__init__.py": ""},
            (
                "error: tiny brings tiny.py and stock brings tiny/: one would hide the other; rename one, or drop one of the "
                "packages"
            ),
        ),
        (
            {"stock/__init__.py": "", "orders/main.py": ""},
            (
                "error: stock and orders both bring orders/main.py: one would hide the other; rename one, or drop one of the "
                "packages"
            ),
        ),
    ],
)
def test_a_library_that_would_not_work(
    engine: Engine, shop: Path, tmp_path: Path, wheel: Mapping[str, str], message: str
) -> None:
    """A wheel without its module, with a path file, or in the place of another package, two steps away or the service's."""
    _with_own_backend(shop / "libraries/stock", wheel)
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, arguments) == message


def test_a_base_image_with_another_python(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Told by its files: the base image here has no program that could be run."""
    base = _base_image(engine, tmp_path / "base", "3.13")
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, {**arguments, "BASE_IMAGE": base}) == (
        "error: the base image has Python 3.13, but PYTHON_VERSION is 3.14; give PYTHON_VERSION=3.13 (the construct's "
        "python_version), or a BASE_IMAGE with Python 3.14"
    )


def _base_image(engine: Engine, folder: Path, python: str) -> str:
    """An image of one empty file, named as a Python."""
    folder.mkdir()
    (folder / f"python{python}").touch()
    (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY python{python} /var/lang/bin/\n")
    return engine.build(folder, {}, platform=engine.native).name


def test_a_library_for_another_processor(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """A backend that compiles makes a wheel for the builder's processor, where it was not told of the image's."""
    _with_own_backend(shop / "libraries/stock", {"stock/__init__.py": ""})
    (shop / "libraries/stock/tag").write_text("py3-none-linux_riscv64")
    with (shop / "libraries/stock/pyproject.toml").open("a") as stream:
        stream.write('[tool.uv-workspace-function]\ninclude = ["tag"]\n')
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, arguments).endswith(
        "error: uv could not install orders: see above; a package compiles code for the machine that builds: have that be of the "
        "image's own platform (BUILDER_PLATFORM; build_on_target of the construct)"
    )


def test_a_library_without_a_module_that_it_imports(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Its backend was told of some modules and not of all."""
    _with_own_backend(shop / "libraries/stock", {"stock/__init__.py": "from stock import shelves\n"})
    (shop / "libraries/stock/src/stock/shelves.py").touch()
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, arguments) == (
        "error: stock/__init__.py of stock imports stock.shelves, whose source is there, but which its backend left out of the wheel; "
        "have the backend find all packages, or list it among them"
    )


def test_a_path_file_of_a_copied_library(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """No backend is to blame: it lies among the sources."""
    pyproject = shop / "libraries/stock/pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "[tool.uv]\npackage = false\n")
    (shop / "libraries/stock/src/stock.pth").write_text("elsewhere\n")
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, arguments).startswith("error: stock brings stock.pth: ")


def test_a_path_file_of_a_package(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """One that adds to the path: nothing reads it in the image."""
    files = {"small/__init__.py": "", "small.pth": "small_vendored\n"}
    write_wheel(shop / "wheels", "small", "1.1", files, requires=["tiny"])
    uv("lock", "--upgrade-package", "small", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, arguments).startswith(
        "error: small brings small.pth, which adds small_vendored to the path"
    )


def test_a_base_image_with_an_older_c_library(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Told by what the library says of itself: Amazon Linux 2 is such a base."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "libc.so.6").write_text("GNU C Library (GNU libc) stable release version 2.26, by Roland McGrath et al.\n")
    (base / "Dockerfile").write_text("FROM scratch\nCOPY libc.so.6 /lib64/libc.so.6\n")
    name = engine.build(base, {}, platform=engine.native).name
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[engine.native]
    context, arguments = stage(shop, "orders", tmp_path / "context")
    assert _refusal(engine, context, {**arguments, "BASE_IMAGE": name}) == (
        f"error: the base image has glibc 2.26, but wheels were installed for {machine}-manylinux_2_34; give "
        f"PYTHON_PLATFORM={machine}-manylinux_2_17 (python_platform of the construct) or another one that it fits, or a newer BASE_IMAGE"
    )
