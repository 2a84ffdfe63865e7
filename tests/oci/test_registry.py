"""Base images of registries: who is let in, what is waited out, what is said when it does not work.

Covers also: oci/base.py, oci/sources.py.
"""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oci.bases import write_base
from oci.registries import PASSWORD, USER, Registry, serving
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import registry as registry_module
from uv_workspace_function.oci import sources
from uv_workspace_function.oci.base import BaseImage
from uv_workspace_function.oci.store import Store


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """One that anybody may read."""
    with serving(write_base(tmp_path / "base"), tmp_path) as found:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(found.certificate))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        monkeypatch.setenv("NO_PROXY", "*")
        (tmp_path / "docker").mkdir()
        own = socket.getaddrinfo

        def resolved(host: Any, *arguments: Any, **more: Any) -> Any:
            return own("127.0.0.1" if host == "registry.test" else host, *arguments, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield found


def _base(name: str, cache: Path, **mirrors: str) -> BaseImage:
    found = sources.base_image(Store(cache), name, "linux/arm64", mirrors=mirrors)
    found.fetch(Store(cache))
    return found


def _configure(tmp_path: Path, configuration: dict[str, Any]) -> None:
    (tmp_path / "docker/config.json").write_text(json.dumps(configuration))


def _encoded() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def test_an_image_is_read_and_what_has_a_digest_is_asked_for_once(registry: Registry, tmp_path: Path) -> None:
    """The second time, only what the tag means is asked."""
    first = _base(registry.image, tmp_path / "cache")
    assert ["/lambda-entrypoint.sh"] == first.configuration["config"]["Entrypoint"]
    assert 4 == len(registry.asked)  # index, manifest, configuration, layer
    registry.asked.clear()
    assert first.digest == _base(registry.image, tmp_path / "cache").digest
    assert ["/v2/lambda/python/manifests/3.14"] == registry.asked
    registry.asked.clear()
    by_digest = f"{registry.host}/lambda/python@{first.digest}"
    assert first.digest == _base(by_digest, tmp_path / "cache").digest
    assert [] == registry.asked


@pytest.mark.parametrize("login", ["token", "basic"])
def test_docker_s_configuration_lets_in(registry: Registry, tmp_path: Path, login: str) -> None:
    """By its own passwords."""
    registry.login = login
    _configure(tmp_path, {"auths": {registry.host: {"auth": _encoded()}}})
    assert "linux" == _base(registry.image, tmp_path / "cache").configuration["os"]


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_a_credential_helper_lets_in(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """It is asked by its name on PATH, and told the registry on its standard input."""
    registry.login = "token"
    helper = tmp_path / "bin/docker-credential-test"
    helper.parent.mkdir()
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f'#!/bin/sh\nread host\n[ "$host" = "{registry.host}" ] && echo \'{answer}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    _configure(tmp_path, {key: {registry.host: "test"} if key == "credHelpers" else "test"})
    assert "linux" == _base(registry.image, tmp_path / "cache").configuration["os"]


def test_who_is_not_let_in_is_told_how(registry: Registry, tmp_path: Path) -> None:
    """Without a password, and with a wrong one."""
    registry.login = "token"
    expected = (
        f"{registry.host} does not let us read lambda/python; run `docker login {registry.host}`, or name another image"
    )
    for configuration in ({}, {"auths": {registry.host: {"auth": "d3Jvbmc6d3Jvbmc="}}}):
        _configure(tmp_path, configuration)
        with pytest.raises(WorkspaceError) as caught:
            _base(registry.image, tmp_path / "cache")
        assert expected == str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_registry_is_waited_for(registry: Registry, tmp_path: Path, status: int) -> None:
    """As long as it says."""
    registry.answers = [(status, {"Retry-After": "1"})] * 3
    assert "linux" == _base(registry.image, tmp_path / "cache").configuration["os"]


def test_one_that_stays_busy_is_named_with_the_way_out(registry: Registry, tmp_path: Path) -> None:
    registry.answers = [(429, {"Retry-After": "0"})] * 20
    with pytest.raises(WorkspaceError) as caught:
        _base(registry.image, tmp_path / "cache")
    assert str(caught.value) == (
        f"{registry.host} answered 429 6 times when it was asked for lambda/python; wait a while, or take the image from a mirror "
        "with --mirror REGISTRY=MIRROR (CDK_DOCKER: the mirrors of the app)"
    )
    assert 6 == len(registry.asked)


def test_a_mirror_is_asked_instead(registry: Registry, tmp_path: Path) -> None:
    """By the beginning of the name."""
    mirrors = {"public.ecr.aws/lambda": f"{registry.host}/lambda"}
    found = sources.base_image(
        Store(tmp_path / "cache"), "public.ecr.aws/lambda/python:3.14", "linux/arm64", mirrors=mirrors
    )
    assert registry.image == found.name


def test_an_image_that_is_not_there(registry: Registry, tmp_path: Path) -> None:
    name = f"{registry.host}/lambda/python:2.7"
    with pytest.raises(WorkspaceError) as caught:
        _base(name, tmp_path / "cache")
    assert f"there is no image {name} in {registry.host}; name one that is there" == str(caught.value)


def test_a_content_that_is_another_one_is_not_kept(registry: Registry, tmp_path: Path) -> None:
    registry.spoiled = True
    with pytest.raises(WorkspaceError) as caught:
        _base(registry.image, tmp_path / "cache")
    assert f"{registry.host} gave another content of lambda/python than the one that was asked for; try again" == str(
        caught.value
    )
    registry.spoiled = False
    assert "linux" == _base(registry.image, tmp_path / "cache").configuration["os"]


def test_a_registry_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    name = "127.0.0.1:9/lambda/python:3.14"
    with pytest.raises(WorkspaceError) as caught:
        _base(name, tmp_path / "cache")
    assert str(caught.value) == (
        f"127.0.0.1:9 cannot be reached for {name}; check the network, or take it from a mirror with --mirror (CDK_DOCKER: the mirrors of the app)"
    )


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://registry.test/v2/shop/x?state=1", ("https://registry.test/v2/shop/x?state=1", True)),
        ("http://registry.test/v2/shop/x", ("https://registry.test/v2/shop/x", True)),
        ("https://storage.test/x?signature=1", ("https://storage.test/x?signature=1", False)),
        ("https://registry.test:444/x", ("https://registry.test:444/x", False)),
        ("https://registry.test.example.com/x", ("https://registry.test.example.com/x", False)),
    ],
)
def test_a_password_goes_only_to_the_registry_and_as_it_was_asked(location: str, expected: tuple[str, bool]) -> None:
    """A registry that says `http://` of itself gets it with encryption all the same."""
    assert expected == registry_module.destination(location, "https://registry.test/v2/")
