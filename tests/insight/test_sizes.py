"""`services size`: what takes up space, from the lock and from a saved image.

Covers also: cli/size_command.py, insight/cloud_assembly.py, insight/image_layers.py.
"""

import gzip
import io
import json
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, needs, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.insight.image_layers import size_of_image
from uv_workspace_function.insight.sizes import parse_size, shown_size
from wheelhouse import wheel


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels: one for arm64 and x86-64 of other sizes, a pure one, one for Windows alone."""
    folder = tmp_path_factory.mktemp("house")
    wheel(folder, "native", tag="cp314-cp314-manylinux_2_28_aarch64")
    wheel(folder, "native", tag="cp314-cp314-manylinux_2_28_x86_64.manylinux_2_17_x86_64")
    wheel(folder, "pure", "2.0")
    wheel(folder, "winning")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, house: Path) -> Path:
    """A service with a library. The lock gives sizes, as that of a remote index does; uv tells none of a local one."""
    own = 'dependencies = ["native", "models", "winning; sys_platform == \'win32\'"]'
    root = workspace(
        tmp_path_factory.mktemp("w"),
        {"api": needs("models").replace('dependencies = ["models"]', own).replace("dependencies = ['models']", own), "models": 'dependencies = ["pure"]'},
        tail=f'find-links = ["{house}"]\n',
    )  # fmt: skip
    handler(root / "api")
    (root / "models/src/models/data.bin").write_bytes(b"x" * 500)
    (root / "models/README.md").write_text("not importable")
    lock(root)
    text = (root / "uv.lock").read_text()
    for size, path in enumerate(sorted(house.iterdir()), start=1):
        entry = next(line for line in text.splitlines() if path.name in line)
        text = text.replace(entry, entry.replace(" }", f", size = {size}000000 }}"))
    (root / "uv.lock").write_text(text)
    return root


def run(root: Path, *arguments: str) -> Result:
    """Call `services size`."""
    return CliRunner().invoke(main, ["size", "--workspace", str(root), *arguments])


HANDLER_BYTES = len("def handler(event, context):\n    return event\n")


def test_the_lock_tells_the_wheels_the_target_takes_and_the_sources(shop: Path) -> None:
    """arm64's wheel, none of Windows, importable files alone."""
    assert run(shop).stdout == (
        f"api: 4.0 MB, as downloaded (from the lock)\n"
        f"    4.0 MB  third-party\n"
        f"    3.0 MB    pure 2.0\n"
        f"    1.0 MB    native 1.0\n"
        f"     500 B  local\n"
        f"     500 B    models 1\n"
        f"      {HANDLER_BYTES} B  code\n"
        f"      {HANDLER_BYTES} B    api 1\n"
        f"  some 16.0 MB unpacked with bytecode, in a zip or above an image's base; take a zip: Python functions below 200 MB start faster "
        f"from one (docs/when-not.md)\n"
    )


def test_another_architecture_takes_another_wheel(shop: Path) -> None:
    """x86-64's is the second by name, so it was given two million bytes."""
    [size] = json.loads(run(shop, "Api", "--architecture", "x86_64", "--json").stdout)
    assert [
        {"name": "pure", "version": "2.0", "size": 3000000},
        {"name": "native", "version": "1.0", "size": 2000000},
    ] == (size["layers"][0]["packages"])
    assert 5000500 + HANDLER_BYTES == size["size"]


def test_a_size_that_nothing_tells_is_named(shop: Path, tmp_path: Path, house: Path) -> None:
    """It is not taken for zero without a word."""
    root = workspace(tmp_path / "w", {"api": 'dependencies = ["pure"]'}, tail=f'find-links = ["{house}"]\n')
    handler(root / "api")
    assert run(lock(root)).stdout.splitlines()[1:3] == [
        "       0 B  third-party, without pure, whose size is not in the lock",
        "         ?    pure 2.0",
    ]


def test_many_packages_are_cut_short(tmp_path: Path) -> None:
    """Unless --all asks for them."""
    house = tmp_path / "house"
    house.mkdir()
    names = [f"p{n}" for n in range(7)]
    for name in names:
        wheel(house, name)
    root = workspace(tmp_path / "w", {"api": f"dependencies = {names}"}, tail=f'find-links = ["{house}"]\n')
    handler(root / "api")
    lock(root)
    assert "       0 B    2 more" in run(root).stdout.splitlines()
    assert 7 == run(root, "--all").stdout.count("    p")


def test_over_budget_is_exit_code_1(shop: Path) -> None:
    """The table is printed all the same; what is over goes to stderr."""
    result = run(shop, "--budget", "3.5MB")
    assert (1, "over budget: api takes 4.0 MB, 501 kB more than 3.5MB\n") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("api: 4.0 MB")
    assert 0 == run(shop, "--budget", "0.1GB").exit_code


@pytest.mark.parametrize(
    ("text", "size"),
    [("150MB", 150_000_000), ("150 mib", 157_286_400), ("0.5GiB", 536_870_912), ("10B", 10), ("1.5kB", 1500)],
)
def test_a_budget_has_a_number_and_a_unit(text: str, size: int) -> None:
    """Decimal units and binary ones."""
    assert size == parse_size(text)


@pytest.mark.parametrize("text", ["", "150", "MB", "-1MB", "1.MB", "10iB", "10TB", "1e3MB"])
def test_what_is_no_size_is_refused(shop: Path, text: str) -> None:
    """Exit code 2, and how to write it."""
    result = run(shop, "--budget", text)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"error: {text!r} is not a size; write a number and a unit, like '150MB' or '0.5GiB'\n" == result.stderr


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_951, "100 kB"), (999_600, "1.0 MB"), (12_340_000_000, "12.3 GB")],
)  # fmt: skip
def test_sizes_are_shown_with_three_digits(size: int, text: str) -> None:
    """The unit changes where the digits would."""
    assert text == shown_size(size)


# A saved image, made by hand after the image specification.


def archive(files: dict[str, bytes], *, compressed: bool = False) -> bytes:
    """A tar of files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(target.getvalue()) if compressed else target.getvalue()


RECORD = b"left/__init__.py,,\nleft/data.bin,,\n../bin/left,,\nleft-1.0.dist-info/RECORD,,\n"
LAYERS: dict[str, dict[str, bytes]] = {
    "COPY /layers/heavy/ /var/task/ # buildkit": {
        "var/task/left/__init__.py": b"l" * 10,
        "var/task/left/__pycache__/__init__.cpython-314.pyc": b"c" * 30,
        "var/task/left/data.bin": b"d" * 1000,
        "var/task/left-1.0.dist-info/RECORD": RECORD,
    },
    "COPY /layers/local/ /var/task/ # buildkit": {},
    "COPY /layers/code/ /var/task/ # buildkit": {"var/task/svc/main.py": b"m" * 7, "var/task/svc/x.txt": b"x"},
}


def saved(
    folder: Path, layers: dict[str, dict[str, bytes]] = LAYERS, *, said: str | None = None, name: str = "api:1"
) -> str:
    """A program that answers `image inspect` and `image save` as docker does."""
    empty = archive({}, compressed=True)
    blobs = {"blobs/sha256/base": archive({"bin/sh": b"s" * 2000})}
    history: list[dict[str, Any]] = [{"created_by": "base"}, {"created_by": "ENV A=B", "empty_layer": True}]
    paths = ["blobs/sha256/base"]
    for number, (created_by, files) in enumerate(layers.items()):
        # an empty layer is stored once for all that are alike; layers come as tar or compressed
        path = f"blobs/sha256/{number}" if files else "blobs/sha256/empty"
        blobs[path] = archive(files, compressed=number > 0) if files else empty
        paths.append(path)
        history.append({"created_by": created_by})
    blobs["blobs/sha256/config"] = json.dumps({"history": history}).encode()
    blobs["manifest.json"] = json.dumps([{"Config": "blobs/sha256/config", "Layers": paths}]).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    (folder / "image.tar").write_bytes(archive(blobs))
    program = folder / "docker"
    answer = f"echo '{said}' >&2; exit 1" if said else 'echo \'["api:1", "api:latest"]\'; exit 0'
    program.write_text(
        f'#!/bin/sh\n[ "$2" = inspect ] && {{ {answer}; }}\n[ "$1 $2 $3" = "image save {name}" ] && cat {folder}/image.tar\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_a_name_without_a_tag_is_that_of_the_latest(shop: Path, tmp_path: Path) -> None:
    """`docker image save` would give all that have the name, as an index of several images."""
    result = run(shop, "api", "--image", "api", "--docker", saved(tmp_path, name="api:latest"))
    assert result.stdout.startswith("api: 1.1 kB above 2.0 kB of base image, in api\n")


def test_a_built_image_tells_files_unpacked_with_their_bytecode(shop: Path, tmp_path: Path) -> None:
    """Each file under the package whose RECORD names it, bytecode under its module's; the rest by its top folder."""
    result = run(shop, "api", "--image", "api:1", "--docker", saved(tmp_path))
    assert result.stdout == (
        "api: 1.1 kB above 2.0 kB of base image, in api:1\n"
        "    1.1 kB  third-party, heavy\n"
        "    1.1 kB    left 1.0\n"
        "       0 B  local\n"
        "       8 B  code\n"
        "       8 B    svc\n"
        "  1.1 kB unpacked with bytecode, in a zip or above an image's base; take a zip: Python functions below 200 MB start faster from one "
        "(docs/when-not.md)\n"
    )
    assert 0 == result.exit_code


def test_a_budget_holds_for_images_too(shop: Path, tmp_path: Path) -> None:
    """The base image is not counted."""
    docker = saved(tmp_path)
    assert 1 == run(shop, "api", "--image", "api:1", "--docker", docker, "--budget", "1kB").exit_code
    assert 0 == run(shop, "api", "--image", "api:1", "--docker", docker, "--budget", "2kB").exit_code


def test_the_images_of_a_cloud_assembly_are_found_by_the_cli_s_name(shop: Path, tmp_path: Path) -> None:
    """`cdkasset-HASH` is what the CDK CLI calls an image when it has built it; a stage's assembly lies inside."""
    inner = tmp_path / "cdk.out/assembly-Prod"
    inner.mkdir(parents=True)
    stage = {"artifacts": {"Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}}
    (tmp_path / "cdk.out/manifest.json").write_text(json.dumps(stage))
    assets = {"artifacts": {"S.assets": {"type": "cdk:asset-manifest", "properties": {"file": "S.assets.json"}}}}
    (inner / "manifest.json").write_text(json.dumps(assets))
    source = {"directory": "asset.abc", "dockerBuildArgs": {"SERVICE_NAME": "api"}}
    (inner / "S.assets.json").write_text(
        json.dumps({"dockerImages": {"abc": {"source": source}, "other": {"source": {"executable": []}}}})
    )
    program = saved(tmp_path)
    Path(program).write_text(Path(program).read_text().replace("api:1", "cdkasset-abc"))
    result = run(shop, "--cdk-out", str(tmp_path / "cdk.out"), "--docker", program)
    assert (0, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("api: 1.1 kB above 2.0 kB of base image, in cdkasset-abc\n")
    assert (
        "models has no image in "
        in run(shop, "models", "--cdk-out", str(tmp_path / "cdk.out"), "--docker", program).stderr
    )


@pytest.mark.parametrize("said", ["Error: No such image: api:1", "Error: api:1: image not known"])
def test_an_image_that_is_not_built(shop: Path, tmp_path: Path, said: str) -> None:
    """How to build it is told, in docker's case and in podman's."""
    docker = saved(tmp_path, said=said)
    result = run(shop, "api", "--image", "api:1", "--docker", docker)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr == (
        "error: api:1, the image of api, is not built here; build it: `services prune api --output DIR`, then "
        f"`{docker} build --platform linux/arm64 --build-arg SERVICE_NAME=api --tag api:1 DIR`; `cdk deploy` builds the "
        "images of a stack\n"
    )


def test_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    """Its own words are shown."""
    docker = saved(tmp_path, said="Cannot connect to the Docker daemon")
    with pytest.raises(WorkspaceError, match="Cannot connect to the Docker daemon; start its engine and try again"):
        size_of_image("api", "api:1", docker=docker)


def test_no_engine_at_all() -> None:
    """The lock still tells sizes."""
    with pytest.raises(
        WorkspaceError, match="no-such-program cannot be run: No such file or directory; install a container"
    ):
        size_of_image("api", "api:1", docker="no-such-program")


def test_an_image_of_another_dockerfile(tmp_path: Path) -> None:
    """Nothing is guessed about it."""
    docker = saved(tmp_path, {"COPY . /var/task": {"var/task/a.py": b""}})
    with pytest.raises(WorkspaceError, match="api:1 was not built by this package's Dockerfile"):
        size_of_image("api", "api:1", docker=docker)


def test_an_image_index_is_told_apart(shop: Path, tmp_path: Path) -> None:
    """As an engine with a containerd store saves what was built with provenance: Lambda would refuse it."""
    docker = saved(tmp_path)
    nested = {"manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": "sha256:1"}]}
    listed = {
        "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "platform": {"architecture": "arm64"}},
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "platform": {"architecture": "unknown"}},
        ]
    }
    with tarfile.open(tmp_path / "image.tar", "a") as image:
        for name, document in (("index.json", nested), ("blobs/sha256/1", listed)):
            content = json.dumps(document).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            image.addfile(entry, io.BytesIO(content))
    result = run(shop, "api", "--image", "api:1", "--docker", docker)
    assert (2, "") == (result.exit_code, result.stdout)
    assert (
        "error: api:1 is an image index, which Lambda does not take: it carries provenance or an SBOM, or is for several platforms; "
        "build it for one platform with `--provenance=false --sbom=false`\n"
    ) == result.stderr


def test_an_image_needs_one_service(shop: Path) -> None:
    """Its name says nothing of whose it is."""
    result = run(shop, "--image", "api:1")
    assert 2 == result.exit_code
    assert result.stderr.endswith("Error: --image is for one service: name it, and leave out --cdk-out\n")


def test_a_folder_that_is_no_cloud_assembly(shop: Path, tmp_path: Path) -> None:
    """What writes one is told."""
    result = run(shop, "--cdk-out", str(tmp_path))
    assert (
        f"error: {tmp_path} is not a cloud assembly: it has no manifest.json; write one with `cdk synth`\n"
        == result.stderr
    )
    (tmp_path / "manifest.json").write_text("[")
    assert "cannot be read" in run(shop, "--cdk-out", str(tmp_path)).stderr
