"""An index that asks for a password: given as a build secret, which leaves no trace."""

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from images.engine import BuildFailedError, Engine
from images.shop import stage, write_package
from images.wheels import write_wheel

PASSWORD = "a-very-secret-word"
NEW_PASSWORD = "another-secret-word"


class Index:
    """A simple index (PEP 503) of a folder of wheels on loopback, that lets in who knows one of two passwords."""

    def __init__(self, folder: Path) -> None:
        accepted = {
            "Basic " + base64.b64encode(f"reader:{password}".encode()).decode() for password in (PASSWORD, NEW_PASSWORD)
        }

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: object, **options: object) -> None:
                super().__init__(*arguments, directory=str(folder), **options)  # type: ignore[arg-type]

            def do_GET(self) -> None:
                if self.headers.get("Authorization") in accepted:
                    super().do_GET()
                else:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="index"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index with one package."""
    folder = tmp_path_factory.mktemp("index")
    wheel = write_wheel(folder / "simple/inhouse", "inhouse", "1.0", {"inhouse.py": ""})
    (folder / "simple/inhouse/index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    found = Index(folder)
    yield found
    found.server.shutdown()
    found.server.server_close()


def _netrc(folder: Path, password: str) -> Path:
    path = folder / f"netrc-{password}"
    path.write_text(f"machine 127.0.0.1 login reader password {password}\n")
    return path


@pytest.fixture(scope="module")
def context(index: Index, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The build context of a service that needs the package."""
    folder = tmp_path_factory.mktemp("private")
    root = folder / "repository"
    (root / "wheels").mkdir(parents=True)
    write_wheel(root / "wheels", "inhouse", "1.0", {"inhouse.py": ""})
    write_package(root / "services/private", "inhouse", code="import inhouse\n")
    (root / "pyproject.toml").write_text(
        f'[[tool.uv.index]]\nname = "inhouse"\nurl = "{index.url}/simple"\ndefault = true\n'
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
        "error: uv could not install private: see above; an index asks for a password: give it in the build secret 'netrc' "
        "(docker build --secret id=netrc,src=FILE; build_secrets of the construct)"
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
