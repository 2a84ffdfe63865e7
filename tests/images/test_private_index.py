"""An index that asks for a password: given as a build secret, which leaves no trace."""

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from images.engine import BuildFailedError, Engine
from images.shop import PACKAGE, stage, write_package
from images.wheels import write_wheel
from password_index import serving
from uv_workspace_function import Workspace
from uv_workspace_function.context.build_context import BuildContext

PASSWORD = "a-very-secret-word"
NEW_PASSWORD = "another-secret-word"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an index with one package, that takes one of two passwords."""
    folder = tmp_path_factory.mktemp("index")
    _publish(folder)
    accepted = {f"reader:{password}" for password in (PASSWORD, NEW_PASSWORD)}
    with serving(folder, lambda authorization, _: authorization in accepted) as url:
        yield url


def _publish(folder: Path) -> None:
    wheel = write_wheel(folder / "simple/inhouse", "inhouse", "1.0", {"inhouse.py": ""})
    (folder / "simple/inhouse/index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')


def _netrc(folder: Path, password: str) -> Path:
    path = folder / f"netrc-{password}"
    path.write_text(f"machine 127.0.0.1 login reader password {password}\n")
    return path


@pytest.fixture(scope="module")
def context(index: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The build context of a service that needs the package."""
    folder = tmp_path_factory.mktemp("private")
    root = folder / "repository"
    (root / "wheels").mkdir(parents=True)
    write_wheel(root / "wheels", "inhouse", "1.0", {"inhouse.py": ""})
    write_package(root / "services/private", "inhouse", code="import inhouse\n")
    (root / "pyproject.toml").write_text(
        f'[[tool.uv.index]]\nname = "inhouse"\nurl = "{index}/simple"\ndefault = true\n'
        '[tool.uv.workspace]\nmembers = ["services/*"]\n'
    )
    environment = {**os.environ, "NETRC": str(_netrc(folder, PASSWORD))}
    subprocess.run(["uv", "lock"], cwd=root, env=environment, check=True, capture_output=True)
    return stage(root, "private", folder / "context")


def test_without_a_password_the_build_says_how_to_give_it(engine: Engine, context: tuple[Path, dict[str, str]]) -> None:
    """The index answers 401."""
    with pytest.raises(BuildFailedError) as caught:
        engine.build(*context, "--network=host", platform=engine.native)
    assert "401 Unauthorized" in str(caught.value)
    assert (
        "error: uv could not install private: see above; an index or repository asks for a password, or refuses the one it was given: give a "
        "current one in the build secret 'netrc' (docker build --secret id=netrc,src=FILE; build_secrets of the construct)"
    ) in str(caught.value)


def test_a_password_is_in_no_layer_history_or_log(
    engine: Engine, context: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Nothing of the secret is in what would be pushed, or printed; another password makes the same image from the cache."""
    options = ["--network=host", f"--secret=id=netrc,src={_netrc(tmp_path, PASSWORD)}"]
    image = engine.build(*context, *options, platform=engine.native)
    assert "var/task/inhouse.py" in image.stored.files
    saved = subprocess.run(["docker", "image", "save", image.name], capture_output=True, check=True).stdout
    everything = [saved, image.log.encode(), *image.stored.files.values(), repr(image.stored.config).encode()]
    for secret in (PASSWORD, base64.b64encode(f"reader:{PASSWORD}".encode()).decode()):
        assert not [part for part in everything if secret.encode() in part]

    rotated = ["--network=host", f"--secret=id=netrc,src={_netrc(tmp_path, NEW_PASSWORD)}"]
    again = engine.build(*context, *rotated, platform=engine.native)
    assert again.stored.digest == image.stored.digest
    lines = again.log.splitlines()
    steps = [line.partition(" ")[0] for line in lines if '"-m", "builder"' in line]
    assert steps
    assert all(f"{step} CACHED" in lines for step in steps)


CODEARTIFACT = "my-shop-111122223333.d.codeartifact.eu-central-1.amazonaws.com"
ROOT = """
[[tool.uv.index]]
name = "company"
url = "{url}/simple/"
explicit = true
[tool.uv.sources]
inhouse = {{ index = "company" }}
[tool.uv.workspace]
members = ["services/*", "libraries/*"]
"""


class Company:
    """An index whose tokens expire, and a workspace that has them in its URLs: of an index, of a wheel, and in a signature."""

    def __init__(self, folder: Path, url: str) -> None:
        self.root, self.url, self.token = folder / "repository", url, "token-one"

    def write(self) -> None:
        """Write the workspace; its service is built by hatchling, its library by setuptools."""
        host = self.url.removeprefix("http://")
        direct = f"http://aws:{self.token}@{host}/direct/direct-1.0-py3-none-any.whl"
        signed = f"http://{host}/signed/signed-1.0-py3-none-any.whl?sig={self.token}"
        (self.root / "pyproject.toml").parent.mkdir()
        (self.root / "pyproject.toml").write_text(ROOT.format(url=f"http://aws:{self.token}@{host}"))
        for folder, backend, module, needs, more in (
            ("services/shop", "hatchling", "hatchling.build", [f"direct @ {direct}", f"signed @ {signed}", "stock"],
             "[tool.hatch.metadata]\nallow-direct-references = true\n[tool.uv.sources]\nstock = { workspace = true }"),
            ("libraries/stock", "setuptools", "setuptools.build_meta", ["inhouse", f"direct @ {direct}"], ""),
        ):  # fmt: skip
            name = folder.rpartition("/")[2]
            code = self.root / folder / "src" / name
            code.mkdir(parents=True)
            (code / "__init__.py").touch()
            (code / "main.py").write_text("def handler(event, context):\n    return event\n")
            text = PACKAGE.format(name=name, dependencies=needs, requires=backend, backend=module) + more
            (code.parents[1] / "pyproject.toml").write_text(text)

    def replace(self, before: str, after: str) -> None:
        """Replace a text in every definition and in the lock."""
        for path in [self.root / "uv.lock", *self.root.rglob("pyproject.toml")]:
            path.write_text(path.read_text().replace(before, after))


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """The index, with the token that its workspace has."""
    served = tmp_path / "index"
    _publish(served)
    write_wheel(served / "direct", "direct", "1.0", {"direct.py": ""})
    write_wheel(served / "signed", "signed", "1.0", {"signed.py": ""})
    with serving(
        served, lambda given, query: made.token in (given.removeprefix("aws:"), query.removeprefix("sig="))
    ) as url:
        made = Company(tmp_path, url)
        made.write()
        yield made


def test_a_token_that_expires_between_synth_and_build_is_replaced_by_a_new_one(
    engine: Engine, company: Company, tmp_path: Path
) -> None:
    """As CodeArtifact's do after twelve hours: the same context, and no token in it, in the image or in what is printed."""
    subprocess.run(["uv", "lock"], cwd=company.root, check=True, capture_output=True)
    port = company.url.rpartition(":")[2]
    company.replace(f"127.0.0.1:{port}", f"{CODEARTIFACT}:{port}")
    folder, arguments = stage(company.root, "shop", tmp_path / "context")
    digest = BuildContext.of(Workspace.load(company.root), "shop").digest
    company.replace("token-one", "token-two")
    assert digest == BuildContext.of(Workspace.load(company.root), "shop").digest
    company.token = "token-two"

    options = ["--network=host", f"--add-host={CODEARTIFACT}:127.0.0.1"]
    with pytest.raises(BuildFailedError) as caught:
        engine.build(
            folder, arguments, *options, f"--secret=id=netrc,src={_of(tmp_path, 'token-one')}", platform=engine.native
        )
    assert (
        "get a new one by `aws codeartifact get-authorization-token --domain my-shop --domain-owner 111122223333 --region eu-central-1 "
        f"--query authorizationToken --output text`, and write `machine {CODEARTIFACT} login aws password TOKEN` into the netrc file"
    ) in str(caught.value)
    assert "token-" not in str(caught.value)

    credentials = tmp_path / "credentials"
    credentials.write_text(f"http://{CODEARTIFACT}:{port}/signed/?sig=token-two\n")
    options += [f"--secret=id=netrc,src={_of(tmp_path, 'token-two')}", f"--secret=id=credentials,src={credentials}"]
    image = engine.build(folder, arguments, *options, platform=engine.native)
    files = image.stored.files
    assert {"var/task/inhouse.py", "var/task/direct.py", "var/task/signed.py"} <= files.keys()
    for metadata in ("var/task/shop-1.0.0.dist-info/METADATA", "var/task/stock-1.0.0.dist-info/METADATA"):
        assert f"http://{CODEARTIFACT}:{port}/direct/direct-1.0-py3-none-any.whl" in files[metadata].decode()
    saved = subprocess.run(["docker", "image", "save", image.name], capture_output=True, check=True).stdout
    everything = [saved, image.log.encode(), *files.values(), repr(image.stored.config).encode()]
    assert not [part for part in everything if b"token-two" in part or b"token-one" in part]


def _of(folder: Path, token: str) -> Path:
    path = folder / f"netrc-{token}"
    path.write_text(f"machine {CODEARTIFACT} login aws password {token}\n")
    return path
