"""Images that were built before: found by context, build arguments and platform, so that nothing is built where they are pushed.

Covers also: oci/origin.py.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cdk_docker.conftest import Docker, Staged
from click.testing import CliRunner
from oci.ecr import Ecr
from uv_workspace_function.cdk_docker.settings import CACHE, ENGINE, IMAGES, INTERPRETER
from uv_workspace_function.cli.main import main

NAME = "cdkasset-0a1b"
Stage = Callable[..., Staged]


@pytest.fixture(scope="session")
def archive(
    original: Path, base: Path, python_314: Path, uv_of_the_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The image of one service."""
    folder = tmp_path_factory.mktemp("prebuilt")
    (folder / "cache").mkdir()
    (folder / "cache/uv").symlink_to(uv_of_the_image, target_is_directory=True)
    options = [f"--workspace={original}", f"--interpreter={python_314}", f"--base-image=oci:{base}"]
    command = ["build", "orders", *options, f"--cache={folder / 'cache'}", f"--output={folder / 'orders.tar'}"]
    result = CliRunner().invoke(main, command)
    assert 0 == result.exit_code, result.output
    return folder / "orders.tar"


@pytest.fixture
def images(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the image of one service."""
    (tmp_path / "images").mkdir()
    shutil.copy(archive, tmp_path / "images/orders.tar")
    monkeypatch.setenv(IMAGES, str(tmp_path / "images"))
    return tmp_path / "images"


@pytest.fixture
def no_builds(docker: Docker, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Neither a Python nor a layer in the cache."""
    monkeypatch.setenv(INTERPRETER, "/no/such/python")
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_CACHE", str(cache.with_name("another-cache")))


@pytest.mark.parametrize("name", [IMAGES, CACHE, INTERPRETER, ENGINE])
def test_a_relative_path_is_refused(docker: Docker, staged: Stage, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It would be another one in the folder that a build is called in than in that of the push."""
    monkeypatch.setenv(name, "./some/place")
    context = staged()
    answer = docker(*context.call(NAME), cwd=context.folder)
    expected = (
        f"{name} is the relative path some/place, and the CDK CLI builds each image in a folder of its own; "
        "give the whole path, such as $PWD/some/place"
    )
    assert (2, expected) == (answer.code, answer.error)
    assert not (context.folder / "some").exists()


def test_what_is_no_file_is_not_opened(images: Path, docker: Docker, no_builds: None, staged: Stage) -> None:
    """A pipe of that name would never answer."""
    os.mkfifo(images / "a.tar")
    (images / "b.tar").mkdir()
    context = staged()
    answer = docker(*context.call(NAME), cwd=context.folder)
    assert 0 == answer.code, answer.error


def test_it_is_pushed_and_nothing_is_built(
    images: Path, docker: Docker, no_builds: None, staged: Stage, registry: Ecr
) -> None:
    """With an empty cache, and without a Python: it comes out of the archive."""
    context, uri = staged(), f"{registry.host}/assets:0a1b"
    assert 1 == docker("inspect", NAME).code
    built = docker(*context.call(NAME), cwd=context.folder)
    assert 0 == built.code, built.error
    assert 0 == docker("inspect", NAME).code
    docker("tag", NAME, uri)
    pushed = docker("push", uri)
    assert 0 == pushed.code, pushed.error
    assert built.error == registry.tags["assets"]["0a1b"]
    registry.assert_whole()


def test_one_that_is_not_there_is_refused_by_name(images: Path, docker: Docker, staged: Stage) -> None:
    """Though this machine could build it."""
    context = staged("billing")
    answer = docker(*context.call(NAME), cwd=context.folder)
    assert (2, 1) == (answer.code, docker("inspect", NAME).code)
    assert (
        f"{images} holds no image of billing; build it with `services build billing --output DIR` and the options that the app gives it"
        == answer.error
    )


@pytest.mark.parametrize(
    ("platform", "changed", "reason"),
    [
        ("linux/amd64", {}, "platform linux/arm64 instead of linux/amd64"),
        ("linux/arm64", {"INCLUDE_BYTECODE": "0"}, "INCLUDE_BYTECODE 1 instead of 0"),
        ("linux/arm64", {"BASE_IMAGE": "example.com/own:1"}, "base image oci:{base} instead of example.com/own:1"),
        ("linux/arm64", {"UV_IMAGE": "ghcr.io/astral-sh/uv:0.13.1"}, "uv 0.13.9 instead of 0.13.1"),
    ],
)
def test_one_of_another_kind_is_refused_with_what_differs(
    images: Path, docker: Docker, staged: Stage, base: Path, platform: str, changed: dict[str, str], reason: str
) -> None:
    context = staged()
    answer = docker(*context.call(NAME, platform=platform, **changed), cwd=context.folder)
    assert (
        f"{images} holds no image of orders as it is asked for: orders.tar has {reason.format(base=base)}; build it with `services "
        "build orders --output DIR` and the options that the app gives it"
    ) == answer.error


def test_one_of_older_code_is_refused(images: Path, docker: Docker, staged: Stage, shop: Path) -> None:
    """Its context is another one."""
    (shop / "services/orders/src/orders/__init__.py").write_text("NEWER = 1\n")
    context = staged()
    answer = docker(*context.call(NAME), cwd=context.folder)
    assert f"{images} holds no image of orders as it is asked for: orders.tar has another build context" in answer.error


def test_arguments_at_their_defaults_are_those_left_out(images: Path, docker: Docker, staged: Stage) -> None:
    """What counts is what the Dockerfile makes of them."""
    context = staged()
    call = context.call(NAME, INCLUDE_BYTECODE="1", TARGET_FOLDER="/var/task", SNAP_START="off")
    assert 0 == docker(*call, cwd=context.folder).code


def test_what_this_machine_has_built_is_not_taken_for_one(
    docker: Docker, staged: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that a build gave means nothing where images have to be built before."""
    context = staged()
    docker(*context.call(NAME), cwd=context.folder)
    monkeypatch.setenv(IMAGES, str(tmp_path / "images"))
    assert 1 == docker("inspect", NAME).code
    answer = docker(*context.call(NAME), cwd=context.folder)
    assert (
        f"there is no folder {tmp_path}/images of images that were built before; write one with `services build --all --output DIR`"
        == answer.error
    )


def test_what_is_no_image_of_ours_is_passed_over(images: Path, docker: Docker, staged: Stage) -> None:
    """Other archives may lie there."""
    (images / "deeper").mkdir()
    (images / "orders.tar").rename(images / "deeper/renamed.tar")
    (images / "a.tar").write_bytes(b"no archive")
    context = staged()
    answer = docker(*context.call(NAME), cwd=context.folder)
    assert 0 == answer.code, answer.error
