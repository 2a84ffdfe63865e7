"""docs/adopting.md, done as it says, in a workspace that knows nothing of this repository."""

import json
import subprocess
from pathlib import Path

import pytest
from adopting.reader import REPOSITORY, Reader, shell
from docs.pages import blocks

ORIGINAL = Path(__file__).parent / "acme"


def test_the_list_is_the_one_on_the_page(adopted: Reader) -> None:
    """Before the handler of acme-mail-sender is named it is a library."""
    page = blocks(REPOSITORY / "docs/adopting.md")
    shown = next(block.text for block in page if block.text.startswith("PACKAGE"))
    rows = {tuple(line.split()) for line in adopted.printed["uv run services list"].splitlines()}
    assert {tuple(line.split()) for line in shown.splitlines()} == rows


def test_naming_a_handler_makes_a_service(adopted: Reader) -> None:
    """As the page says."""
    listed = json.loads(adopted.printed["uv run services list --json"])
    handlers = {row["package"]: row["handler"] for row in listed}
    assert "mail_sender.aws.lambda_handler" == handlers["acme-mail-sender"]
    assert "acme_thumbnails.main.handler" == handlers["acme-thumbnails"]


def test_it_synthesizes(adopted: Reader) -> None:
    """Two image functions for arm64, each with its handler; each context holds its own closure alone."""
    assembly = adopted.root / "cdk.out"
    template = json.loads((assembly / "Acme.template.json").read_text())
    functions = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    found = {(f["PackageType"], *f["Architectures"], *f["ImageConfig"]["Command"]) for f in functions}
    assert found == {
        ("Image", "arm64", "mail_sender.aws.lambda_handler"),
        ("Image", "arm64", "acme_thumbnails.main.handler"),
    }
    for asset in json.loads((assembly / "Acme.assets.json").read_text())["dockerImages"].values():
        context = assembly / asset["source"]["directory"]
        service = asset["source"]["dockerBuildArgs"]["SERVICE_NAME"]
        own, other = ("mail", "thumbs") if service == "acme-mail-sender" else ("thumbs", "mail")
        assert (context / "lambdas" / own / "pyproject.toml").is_file()
        assert (context / "packages/core/acme_core/__init__.py").is_file()
        assert not (context / "lambdas" / other).exists()
        assert ("orjson" in (context / "uv.lock").read_text()) == (service == "acme-thumbnails")


def test_the_gate_has_the_warnings_that_the_page_names(adopted: Reader) -> None:
    """One when the page is followed, with the app as without it."""

    def found() -> set[tuple[str, str]]:
        text = shell("uv run --no-sync services check --format json || test $? = 1", adopted.root)
        return {(finding["code"], finding["subject"]) for finding in json.loads(text)["findings"]}

    expected = {("UWF015", "hatchling")}
    app = adopted.root / "app.py"
    assert expected == found()
    app.rename(app.with_suffix(".kept"))
    try:
        (adopted.root / "cdk.json").rename(adopted.root / "cdk.kept")
        assert expected == found()
    finally:
        app.with_suffix(".kept").rename(app)
        (adopted.root / "cdk.kept").rename(adopted.root / "cdk.json")


@pytest.mark.usefixtures("engine")
def test_the_image_is_built_and_holds_the_service(adopted: Reader) -> None:
    """The built image imports its handler and answers; its size can be told."""
    program = "from mail_sender.aws import lambda_handler; print(lambda_handler({'to': 'Ada'}, None)['text'])"
    command = ["docker", "run", "--rm", "--platform=linux/arm64", "--entrypoint=/var/lang/bin/python3"]
    done = subprocess.run(
        [*command, "acme-mail-sender", "-c", program], capture_output=True, text=True, check=False, timeout=300
    )
    assert "Dear Ada, this is the 1st mail.\n\nYours, Acme\n\n" == done.stdout, done.stderr
    sizes = adopted.printed["uv run services size acme-mail-sender --image acme-mail-sender"]
    assert "humanize" in sizes
    assert "acme-core 0.9.0" in sizes


def test_the_page_leaves_the_workspace_in_order(adopted: Reader) -> None:
    """The lock is fresh, and nothing that was there before was changed but what the page changes."""
    shell("uv lock --check --quiet", adopted.root, {"UV_FIND_LINKS": str(adopted.wheels)})
    changed = {
        str(path.relative_to(ORIGINAL))
        for path in ORIGINAL.rglob("*")
        if path.is_file() and path.read_bytes() != (adopted.root / path.relative_to(ORIGINAL)).read_bytes()
    }
    assert {"pyproject.toml", "lambdas/mail/pyproject.toml"} == changed
