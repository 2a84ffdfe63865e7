"""The pipelines of docs/without-docker.md: they parse, and every command, option and variable in them exists."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]
from uv_workspace_function.cdk_docker import settings
from uv_workspace_function.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/without_docker"
FILES = sorted(path.name for path in FOLDER.iterdir())
PAGE = (ROOT / "docs/without-docker.md").read_text()
EVERY_FILE = pytest.mark.parametrize("file", FILES)
# The options of each, as its help has them.
_VALUED = ("--only-group", "--app", "--require-approval")
_HELP = {
    "uv sync": ["uv", "sync", "--help"],
    "uv run": ["uv", "run", "--help"],
    "cdk deploy": ["cdk", "deploy", "--help"],
}


def scripts(file: str) -> str:
    """The commands of a pipeline, each in a line."""
    return "\n".join(_commands(yaml.safe_load((FOLDER / file).read_text())))


def _commands(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            if key in {"run", "script", "before_script", "commands"}:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _commands(value)
    elif isinstance(document, list):
        for value in document:
            yield from _commands(value)


def options(command: str, text: str) -> set[str]:
    """The long options that a command is given, up to the next word that is no value of one."""
    found = set()
    for words in re.findall(rf"\b{command} (.*)", text):
        before = ""
        for word in words.split():
            if not word.startswith("--") and before not in _VALUED:
                break
            before = word
            found |= {word.partition("=")[0]} if word.startswith("--") else set()
    return found


def test_the_page_names_every_file() -> None:
    assert FILES == sorted(re.findall(r"\]\(\.\./examples/without_docker/([\w.-]+)\)", PAGE))


@EVERY_FILE
def test_its_commands_are_shell(file: str) -> None:
    """There are some, and a shell reads them."""
    text = scripts(file)
    assert "cdk deploy --all" in text
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


@EVERY_FILE
@pytest.mark.parametrize("command", _HELP)
def test_options_exist(file: str, command: str) -> None:
    """Those of uv and of the CDK CLI, as pinned here."""
    known = subprocess.run(_HELP[command], capture_output=True, text=True, check=True).stdout
    assert set() == {option for option in options(command, scripts(file)) if not re.search(rf"{option}\b", known)}


def test_an_option_that_is_not_there_would_be_seen() -> None:
    known = subprocess.run(_HELP["uv sync"], capture_output=True, text=True, check=True).stdout
    (option,) = options("uv sync", "uv sync --no-such-option")
    assert option not in known


@EVERY_FILE
def test_commands_of_services_parse(file: str) -> None:
    """With their options."""
    for line in re.findall(r"\bservices (.+)$", scripts(file), re.MULTILINE):
        name, *arguments = line.split()
        assert name in COMMANDS
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_parser(click.Context(command)).parse_args(arguments)


@EVERY_FILE
def test_variables_exist(file: str) -> None:
    """And the page says of each what it is for."""
    known = {value for name, value in vars(settings).items() if name.isupper()}
    named = set(re.findall(r"UV_WORKSPACE_DOCKER_[A-Z_]+", (FOLDER / file).read_text()))
    assert named
    assert named <= known == set(re.findall(r"UV_WORKSPACE_DOCKER_[A-Z]+(?:_[A-Z]+)*", PAGE))


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_job_with_credentials_runs_no_code_of_the_workspace(file: str) -> None:
    """It deploys what was synthesized, from images that were built, with tools that come as wheels."""
    document = yaml.safe_load((FOLDER / file).read_text())
    text = "\n".join(_commands(document.get("jobs", document)["deploy"]))
    assert "--no-install-local --no-build" in text
    assert "cdk deploy --all --app cdk.out" in text
    assert "services " not in text
    assert re.search(r"UV_WORKSPACE_DOCKER_IMAGES: \$\S.*/images$", (FOLDER / file).read_text(), re.MULTILINE)


def test_executable_bits_survive_the_artifact() -> None:
    """GitHub's artifacts lose them, and a build context without them is another one."""
    jobs = yaml.safe_load((FOLDER / "github-actions.yml").read_text())["jobs"]
    (upload,) = [step for step in jobs["build"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert "deployment.tar" == upload["with"]["path"]
    assert "tar -cf deployment.tar cdk.out images" in "\n".join(_commands(jobs["build"]))
    said = [step.get("uses", "").partition("@")[0] or step["run"].strip() for step in jobs["deploy"]["steps"]]
    after = said.index("actions/download-artifact") + 1
    assert "tar -xf deployment.tar" == said[after]


def test_zizmor_finds_nothing_in_the_workflow(tmp_path: Path) -> None:
    """As in this repository's own."""
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "deploy.yml").write_text((FOLDER / "github-actions.yml").read_text())
    zizmor = Path(sys.executable).with_name("zizmor")
    command = [str(zizmor), "--offline", "--no-progress", "--persona=pedantic", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout
