"""The documentation is true: its links lead somewhere, its commands exist, its blocks are run or marked as output."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from docs.pages import Block, blocks, prose
from uv_workspace_function.cli.main import COMMANDS, main

from docs import made

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    {
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *(REPOSITORY / folder / "README.md" for folder in ("examples", "infra", "local_cloud", "services")),
    }
)
# Followed from top to bottom, or taken apart, by tests of their own.
TESTED_BY = {
    "README.md": "tests/docs/test_readme.py",
    "docs/adopting.md": "tests/adopting/conftest.py",
    "docs/checks.md": "tests/gate/test_checks_page.py",
    "docs/construct.md": "tests/constructs/test_construct_docs.py",
    "docs/extensions.md": "tests/constructs/test_extensions.py",
    "docs/getting-started.md": "tests/docs/test_getting_started.py",
    "docs/migrating.md": "tests/docs/test_migrating.py",
    "docs/operations.md": "tests/docs/test_operations.py",
    "docs/other-builders.md": "tests/adopting/test_other_builders.py",
    "docs/typescript.md": "tests/adopting/test_typescript.py",
    "infra/README.md": "tests/docs/test_readme.py",
    "docs/recipes.md": "tests/docs/test_recipes.py",
    "docs/without-docker.md": "tests/constructs/test_pipeline.py",
    "docs/same-module-names.md": "tests/docs/test_same_module_names.py",
    "docs/zip-functions.md": "tests/constructs/test_zip_docs.py",
}
OUTPUT = {"text", "mermaid"}
DIRECTIVES = {"{toctree}", "{eval-rst}"}


def name(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(REPOSITORY).as_posix()


EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=name)


def anchors(page: Path) -> set[str]:
    """What one can link to in a page: its headings, spelled as GitHub does."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    """Where a page links to."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(page))


@EVERY_PAGE
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    """Within the repository; what is elsewhere has to be https."""
    dead = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            assert link.startswith("https://"), link
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(link)
    assert [] == dead


@EVERY_PAGE
def test_every_block_is_run_or_marked_as_output(page: Path) -> None:
    """By the page's own test, by this one, or it says why not."""
    if name(page) in TESTED_BY:
        test = REPOSITORY / TESTED_BY[name(page)]
        assert page.name in test.read_text(), f"{TESTED_BY[name(page)]} no longer reads {page.name}"
        return
    for block in blocks(page):
        if block.not_run is None and block.language not in OUTPUT | DIRECTIVES:
            do(block)


def do(block: Block) -> None:
    """Run a block, or read it as what it says it is."""
    match block.language:
        case "toml":
            tomllib.loads(block.text)
        case "json":
            json.loads(block.text)
        case "sh":
            for command in block.text.splitlines():
                run(block, command)
        case language:
            pytest.fail(f"{block}: nobody runs a block of {language or 'no language'}")


def run(block: Block, command: str) -> None:
    """Run a command of ours that only reads; of `make` it is enough that there is such a target."""
    words = shlex.split(command.removeprefix("uv run "), comments=True)
    if words[0] == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
        return
    assert "services" == words[0], f"{block}: nobody runs {command!r}"
    assert words[1] not in {"new", "invoke"}, f"{block}: {command!r} changes something"
    assert not {"-o", "--output"} & set(words), f"{block}: {command!r} writes something"
    result = CliRunner().invoke(main, [*words[1:], "--workspace", str(REPOSITORY)])
    assert result.exit_code in {0, 1}, f"{block}: {command!r}: {result.stderr}"


def mentioned() -> Iterator[tuple[str, str]]:
    """Every `services ...` that a page mentions, with the page."""
    for page in PAGES:
        text = page.read_text()
        for command in re.findall(r"`(services [^`\n]+)`", text):
            yield name(page), command
        for block in blocks(page):
            for line in block.text.splitlines() if block.language == "sh" else ():
                if found := re.match(r"(?:uv run )?(services [^|>#]+)", line):
                    yield name(page), found[1]


@pytest.mark.parametrize(("page", "command"), sorted(set(mentioned())))
def test_a_mentioned_command_exists_with_its_options(page: str, command: str) -> None:
    """As click parses it."""
    parses(shlex.split(command)[1:])


def parses(words: list[str]) -> None:
    """Fail when there is no such command, or it has no such option."""
    if words[0] in {"--help", "--version"}:
        return
    assert words[0] in COMMANDS
    with click.Context(main) as context:
        command = main.get_command(context, words[0])
        assert command is not None
        options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert [] == [word for word in words[1:] if word.startswith("-") and word.partition("=")[0] not in options]


def test_a_command_that_is_not_there_would_be_found() -> None:
    """The check above can fail."""
    with pytest.raises(AssertionError):
        parses(["list", "--jsn"])
    with pytest.raises(AssertionError):
        parses(["lits"])


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_examples_in_help_are_lines_of_their_own_and_parse(command: str) -> None:
    """Click keeps lines after a backspace character; a raw docstring would print it instead."""
    text = CliRunner().invoke(main, [command, "--help"], terminal_width=100).stdout
    assert "\\b" not in text
    examples = re.findall(r"^    services (.+)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        parses(shlex.split(re.split(r"[|>]", example)[0]))


@pytest.mark.parametrize("page", made.PAGES)
def test_what_is_made_from_the_code_is_up_to_date(page: str) -> None:
    """`uv run python docs/made.py` would change nothing."""
    text = (REPOSITORY / page).read_text()
    assert "<!-- made by docs/made.py: " in text
    assert text == made.renewed(text)


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Nitpicky: every reference leads somewhere, docstrings included."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert "functions of one service share their image" in (tmp_path / "reference.html").read_text()
