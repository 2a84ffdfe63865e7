"""What the tests of CDK_DOCKER share: the program, a staged context, a registry."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from oci import ecr
from oci.conftest import base, cache, original, python_314, shop, uv_of_the_image  # noqa: F401 - fixtures
from oci.ecr import Ecr
from uv_workspace_function.cli import uv_workspace_docker
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call came to."""

    code: int
    output: str
    error: str


Docker = Callable[..., Answer]


@pytest.fixture
def registry() -> Iterator[Ecr]:
    """One with a repository `shop` and one `assets`."""
    with ecr.serving(repositories=("shop", "assets")) as found:
        yield found


@pytest.fixture
def variables(cache: Path, python_314: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The program's, and an empty docker's configuration; no engine is on PATH."""
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_CACHE", str(cache))
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_INTERPRETER", str(python_314))
    monkeypatch.setenv("UV_WORKSPACE_DOCKER_ENGINE", "no-engine-is-here")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def docker(variables: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Docker:
    """One call, as the CDK CLI makes it."""

    def run(*arguments: str, cwd: Path | None = None, stdin: str = "") -> Answer:
        before = Path.cwd()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        os.chdir(cwd or before)
        try:
            with mock.patch.dict(os.environ):  # the program sets what it is given in its own process
                code = uv_workspace_docker._run(arguments)
        finally:
            os.chdir(before)
        said = capsys.readouterr()
        return Answer(code=code, output=said.out, error=said.err.removeprefix("error: ").rstrip("\n"))

    return run


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A build context in a cloud assembly, and how the CDK CLI has it built."""

    folder: Path
    arguments: dict[str, str]

    def call(self, name: str, *more: str, platform: str = "linux/arm64", **changed: str) -> list[str]:
        """The arguments of `docker`, as the CDK CLI 2.1148 gives them."""
        given = [
            word for key, value in {**self.arguments, **changed}.items() for word in ("--build-arg", f"{key}={value}")
        ]
        return ["build", *given, "--tag", name, *more, "--platform", platform, "."]


@pytest.fixture
def staged(shop: Path, base: Path, tmp_path: Path) -> Callable[..., Staged]:  # noqa: F811
    """The context of a service of the monorepo, staged."""

    def stage(service: str = "orders") -> Staged:
        context = BuildContext.of(Workspace.load(shop), service)
        folder = tmp_path / "cdk.out" / f"asset.{context.digest}"
        shutil.rmtree(folder, ignore_errors=True)
        context.write(folder)
        arguments = {"PYTHON_VERSION": "3.14", **context.build_args, "BASE_IMAGE": f"oci:{base}"}
        return Staged(folder=folder, arguments=arguments)

    return stage
