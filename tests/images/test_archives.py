"""An archive that `services build` wrote is an image to others: an engine loads it, Lambda's runtime interface answers from it."""

import json
from pathlib import Path

from click.testing import CliRunner
from images import twins
from images.aws import running
from images.engine import LAMBDA_BASE, Engine, Image
from images.shop import write_shop
from uv_workspace_function.cli.main import main


def test_an_archive_is_loaded_and_answers(engine: Engine, tmp_path: Path) -> None:
    """Built without the engine; its configuration is what `--json` says."""
    shop, base, archive = write_shop(tmp_path / "shop"), tmp_path / "base.tar", tmp_path / "orders.tar"
    engine.docker("image", "save", f"--output={base}", LAMBDA_BASE)
    architecture = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}[engine.native]
    name = "uv-workspace-function-test:archive-of-orders"
    command = ["build", "orders", f"--workspace={shop}", f"--cache={twins.store().folder}", f"--output={archive}"]
    command += [f"--base-image=oci:{base}", f"--interpreter={twins.interpreter()}", f"--name={name}", "--json"]
    built = CliRunner().invoke(main, [*command, f"--architecture={architecture}"])
    assert 0 == built.exit_code, built.stderr
    engine.docker("image", "load", f"--input={archive}")
    engine.made.append(name)
    (inspected,) = json.loads(engine.docker("image", "inspect", name))
    document = json.loads(built.stdout)
    assert [layer["diff_id"] for layer in document["layers"]] == inspected["RootFS"]["Layers"][
        -len(document["layers"]) :
    ]
    image = Image(engine=engine, name=name, platform=engine.native, log="")
    with running(engine) as aws:
        assert {"id": 7} == aws.invoke(image, "orders.main.handler", {"id": 7}, {})
