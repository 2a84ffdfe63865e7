"""An extension from an image runs beside the function, as Lambda runs it."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import made
import pytest
from images.engine import LAMBDA_BASE, LAMBDA_LIKE, Engine, Image
from uv_workspace_function import BuildContext, Workspace

from local_cloud import stand_ins

EMULATOR = Path(stand_ins.__file__).parent / "lambda_image" / "runtime_interface_emulator.py"
# Registers, waits for events, and says what it was told: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
EXTENSION = """#!/var/lang/bin/python3.14 -IS
import json, os, sys, urllib.request

def call(path, data=None, **headers):
    url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension/{path}"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib.request.urlopen(urllib.request.Request(url, data, headers))

name = os.path.basename(__file__)
answer = call("register", json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode(), Lambda_Extension_Name=name)
identifier = answer.headers["Lambda-Extension-Identifier"]
print(f"{name} registered for {json.load(answer)['handler']}", file=sys.stderr, flush=True)
while True:
    event = json.load(call("event/next", Lambda_Extension_Identifier=identifier))
    told = event.get("requestId") or event["shutdownReason"]
    print(f"{name} saw {event['eventType']} {told}", file=sys.stderr, flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""
HANDLER = """
import os


def handler(event, context):
    return {"id": context.aws_request_id, "opt": sorted(os.listdir("/opt/extensions")), "shared": open("/opt/shared").read()}
"""


def extension(engine: Engine, folder: Path, name: str, shared: str) -> str:
    """Build an image with an extension, and with what is not of `/opt`."""
    folder.mkdir()
    (folder / "program").write_text(EXTENSION)
    (folder / "program").chmod(0o755)
    (folder / "shared").write_text(shared)
    (folder / "Dockerfile").write_text(
        f"FROM scratch\nCOPY program /opt/extensions/{name}\nCOPY shared /opt/shared\nCOPY shared /elsewhere\n"
    )
    tag = f"uv-workspace-function-test:extension-{name}-{os.getpid()}"
    engine.docker("build", "--quiet", f"--platform={engine.native}", f"--tag={tag}", str(folder))
    engine.made.append(tag)
    return tag


@pytest.fixture(scope="module")
def arguments(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two extensions as arguments of the build."""
    folder = tmp_path_factory.mktemp("extensions")
    return {
        "EXTENSION_1_IMAGE": extension(engine, folder / "1", "first", "of the first"),
        "EXTENSION_2_IMAGE": extension(engine, folder / "2", "second", "of the second"),
    }


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> BuildContext:
    """The context without extensions."""
    root = made.workspace(tmp_path_factory.mktemp("w") / "w", ["shop"])
    made.handler(root / "shop", HANDLER)
    return BuildContext.of(Workspace.load(made.lock(root)), "shop")


@pytest.fixture(scope="module")
def context(without: BuildContext) -> BuildContext:
    """The context with two."""
    return without.extended(2)


def build(engine: Engine, context: BuildContext, arguments: dict[str, str], folder: Path) -> Image:
    context.write(folder)
    # Nothing of these stages is taken from the cache: built twice, they are built twice.
    options = ("--no-cache-filter=extensions,extended",)
    return engine.build(folder, context.build_args | arguments, *options, platform=engine.native)


def layers(engine: Engine, image: Image) -> list[str]:
    found: list[str] = json.loads(engine.docker("image", "inspect", "--format={{json .RootFS.Layers}}", image.name))
    return found


def test_extensions_are_one_layer_that_is_the_same_each_time(
    engine: Engine, without: BuildContext, context: BuildContext, arguments: dict[str, str], tmp_path: Path
) -> None:
    """On top of those that the image has without them."""
    images = [build(engine, context, arguments, tmp_path / name) for name in ("one", "two")]
    without.write(tmp_path / "plain")
    plain = engine.build(tmp_path / "plain", without.build_args, "--label=plain", platform=engine.native)
    first, second = (layers(engine, image) for image in images)
    assert first == second
    assert [*layers(engine, plain), first[-1]] == first


@pytest.fixture(scope="module")
def running(
    engine: Engine, context: BuildContext, arguments: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A container of the function, as Lambda runs it."""
    image = build(engine, context, arguments, tmp_path_factory.mktemp("running") / "context")
    label = f'{{{{index .Config.Labels "{stand_ins.RECIPE_LABEL}"}}}}'
    is_stand_in = engine.docker("image", "inspect", f"--format={label}", LAMBDA_BASE).strip() not in ("", "<no value>")
    # The stand-in of this checkout: the engine can have an older one.
    mount = (f"--volume={EMULATOR}:/usr/local/bin/aws-lambda-rie:ro",) if is_stand_in else ()
    options = ("--detach", f"--platform={engine.native}", *LAMBDA_LIKE, *mount)
    container = engine.docker("run", *options, image.name, "shop.main.handler").strip()
    yield container
    engine.docker("rm", "--force", container)


def invoke(engine: Engine, container: str) -> dict[str, object]:
    script = (
        "import time, urllib.request as r\n"
        "for _ in range(100):\n"
        "    try: print(r.urlopen('http://127.0.0.1:8080/2015-03-31/functions/function/invocations', b'{}').read().decode()); break\n"
        "    except OSError: time.sleep(0.1)\n"
    )
    answer: dict[str, object] = json.loads(engine.docker("exec", container, "python3", "-c", script))
    return answer


def logs(container: str) -> list[str]:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).splitlines()


def test_an_extension_registers_runs_and_is_told_of_the_end(engine: Engine, running: str) -> None:
    """Both, with the files of all of `/opt`: where two images have a file of one name, the later one's counts."""
    answers = [invoke(engine, running) for _ in range(2)]
    assert {("first", "second")} == {tuple(answer["opt"]) for answer in answers}  # type: ignore[arg-type]
    assert {"of the second"} == {answer["shared"] for answer in answers}
    engine.docker("stop", "--time=10", running)
    time.sleep(0.5)
    said = logs(running)
    for name in ("first", "second"):
        assert f"{name} registered for shop.main.handler" in said
        assert [
            *(f"{name} saw INVOKE {answer['id']}" for answer in answers),
            f"{name} saw SHUTDOWN spindown",
        ] == [line for line in said if line.startswith(f"{name} saw")]
    starts = [number for number, line in enumerate(said) if line.startswith("START")]
    assert said.index("first registered for shop.main.handler") < starts[0]
