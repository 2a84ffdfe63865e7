"""docs/other-builders.md, done as it says: bake and SAM build from the same contexts."""

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator

import pytest
from adopting.reader import REPOSITORY, Reader
from docs.pages import Block, blocks

from local_cloud import python

PAGE = REPOSITORY / "docs/other-builders.md"
SAM_IMAGES = {"mail:mail", "thumbs:thumbs"}


@pytest.fixture(scope="module")
def built(adopted: Reader) -> Iterator[Reader]:
    """The page followed; its images are removed again. What compiles is the target's Python of this machine, where it has one."""
    before = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([before, str(python.program().parent)])
    try:
        adopted.follow(PAGE)
    finally:
        os.environ["PATH"] = before
    yield adopted
    if adopted.engine:
        images = [*SAM_IMAGES, *(tag for target in targets(adopted).values() for tag in target["tags"])]
        subprocess.run(["docker", "image", "rm", "--force", *images], capture_output=True, check=False)


def targets(reader: Reader) -> dict[str, dict[str, list[str]]]:
    """What bake is told to build."""
    found: dict[str, dict[str, list[str]]] = json.loads((reader.root / "build/docker-bake.json").read_text())["target"]
    return found


def architecture(image: str) -> str:
    """What the engine says of an image."""
    command = ["docker", "image", "inspect", "--format", "{{.Architecture}}", image]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def layers(image: str) -> list[str]:
    """The digests of an image's layers."""
    command = ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image]
    found: list[str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


@pytest.mark.parametrize(
    "file",
    [
        "examples/bake/bake_file.py",
        "examples/sam/template.yaml",
        "examples/sam/zips.yaml",
        "examples/terraform/main.tf",
        "examples/terraform/zips.tf",
    ],
)
def test_the_page_shows_the_example_s_file(file: str) -> None:
    """To the letter."""
    assert [(REPOSITORY / file).read_text()] == [block.text for block in blocks(PAGE) if shown(block, file) == file]


def shown(block: Block, file: str) -> str | None:
    """The Terraform files are shown, but nothing is done with them: their comments tell them apart."""
    if block.not_run and block.language == "terraform":
        return file if file.endswith(".tf") and (REPOSITORY / file).read_text().startswith(block.text[:60]) else None
    return block.file


def test_contexts_json_has_what_the_page_says(built: Reader) -> None:
    """Each key of its table, for each service."""
    contexts = json.loads((built.root / "build/contexts.json").read_text())
    assert ["acme-mail-sender", "acme-thumbnails"] == [context["service"] for context in contexts]
    keys = {"service", "handler", "digest", "size", "files", "dropped", "platform", "build_args", "output"}
    assert [keys, keys] == [set(context) for context in contexts]


@pytest.mark.usefixtures("engine")
def test_bake_builds_every_service(built: Reader) -> None:
    """For arm64, tagged by the digest of its context."""
    tags = [tag for target in targets(built).values() for tag in target["tags"]]
    assert 2 == len(tags)
    assert ["arm64", "arm64"] == [architecture(tag) for tag in tags]


@pytest.mark.usefixtures("engine")
def test_sam_builds_the_same_images(built: Reader) -> None:
    """Layer by layer."""
    tag = {service: target["tags"][0] for service, target in targets(built).items()}
    assert layers(tag["acme-mail-sender"]) == layers("mail:mail")
    assert layers(tag["acme-thumbnails"]) == layers("thumbs:thumbs")


def test_the_archives_are_where_sam_and_terraform_look(built: Reader) -> None:
    """Each with the module of the handler that the template names."""
    template = (built.root / "examples/sam/zips.yaml").read_text()
    functions = re.findall(r"CodeUri: (\S+)\n +Handler: (\S+)", template)
    assert 2 == len(functions)
    for place, handler in functions:
        with zipfile.ZipFile(built.root / "examples/sam" / place) as archive:
            assert f"{handler.rpartition('.')[0].replace('.', '/')}.py" in archive.namelist()
    told = json.loads((built.root / "build/zips.json").read_text())
    assert {("acme-mail-sender", "python3.14"), ("acme-thumbnails", "python3.14")} == {
        (archive["service"], archive["runtime"]) for archive in told
    }
    assert all((built.root / archive["output"]).is_file() for archive in told)
