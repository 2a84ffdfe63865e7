"""The secrets of a build: read from files, given to uv and git, and gone afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from password_index import serving
from uv_workspace_function.builder.build_secrets import BuildSecrets, login, renewal
from uv_workspace_function.builder.errors import BuildError


def _read(folder: Path, text: str) -> BuildSecrets:
    (folder / "credentials").write_text(text)
    return BuildSecrets.read({"CREDENTIALS": str(folder / "credentials"), "NETRC": str(folder / "absent")})


def test_a_line_is_a_variable_or_a_url(tmp_path: Path) -> None:
    """As a shell's file of variables has them."""
    secrets = _read(tmp_path, "# a comment\n\nexport A=1\nB='two words'\nhttps://host/x/?sig=a=b\n")
    assert secrets.variables == {"A": "1", "B": "two words"}
    assert secrets.urls == ("https://host/x/?sig=a=b",)
    assert secrets.environment({}) == {"A": "1", "B": "two words"}


def test_another_line_is_named_by_its_number_and_not_printed(tmp_path: Path) -> None:
    """What it holds may be a secret."""
    with pytest.raises(BuildError) as caught:
        _read(tmp_path, "A=1\nhunter2\n")
    assert str(caught.value) == (
        "line 2 of the build secret 'credentials' is neither NAME=value nor a URL with a query; correct it"
    )


def test_no_secret_is_no_variable() -> None:
    """A build without any gives uv what it always had."""
    secrets = BuildSecrets.read({})
    assert secrets.environment({}) == {}
    assert secrets.urls == ()


def test_uvs_settings_are_signed_and_a_projects_metadata_are_not(tmp_path: Path) -> None:
    """And only as long as uv runs: a context that stays is as it was."""
    url = "https://host/x.whl"
    (tmp_path / "uv.lock").write_text(f'source = {{ url = "{url}" }}\n')
    pyproject = f'[project]\ndependencies = [\n    "x @ {url}",\n]\n\n[tool.uv.sources.x]\nurl = "{url}"\n'
    (tmp_path / "pyproject.toml").write_text(pyproject)
    secrets = _read(tmp_path, f"{url}?sig=S\n")
    with secrets.signing(tmp_path):
        assert (tmp_path / "uv.lock").read_text() == f'source = {{ url = "{url}?sig=S" }}\n'
        assert (tmp_path / "pyproject.toml").read_text() == pyproject.replace(f'url = "{url}"', f'url = "{url}?sig=S"')
    assert (tmp_path / "pyproject.toml").read_text() == pyproject
    assert "sig" not in (tmp_path / "uv.lock").read_text()


def test_git_gets_the_login_of_a_netrc_file(tmp_path: Path) -> None:
    """By host, with its port or without; of a host that the file lacks, nothing."""
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine git.example.org login me password one\nmachine other.example.org:8443 login you password two\n"
    )
    assert login(netrc, "protocol=https\nhost=git.example.org\n") == "username=me\npassword=one\n"
    assert login(netrc, "protocol=https\nhost=git.example.org:444\n") == "username=me\npassword=one\n"
    assert login(netrc, "host=other.example.org:8443\n") == "username=you\npassword=two\n"
    assert login(netrc, "host=nobody.example.org\n") == ""


def test_an_expired_token_of_codeartifact_names_the_command_that_gets_a_new_one() -> None:
    """With what the host's name says: domain, owner and region."""
    host = "my-shop-111122223333.d.codeartifact.eu-central-1.amazonaws.com"
    assert renewal(f"error: Failed to fetch https://{host}/pypi/x/simple/y/: 401 Unauthorized") == (
        "a token of CodeArtifact lives twelve hours at most: get a new one by `aws codeartifact get-authorization-token --domain my-shop "
        "--domain-owner 111122223333 --region eu-central-1 --query authorizationToken --output text`, and write "
        f"`machine {host} login aws password TOKEN` into the netrc file"
    )
    assert renewal("401 Unauthorized for https://host/") is None


def test_git_itself_is_let_in_by_the_helper(tmp_path: Path) -> None:
    """git looks for a netrc file in `$HOME` only: the helper reads the build's, and answers git's own question."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q", "work"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path / "work", check=True)
    subprocess.run([*git, "clone", "-q", "--bare", "work", "served/x.git"], cwd=tmp_path, check=True)
    subprocess.run([*git, "update-server-info"], cwd=tmp_path / "served/x.git", check=True)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    with serving(tmp_path / "served", lambda authorization, _: authorization == "me:hunter2") as url:
        machine = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            "HOME": str(tmp_path),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "PYTHON_VERSION": "{}.{}".format(*sys.version_info),
            "NETRC": str(tmp_path / "netrc"),
        }
        asked = [*git, "ls-remote", "--heads", f"{url}/x.git"]
        refused = subprocess.run(asked, env=machine, capture_output=True, check=False)
        machine |= BuildSecrets.read(machine).environment(machine)
        let_in = subprocess.run(asked, env=machine, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "refs/heads/main" in let_in.stdout, let_in.stderr
