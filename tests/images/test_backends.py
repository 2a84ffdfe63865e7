"""Local packages of every backend, built and installed as a user of them would have them; one image holds them all."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from images.engine import Engine, Image
from images.probes import BYTECODE, METADATA
from images.shop import stage

ROOT = """
[tool.uv]
build-constraint-dependencies = ["hatchling==1.27.0"]
[tool.uv.workspace]
members = ["libraries/*", "services/*"]
"""
SETUPTOOLS_DATA = "[tool.setuptools.package-data]\n'*' = ['*.txt']\n"
BACKENDS = {
    "by-flit": ("flit_core", "flit_core.buildapi", ""),
    "by-hatch": ("hatchling", "hatchling.build", ""),
    "by-poetry": ("poetry-core", "poetry.core.masonry.api", ""),
    "by-setuptools": ("setuptools", "setuptools.build_meta", SETUPTOOLS_DATA),
    "by-uv": ("uv_build", "uv_build", ""),
    # A version that comes from git, of which a context has none.
    "by-vcs": ("hatchling', 'hatch-vcs", "hatchling.build", "[tool.hatch.version]\nsource = 'vcs'\n"),
    # One namespace over two distributions, of two backends.
    "acme-one": ("setuptools", "setuptools.build_meta", SETUPTOOLS_DATA),
    "acme-two": ("uv_build", "uv_build", "[tool.uv.build-backend]\nmodule-name = 'acme.two'\n"),
    # uv keeps what it built of this one for as long as a file that never changes.
    "by-cached": ("uv_build", "uv_build", "[tool.uv]\ncache-keys = [{ file = 'never.txt' }]\n"),
}


def _module(name: str) -> str:
    return name.replace("-", "." if name.startswith("acme") else "_")


def _write_library(folder: Path, name: str, requires: str, backend: str, settings: str) -> None:
    module = folder / "src" / _module(name).replace(".", "/")
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(f"def plugin():\n    return {name!r}\n")
    (module / "data.txt").write_text(f"data of {name}")
    (module / "main.py").write_text("def handler(event, context):\n    return event\n")
    version = 'dynamic = ["version"]' if name == "by-vcs" else 'version = "1.2"'
    (folder / "pyproject.toml").write_text(
        f"[project]\nname = '{name}'\n{version}\ndescription = 'd'\nrequires-python = '>=3.11'\n"
        f"[project.entry-points.'shop.plugins']\n{name} = '{_module(name)}:plugin'\n"
        f"[build-system]\nrequires = ['{requires}']\nbuild-backend = '{backend}'\n{settings}"
    )


def _lock(root: Path) -> None:
    # uv asks hatch-vcs for the version when it locks.
    environment = {**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0"}
    subprocess.run(["uv", "lock"], cwd=root, env=environment, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a service needs a library of each backend."""
    root = tmp_path_factory.mktemp("backends")
    (root / "pyproject.toml").write_text(ROOT)
    for name, (requires, backend, settings) in BACKENDS.items():
        _write_library(root / "libraries" / name, name, requires, backend, settings)
    plain = root / "libraries/plain"
    plain.mkdir()
    (plain / "pyproject.toml").write_text("[project]\nname = 'plain'\nversion = '1'\n[tool.uv]\npackage = false\n")
    (plain / "plain.py").write_text("COPIED = True\n")
    names = [*BACKENDS, "plain"]
    service = root / "services/everything"
    _write_library(service, "everything", "hatchling", "hatchling.build", "")
    pyproject = (
        (service / "pyproject.toml").read_text().replace("[project.entry", f"dependencies = {names}\n[project.entry")
    )
    sources = "".join(f"[tool.uv.sources.{name}]\nworkspace = true\n" for name in names)
    (service / "pyproject.toml").write_text(pyproject + sources)
    _lock(root)
    return root


@pytest.fixture(scope="module")
def image(engine: Engine, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The service's image, for this machine's own platform."""
    context, arguments = stage(repository, "everything", tmp_path_factory.mktemp("context") / "context")
    return engine.build(context, arguments, platform=engine.native)


@pytest.fixture(scope="module")
def metadata(image: Image) -> Mapping[str, object]:
    """What importlib.metadata says in the image."""
    return dict(json.loads(image.python(METADATA, "--workdir=/var/task", "--env=PYTHONPATH=/var/task")))


def test_every_distribution_is_known_with_its_version(metadata: Mapping[str, object]) -> None:
    """Those that a backend built; one with a version from git has the one that it was given."""
    expected = dict.fromkeys(["everything", *BACKENDS], "1.2") | {"by-vcs": "0.0.0"}
    assert metadata["versions"] == expected


def test_no_distribution_lists_a_file_that_is_not_there(metadata: Mapping[str, object]) -> None:
    """RECORD is of what is in the image."""
    assert metadata["lost"] == []


def test_entry_points_of_every_backend_load(metadata: Mapping[str, object]) -> None:
    """One in each package, the namespace's two parts among them."""
    names = sorted(["everything", *BACKENDS])
    assert metadata["plugins"] == names
    assert metadata["loaded"] == names


def test_package_data_of_every_backend_is_there(image: Image) -> None:
    """Read as a user would, from the package."""
    modules = [_module(name) for name in ["everything", *BACKENDS]]
    script = f"import importlib.resources as r; print([r.files(m).joinpath('data.txt').read_text() for m in {modules}])"
    assert (
        image.python(script, "--workdir=/var/task") == f"{[f'data of {name}' for name in ['everything', *BACKENDS]]}\n"
    )


def test_a_package_that_uv_does_not_build_is_copied(image: Image) -> None:
    """`package = false`: its module and no metadata."""
    assert image.stored.layers["local"].files["var/task/plain.py"] == b"COPIED = True\n"


def test_backends_are_those_that_the_workspace_pins(image: Image) -> None:
    """build-constraint-dependencies hold in the image's build too."""
    for layer, info in (("local", "by_hatch-1.2"), ("code", "everything-1.2")):
        wheel = image.stored.layers[layer].files[f"var/task/{info}.dist-info/WHEEL"].decode()
        assert "Generator: hatchling 1.27.0\n" in wheel


def test_nothing_tells_of_the_build(image: Image) -> None:
    """No editable path, no path file, no file that only says when, where or how something was installed."""
    names = {path.rpartition("/")[2] for path in image.stored.files}
    assert names.isdisjoint({"direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED", ".lock", "uv"})
    assert not [path for path in image.stored.files if path.endswith((".pth", ".egg-link"))]
    for path, content in image.stored.files.items():
        assert b"/workspace" not in content, path
        assert b"/environments" not in content, path


def test_all_bytecode_is_there_and_used(image: Image) -> None:
    """Python in the image compiles no module of any layer, and would write none."""
    found = json.loads(image.python(BYTECODE))
    assert found.pop("modules") == len([path for path in image.stored.files if path.endswith(".py")])
    assert [problem for problem, paths in found.items() if paths] == []


def test_the_check_of_bytecode_can_fail(image: Image) -> None:
    """The same check, on a folder where a module lacks bytecode, and one where it is checked by time."""
    prepare = (
        "import os, py_compile; os.makedirs('/tmp/x'); open('/tmp/x/a.py', 'w').close(); open('/tmp/x/b.py', 'w').close(); "
        "py_compile.compile('/tmp/x/b.py'); import sys; sys.argv = ['', '/tmp/x']\n"
    )
    found = json.loads(image.python(prepare + BYTECODE))
    assert found["missing"] == ["/tmp/x/a.py"]
    assert found["stale"] == ["/tmp/x/b.py"]


def test_no_local_package_is_stale(engine: Engine, repository: Path, image: Image, tmp_path: Path) -> None:
    """A module changed and nothing else, as an editor or a checkout leaves it: each package is built anew."""
    changed = {}
    for name in [*BACKENDS, "plain"]:
        module = next((repository / "libraries" / name).rglob("plain.py" if name == "plain" else "main.py"))
        module.write_text(f"CHANGED = {name!r}\n")
        relative = module.relative_to(repository / "libraries" / name)
        changed[f"var/task/{relative.as_posix().removeprefix('src/')}"] = f"CHANGED = {name!r}\n".encode()
    context, arguments = stage(repository, "everything", tmp_path / "context")
    after = engine.build(context, arguments, platform=engine.native)
    assert {path: after.stored.layers["local"].files[path] for path in changed} == changed
    assert after.stored.digests["code"] == image.stored.digests["code"]
