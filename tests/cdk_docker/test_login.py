"""Credentials of a registry: in docker's configuration, for nobody else to read, and nothing else of it changes."""

import json
import stat
import sys
import threading
from pathlib import Path

import docker.auth
import pytest
from uv_workspace_function.cdk_docker.login import login
from uv_workspace_function.errors import WorkspaceError

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
# A credential helper as docker has them: https://github.com/docker/docker-credential-helpers.
HELPER = """\
#!{python}
import json, pathlib, sys
place = pathlib.Path(__file__).with_name("kept.json")
if sys.argv[1] == "store":
    if {refuses}:
        print("not implemented"); sys.exit(1)
    place.write_text(sys.stdin.read())
elif {has}:
    print(json.dumps({{"ServerURL": sys.stdin.read(), "Username": "AWS", "Secret": "own"}}))
else:
    print("credentials not found in native keychain"); sys.exit(1)
"""


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: bool = False, has: bool = False) -> None:
    """Install the credential helper `test`."""
    program = folder / "docker-credential-test"
    program.write_text(HELPER.format(python=sys.executable, refuses=refuses, has=has))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_they_are_written_for_nobody_else_to_read(tmp_path: Path) -> None:
    """As docker writes them, and docker's own package reads them."""
    folder = tmp_path / "docker"
    login(f"https://{HOST}/", "AWS", "t0k3n", folder=folder)
    assert 0o600 == stat.S_IMODE((folder / "config.json").stat().st_mode)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    found = docker.auth.load_config(str(folder / "config.json")).resolve_authconfig(HOST)
    assert ("AWS", "t0k3n") == (found["username"], found["password"])
    assert ["config.json"] == [path.name for path in folder.iterdir()]


def test_the_rest_of_the_configuration_stays(tmp_path: Path) -> None:
    """Other registries' credentials, and what docker alone understands; a link stays one."""
    before = {"auths": {"a.example.com": {"auth": "eDp5"}}, "proxies": {"default": {}}, "HttpHeaders": {"X": "1"}}
    (tmp_path / "real.json").write_text(json.dumps(before))
    (tmp_path / "config.json").symlink_to("real.json")
    login(HOST, "AWS", "t0k3n", folder=tmp_path)
    after = json.loads((tmp_path / "real.json").read_text())
    assert (tmp_path / "config.json").is_symlink()
    assert {**before, "auths": {**before["auths"], HOST: {"auth": "QVdTOnQwazNu"}}} == after  # type: ignore[dict-item]


@pytest.mark.parametrize("configuration", [{"credsStore": "test"}, {"credHelpers": {HOST: "test"}}])
def test_a_credential_helper_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: dict[str, object]
) -> None:
    """The file has the registry's name only."""
    helper(tmp_path, monkeypatch)
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    login(HOST, "AWS", "t0k3n", folder=tmp_path)
    kept = {"ServerURL": HOST, "Username": "AWS", "Secret": "t0k3n"}
    assert kept == json.loads((tmp_path / "kept.json").read_text())
    assert {**configuration, "auths": {HOST: {}}} == json.loads((tmp_path / "config.json").read_text())


def test_a_helper_of_another_registry_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"other.example.com": "test"}}))
    login(HOST, "AWS", "t0k3n", folder=tmp_path)
    assert not (tmp_path / "kept.json").exists()
    assert {HOST: {"auth": "QVdTOnQwazNu"}} == json.loads((tmp_path / "config.json").read_text())["auths"]


def test_a_helper_with_credentials_of_its_own_need_not_keep_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECR's refuses to keep them, and gives its own."""
    helper(tmp_path, monkeypatch, refuses=True, has=True)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "test"}))
    login(HOST, "AWS", "t0k3n", folder=tmp_path)


def test_a_helper_that_keeps_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written to the file in its place."""
    helper(tmp_path, monkeypatch, refuses=True)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "test"}))
    with pytest.raises(WorkspaceError) as raised:
        login(HOST, "AWS", "t0k3n", folder=tmp_path)
    assert (
        f"the credential helper docker-credential-test does not keep the credentials of {HOST}; see what it says with "
        f"`docker-credential-test list`, or remove its name from {tmp_path}/config.json"
    ) == str(raised.value)
    assert {"credsStore": "test"} == json.loads((tmp_path / "config.json").read_text())


def test_a_helper_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Docker Desktop leaves its own behind in the configuration when it goes."""
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "gone"}))
    with pytest.raises(WorkspaceError) as raised:
        login(HOST, "AWS", "t0k3n", folder=tmp_path)
    assert (
        f"{tmp_path}/config.json names the credential helper docker-credential-gone, which is not here; install it, remove the name from "
        "that file, or name another folder with DOCKER_CONFIG"
    ) == str(raised.value)


def test_what_is_no_configuration_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WorkspaceError) as raised:
        login(HOST, "AWS", "t0k3n", folder=tmp_path)
    assert f"{tmp_path}/config.json is not docker's configuration: it is no JSON object; repair or remove it" == str(
        raised.value
    )
    assert "{" == (tmp_path / "config.json").read_text()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("")
    with pytest.raises(WorkspaceError) as raised:
        login(HOST, "AWS", "t0k3n", folder=tmp_path / "docker")
    assert (
        f"the credentials of {HOST} could not be written to {tmp_path}/docker/config.json: file exists; make it writable, or name "
        "another folder with DOCKER_CONFIG"
    ) == str(raised.value)


def test_logins_at_the_same_moment_lose_none(tmp_path: Path) -> None:
    """Each reads what the others have written."""
    hosts = [f"{number}.example.com" for number in range(12)]
    threads = [threading.Thread(target=login, args=(h, "u", "p"), kwargs={"folder": tmp_path}) for h in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(hosts) == json.loads((tmp_path / "config.json").read_text())["auths"].keys()
