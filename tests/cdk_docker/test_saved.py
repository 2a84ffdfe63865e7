"""A base image that is another asset, which docker has built: read out of it, once, with layers as registries take them."""

import gzip
import hashlib
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cdk_docker.conftest import Docker, Staged
from oci.bases import write_base
from oci.ecr import Ecr
from uv_workspace_function.cdk_docker import saved
from uv_workspace_function.cdk_docker.settings import ENGINE
from uv_workspace_function.oci.store import Store

# What docker does of all that is asked here: `image inspect`, and `save` of an OCI layout as an archive.
ENGINE_PROGRAM = """\
#!{python}
import pathlib, shutil, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
match sys.argv[1:]:
    case ["image", "inspect", _, "cdkasset-0a1b"]: print("sha256:1234")
    case ["save", "--output", place, "cdkasset-0a1b"]: shutil.copy(here / "image.tar", place)
    case _: sys.exit(1)
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: None) -> Path:
    """An engine with one image; the folder of what it was asked."""
    folder = tmp_path / "engine"
    layout = write_base(folder / "layout", files={"var/lang/bin/python3.14": b"", "opt/own": b"own"})
    index = json.loads((layout / "index.json").read_text())
    (entry,) = json.loads((layout / "blobs" / index["manifests"][0]["digest"].replace(":", "/")).read_text())[
        "manifests"
    ]
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    with tarfile.open(folder / "image.tar", "w") as archive:
        for path in sorted(layout.rglob("*")):
            archive.add(path, path.relative_to(layout).as_posix(), recursive=False)
    (folder / "program").write_text(ENGINE_PROGRAM.format(python=sys.executable))
    (folder / "program").chmod(0o755)
    monkeypatch.setenv(ENGINE, str(folder / "program"))
    return folder


def test_it_is_the_base_of_what_is_pushed(
    docker: Docker, engine: Path, staged: Callable[..., Staged], registry: Ecr
) -> None:
    """Its layers are compressed, and are the same content."""
    context = staged()
    built = docker(*context.call("cdkasset-own", BASE_IMAGE="cdkasset-0a1b"), cwd=context.folder)
    assert 0 == built.code, built.error
    docker("tag", "cdkasset-own", f"{registry.host}/assets:own")
    assert 0 == docker("push", f"{registry.host}/assets:own").code
    manifest = registry.tagged("own", "assets")
    assert {"application/vnd.oci.image.layer.v1.tar+gzip"} == {layer["mediaType"] for layer in manifest["layers"]}
    configuration = json.loads(registry.blobs["assets"][manifest["config"]["digest"]])
    raw = gzip.decompress(registry.blobs["assets"][manifest["layers"][0]["digest"]])
    assert configuration["rootfs"]["diff_ids"][0] == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    registry.assert_whole()


def test_it_is_read_once(docker: Docker, engine: Path, staged: Callable[..., Staged]) -> None:
    """Another service on the same image asks whether it is still the same."""
    for service in ("orders", "billing"):
        context = staged(service)
        assert 0 == docker(*context.call(f"cdkasset-{service}", BASE_IMAGE="cdkasset-0a1b"), cwd=context.folder).code
    asked = [line.partition(" ")[0] for line in (engine / "calls").read_text().splitlines()]
    assert (2, 1) == (asked.count("image"), asked.count("save"))


def test_another_compressor_reads_it_again(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its layers have other bytes then."""
    for compressor in ("one", "another"):
        monkeypatch.setattr(saved, "COMPRESSOR", compressor)
        assert saved.find("cdkasset-0a1b", str(engine / "program"), Store(engine / "store")) is not None
    asked = [line.partition(" ")[0] for line in (engine / "calls").read_text().splitlines()]
    assert (2, 2) == (asked.count("image"), asked.count("save"))


def test_only_names_that_the_cli_gives_are_looked_for_in_an_engine(
    docker: Docker, engine: Path, staged: Callable[..., Staged]
) -> None:
    """What has a registry is read from there, whoever has pulled it."""
    context = staged()
    assert 0 == docker(*context.call("cdkasset-own"), cwd=context.folder).code
    assert not (engine / "calls").exists()
