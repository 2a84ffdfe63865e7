"""docs/adopting.md, done as it says, in a workspace that knows nothing of this repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.pages import Block, blocks
from images.engine import START, answers

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/adopting.md"
IMAGE = "acme-mail-sender"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another layout, folders unlike package names, hatchling, a root that is a package; the built wheel in a folder."""
    base = tmp_path_factory.mktemp("adopting")
    root = base / "acme"
    shutil.copytree(Path(__file__).parent / "acme", root)
    built = base / "wheels"
    run(f"uv build --quiet --package uv-workspace-function --wheel --out-dir {built}", REPOSITORY, {})
    run("uv lock --quiet", root, {})
    return root


def environment(root: Path) -> dict[str, str]:
    """What a reader's shell has: the wheel's folder, and nothing of this repository's environment."""
    return {"UV_FIND_LINKS": str(root.parent / "wheels")}


def run(command: str, cwd: Path, variables: dict[str, str]) -> str:
    """Run a command as a shell does, in an environment of its own; what it printed on stdout."""
    ours = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "JSII_NODE", "CDK_VALIDATION", "PYTHONPATH"}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    inherited["PATH"] = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder).is_relative_to(REPOSITORY)
    )
    python = {"UV_PYTHON": sys.base_prefix}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=cwd,
        env=inherited | python | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def followed(acme: Path) -> Iterator[dict[str, str]]:
    """The page followed from top to bottom; what each of its commands printed."""
    printed: dict[str, str] = {}
    engine = answers()
    for block in blocks(PAGE):
        if block.not_run is None:
            follow(block, acme, printed, engine=engine)
    yield printed
    if engine:
        subprocess.run(["docker", "image", "rm", "--force", IMAGE], capture_output=True, check=False)


def follow(block: Block, root: Path, printed: dict[str, str], *, engine: bool) -> None:
    """Do what a reader does with one block."""
    if block.file is not None:
        path = root / block.file
        path.write_text((path.read_text() if block.added else "") + block.text)
    elif block.language == "sh":
        for command in block.text.splitlines():
            if engine or not re.search(r"\bdocker\b|--image\b", command):
                printed[command] = run(command, root, environment(root))


def test_the_list_is_the_one_on_the_page(followed: dict[str, str]) -> None:
    """Before the handler of acme-mail-sender is named it is a library."""
    shown = next(block.text for block in blocks(PAGE) if block.text.startswith("PACKAGE"))
    rows = {tuple(line.split()) for line in followed["uv run services list"].splitlines()}
    assert {tuple(line.split()) for line in shown.splitlines()} == rows


def test_naming_a_handler_makes_a_service(followed: dict[str, str]) -> None:
    """As the page says."""
    listed = json.loads(followed["uv run services list --json"])
    handlers = {row["package"]: row["handler"] for row in listed}
    assert "mail_sender.aws.lambda_handler" == handlers["acme-mail-sender"]
    assert "acme_thumbnails.main.handler" == handlers["acme-thumbnails"]


def test_it_synthesizes(followed: dict[str, str], acme: Path) -> None:
    """Two image functions for arm64, each with its handler; each context holds its own closure alone."""
    template = json.loads((acme / "cdk.out/Acme.template.json").read_text())
    functions = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    found = {(f["PackageType"], *f["Architectures"], *f["ImageConfig"]["Command"]) for f in functions}
    assert found == {
        ("Image", "arm64", "mail_sender.aws.lambda_handler"),
        ("Image", "arm64", "acme_thumbnails.main.handler"),
    }
    assets = json.loads((acme / "cdk.out/Acme.assets.json").read_text())["dockerImages"]
    for asset in assets.values():
        context = acme / "cdk.out" / asset["source"]["directory"]
        service = asset["source"]["dockerBuildArgs"]["SERVICE_NAME"]
        own, other = ("mail", "thumbs") if service == "acme-mail-sender" else ("thumbs", "mail")
        assert (context / "lambdas" / own / "pyproject.toml").is_file()
        assert (context / "packages/core/acme_core/__init__.py").is_file()
        assert not (context / "lambdas" / other).exists()
        assert ("orjson" in (context / "uv.lock").read_text()) == (service == "acme-thumbnails")


def test_the_image_is_built_and_holds_the_service(followed: dict[str, str]) -> None:
    """The built image imports its handler and answers; its size can be told."""
    if not answers():
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail(f"REQUIRE_ENGINE=1, but {START}", pytrace=False)
        pytest.skip(START)
    program = "from mail_sender.aws import lambda_handler; print(lambda_handler({'to': 'Ada'}, None)['text'])"
    done = subprocess.run(
        ["docker", "run", "--rm", "--platform=linux/arm64", "--entrypoint=/var/lang/bin/python3", IMAGE, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Dear Ada, this is the 1st mail.\n\nYours, Acme\n\n" == done.stdout, done.stderr
    sizes = followed["uv run services size acme-mail-sender --image acme-mail-sender"]
    assert "humanize" in sizes
    assert "acme-core 0.9.0" in sizes


def test_the_page_leaves_the_workspace_in_order(followed: dict[str, str], acme: Path) -> None:
    """The lock is fresh, and nothing that was there before was changed but what the page changes."""
    run("uv lock --check --quiet", acme, environment(acme))
    original = Path(__file__).parent / "acme"
    changed = {
        str(path.relative_to(original))
        for path in original.rglob("*")
        if path.is_file() and path.read_bytes() != (acme / path.relative_to(original)).read_bytes()
    }
    assert {"pyproject.toml", "lambdas/mail/pyproject.toml"} == changed
