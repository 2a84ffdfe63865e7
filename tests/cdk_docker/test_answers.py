"""Images of ours by the calls of the CDK CLI: built, named, pushed, each by a process of its own.

Covers also: cli/uv_workspace_docker.py, cdk_docker/building.py, cdk_docker/calls.py, cdk_docker/contexts.py,
cdk_docker/named_images.py, cdk_docker/saved.py.
"""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from cdk_docker.conftest import Docker, Staged
from oci.ecr import Ecr

NAME = "cdkasset-0a1b"
Stage = Callable[..., Staged]


def test_an_image_is_built_named_and_pushed(docker: Docker, staged: Stage, registry: Ecr) -> None:
    """The calls of a deployment in their order: not there, built, named as in ECR, pushed."""
    uri = f"{registry.host}/assets:0a1b"
    context = staged()
    assert (1, f"no such image: {NAME}") == ((found := docker("inspect", NAME)).code, found.error)
    built = docker(*context.call(NAME), cwd=context.folder)
    assert (0, "") == (built.code, built.output)
    assert 0 == docker("inspect", NAME).code
    assert 0 == docker("tag", NAME, uri).code
    pushed = docker("push", uri)
    assert 0 == pushed.code
    digest = registry.tags["assets"]["0a1b"]
    assert digest in pushed.output
    assert digest == built.error.splitlines()[-1]
    registry.assert_whole()


def test_a_build_that_names_no_moment_has_the_one_of_every_file(docker: Docker, staged: Stage) -> None:
    """The construct gives it; whoever calls by hand may not, and a build without an engine has no other moment."""
    context = staged()
    named = docker(*context.call(NAME), cwd=context.folder)
    del context.arguments["SOURCE_DATE_EPOCH"]
    unnamed = docker(*context.call(NAME), cwd=context.folder)
    assert (0, named.error.splitlines()[-1]) == (unnamed.code, unnamed.error.splitlines()[-1])


def test_a_digest_is_no_place_to_push_to(docker: Docker, staged: Stage, registry: Ecr) -> None:
    """As docker says, too: whoever pushes there expects another image than this one."""
    context = staged()
    docker(*context.call(NAME), cwd=context.folder)
    place = f"{registry.host}/assets@sha256:{'0' * 64}"
    docker("tag", NAME, place)
    answer = docker("push", place)
    assert (2, f"{place} is an image's digest, and no place to push one to; push it with a tag") == (
        answer.code,
        answer.error,
    )
    assert [] == registry.asked


def test_a_cache_that_cannot_be_written_is_named(
    docker: Docker, staged: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than be told as a fault of this program; what only reads finds nothing in it."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_CACHE", str(tmp_path / "file"))
    context = staged()
    assert 1 == docker("inspect", NAME).code
    answer = docker(*context.call(NAME), cwd=context.folder)
    expected = (
        f"{tmp_path / 'file/tmp'} could not be written or read: not a directory; make room, or give another folder with --cache "
        "(CDK_DOCKER: UV_WORKSPACE_DOCKER_CACHE)"
    )
    assert (2, expected) == (answer.code, answer.error)


@pytest.mark.parametrize("stdin", ["", "\n"], ids=["nothing", "a line's end"])
def test_a_login_without_a_password_is_refused(docker: Docker, stdin: str) -> None:
    """And nothing is kept; docker does so, too."""
    answer = docker("login", "--username", "AWS", "--password-stdin", "registry.example.com", stdin=stdin)
    expected = "stdin has no password for registry.example.com; write it there, as --password-stdin says"
    assert (2, expected) == (answer.code, answer.error)
    assert not Path(os.environ["DOCKER_CONFIG"], "config.json").exists()


def test_steps_are_told_while_they_run(docker: Docker, staged: Stage) -> None:
    """On stderr, as docker does; the second build has none."""
    context = staged()
    first = docker(*context.call(NAME), cwd=context.folder).error.splitlines()
    assert {"orders: install-third-party", "orders: install-libraries", "orders: install-service"} <= set(first)
    assert first[-1:] == docker(*context.call(NAME), cwd=context.folder).error.splitlines()


def test_an_image_is_found_by_its_tag_in_any_repository(docker: Docker, staged: Stage, registry: Ecr) -> None:
    """Which the CLI asks when it publishes what another run of it has built."""
    context = staged()
    docker(*context.call(NAME), cwd=context.folder)
    docker("tag", NAME, f"{registry.host}/assets:0a1b")
    asked = ("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter")
    assert f"{registry.host}/assets:0a1b\n" == docker(*asked, "reference=*/*:0a1b").output
    assert (0, "") == ((none := docker(*asked, "reference=*/*:0a1")).code, none.output)


def test_an_image_whose_layers_are_gone_is_not_there(docker: Docker, staged: Stage, cache: Path) -> None:
    """So that it is built again, rather than pushed in part."""
    context = staged()
    docker(*context.call(NAME), cwd=context.folder)
    for blob in (cache / "blobs/sha256").iterdir():
        blob.unlink()
    assert 1 == docker("inspect", NAME).code
    assert 0 == docker(*context.call(NAME), cwd=context.folder).code
    assert 0 == docker("inspect", NAME).code


def test_an_image_of_ours_is_another_ones_base(docker: Docker, staged: Stage, registry: Ecr) -> None:
    """By the name that the CLI gave it, which no registry has."""
    below, above = staged("orders"), staged("billing")
    docker(*below.call("cdkasset-below", TARGET_FOLDER="/opt/below"), cwd=below.folder)
    built = docker(*above.call("cdkasset-above", BASE_IMAGE="cdkasset-below"), cwd=above.folder)
    assert (0, "") == (built.code, built.output), built.error
    docker("tag", "cdkasset-above", f"{registry.host}/assets:above")
    assert 0 == docker("push", f"{registry.host}/assets:above").code
    docker("tag", "cdkasset-below", f"{registry.host}/assets:below")
    docker("push", f"{registry.host}/assets:below")
    layers = {
        tag: [layer["digest"] for layer in registry.tagged(tag, "assets")["layers"]] for tag in ("above", "below")
    }
    assert layers["below"] == layers["above"][: len(layers["below"])]
    registry.assert_whole()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--ssh", "default"), "--ssh means nothing without an engine"),
        (("--target", "libraries"), "--target means nothing without an engine"),
        (("--network", "none"), "--network none means nothing without an engine: the network is this machine's"),
        (("--no-cache",), "--no-cache means nothing without an engine"),
        (
            ("--file", "Mine"),
            "--file Mine is another Dockerfile than the shared one, which is the only one that needs no engine",
        ),
    ],
)
def test_what_only_an_engine_can_do_is_refused_by_name(
    docker: Docker, staged: Stage, more: tuple[str, ...], expected: str
) -> None:
    """Before anything is built."""
    context = staged()
    remedy = "leave it out, or build this one with the engine: deploy its stack without CDK_DOCKER"
    answer = docker(*context.call(NAME, *more), cwd=context.folder)
    assert (2, f"{expected}; {remedy}") == (answer.code, answer.error)
    assert 1 == docker("inspect", NAME).code


def test_a_runner_with_an_empty_cache_takes_the_layers_of_another(
    docker: Docker, staged: Stage, registry: Ecr, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the construct's `cache_from` and `cache_to`: no step runs, and what is pushed is mounted or streamed."""
    context = staged()
    option = f"type=registry,ref={registry.host}/shop:main"
    assert 0 == docker(*context.call(NAME, "--cache-to", f"{option},mode=max"), cwd=context.folder).code
    other = tmp_path / "another-cache"
    other.mkdir()
    (other / "uv").symlink_to((cache / "uv").resolve(), target_is_directory=True)
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_CACHE", str(other))
    built = docker(*context.call(NAME, "--cache-from", option), cwd=context.folder)
    assert (0, 1) == (built.code, len(built.error.splitlines())), built.error  # the digest, and no step
    uri = f"{registry.host}/assets:0a1b"
    assert [0, 0] == [docker("tag", NAME, uri).code, docker("push", uri).code]
    assert built.error == registry.tags["assets"]["0a1b"]
    registry.assert_whole()


def test_options_that_change_nothing_are_taken(docker: Docker, staged: Stage, tmp_path: Path) -> None:
    """The machine's network, the Dockerfile's own name, and passwords of indexes, as the Dockerfile mounts them."""
    (tmp_path / "netrc").write_text("machine example.com login a password b\n")
    context = staged()
    secret = f"id=netrc,src={tmp_path / 'netrc'}"
    more = ("--secret", secret, "--file", "Dockerfile", "--network", "host")
    answer = docker(*context.call(NAME, *more, HTTPS_PROXY="http://127.0.0.1:9"), cwd=context.folder)
    assert 0 == answer.code, answer.error


def test_the_builder_may_be_the_dockerfiles_own_from_a_mirror(docker: Docker, staged: Stage) -> None:
    """Which `mirrors` names beside the base image; any other is refused, since a Python of this machine builds."""
    context = staged()
    mirrored = context.call(NAME, BUILDER_IMAGE="registry.example.com/aws/lambda/python:3.14")
    assert 0 == docker(*mirrored, cwd=context.folder).code
    other = docker(*context.call(NAME, BUILDER_IMAGE="registry.example.com/own/python:3.14"), cwd=context.folder)
    assert (
        "the build argument BUILDER_IMAGE means nothing without an engine: the builder is a Python of this machine; leave it out, or "
        "build this one with the engine"
    ) == other.error


@pytest.mark.parametrize("kind", ["gha", "s3", "local"])
def test_a_cache_that_only_an_engine_has_is_refused(docker: Docker, staged: Stage, kind: str) -> None:
    context = staged()
    answer = docker(*context.call(NAME, "--cache-from", f"type={kind},scope=x"), cwd=context.folder)
    expected = (
        f"--cache-from asks for a cache of type '{kind}', which only an engine has; give type=registry,ref=REPOSITORY, or keep the "
        "folder of --cache from one run to the next"
    )
    assert (2, expected) == (answer.code, answer.error)


def test_a_secret_that_is_none_is_refused(docker: Docker, staged: Stage) -> None:
    context = staged()
    refused = docker(*context.call(NAME, "--secret", "id=token,env=TOKEN"), cwd=context.folder)
    unset = docker(*context.call(NAME, "--secret", "id=netrc,env=NO_SUCH_VARIABLE"), cwd=context.folder)
    assert (
        "the build takes no secret 'token' in that form; secrets are: netrc, credentials; each from src=PATH or env=VARIABLE"
        == refused.error
    )
    assert "the build secret 'netrc' is the variable NO_SUCH_VARIABLE, which is not set; set it" == unset.error
    missing = docker(*context.call(NAME, "--secret", "id=netrc,src=/no/netrc"), cwd=context.folder)
    assert "the build secret 'netrc' is the file /no/netrc, which is not there; name one that is" == missing.error


def test_a_context_of_another_version_is_refused(docker: Docker, staged: Stage) -> None:
    """Its layers would be another program's."""
    context = staged()
    (context.folder / ".uv-workspace-function/builder/layer.py").write_text("# older\n")
    answer = docker(*context.call(NAME), cwd=context.folder)
    expected = (
        f"{context.folder} was made by another version of uv-workspace-function than the one that runs; have it written anew by this "
        "one, or run the version that made it"
    )
    assert (2, expected) == (answer.code, answer.error)


def test_an_unknown_form_about_a_context_of_ours_is_an_error_of_its_own(docker: Docker, staged: Stage) -> None:
    """Docker would build it, but the CDK CLI does not ask for an image asset in that way."""
    context = staged()
    answer = docker("build", "-t", "cdk-hash", str(context.folder))
    expected = (
        f"`docker build` of {context.folder}, a build context of uv-workspace-function, came in a form that the CDK CLI has for no "
        "image asset; unset CDK_DOCKER to have docker build it"
    )
    assert (2, expected) == (answer.code, answer.error)


@pytest.mark.parametrize(
    "call",
    [
        ("run", "--rm", "-e", "TOKEN=secret", "image"),
        ("create", "image"),
        ("cp", "id:/asset", "/tmp/x"),
        ("rm", "-v", "id"),
        ("volume", "create", "x"),
        ("build", "--tag", "cdkasset-other", "--build-arg", "TOKEN=secret", "."),
        ("tag", "cdkasset-other", "registry.example.com/x:1"),
        ("push", "registry.example.com/x:1"),
        ("buildx", "imagetools", "inspect", "x"),
    ],
)
def test_what_needs_an_engine_is_refused_in_one_sentence_where_there_is_none(
    docker: Docker, tmp_path: Path, call: tuple[str, ...]
) -> None:
    """Which tells nothing of its values: they may be secrets."""
    answer = docker(*call, cwd=tmp_path)
    expected = (
        f"`docker {call[0]}` is not about an image of a uv workspace, so it needs a container engine, and there is no program "
        "no-engine-is-here; install one, or name its program with UV_WORKSPACE_DOCKER_ENGINE"
    )
    assert (2, expected) == (answer.code, answer.error)


def test_a_login_is_kept_for_the_push(docker: Docker, tmp_path: Path) -> None:
    """In docker's own configuration, wherever the call says that is."""
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    answer = docker("login", "--username", "AWS", "--password-stdin", host, stdin="t0k3n")
    assert (0, "Login Succeeded\n", "") == (answer.code, answer.output, answer.error)
    assert {"auths": {host: {"auth": "QVdTOnQwazNu"}}} == json.loads((tmp_path / "docker/config.json").read_text())
    docker("--config", str(tmp_path / "other"), "login", "--username", "AWS", "--password-stdin", host, stdin="t0k3n")
    assert (tmp_path / "docker/config.json").read_text() == (tmp_path / "other/config.json").read_text()


def test_a_login_of_a_user_without_a_home_is_refused(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a number: its credentials would be in the current folder."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("DOCKER_CONFIG")
    answer = docker("login", "--username", "AWS", "--password-stdin", "registry.example.com", stdin="t0k3n")
    assert (2, "") == (answer.code, answer.output)
    assert answer.error == (
        "there is no place for the credentials of registry.example.com: this user has no home; set HOME or DOCKER_CONFIG"
    )
