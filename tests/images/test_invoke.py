"""`services invoke --image`: a handler called in its real image, through Lambda's runtime interface.

Covers also: running/_serve_runtime.py, running/container.py.
"""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from images.engine import Engine
from made import handler, lock, workspace
from uv_workspace_function.cli.main import main

ROOT = Path(__file__).parents[2]
CHECK_ENVIRONMENT = '[tool.uv-workspace-function.check.environment]\nTABLE = "declared"\nBUCKET = "declared"\n'
HANDLER = """
import os, socket, sys, time
import stock


def handler(event, context):
    match event["do"]:
        case "tell":
            print("printed")
            try:
                open("/var/task/written", "w")
            except OSError as error:
                refused = error.strerror
            open("/tmp/written", "w").close()
            return {
                "user": os.getuid(), "refused": refused, "file": __file__, "python": sys.version_info[:2],
                "function": context.function_name, "left": context.get_remaining_time_in_millis(),
                "arn": context.invoked_function_arn, "left in stock": stock.LEFT, "capabilities": capabilities(),
            }
        case "environment":
            return dict(os.environ)
        case "raise":
            raise ValueError("no such order")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(60)
        case "set":
            return {1}
        case "reach":
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", event["port"])) == 0


def capabilities():
    return [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with a library, one that cannot be imported, and one that cannot be built."""
    needs_stock = 'dependencies = ["stock"]\n[tool.uv.sources.stock]\nworkspace = true\n'
    root = workspace(
        tmp_path_factory.mktemp("shop") / "w",
        {"orders": needs_stock, "stock": "", "unset": "", "broken": ""},
        tail=CHECK_ENVIRONMENT,
    )
    (root / "stock/src/stock/__init__.py").write_text("LEFT = 3\n")
    handler(root / "orders", HANDLER)
    handler(root / "unset", "import os\n\nQUEUE = os.environ['QUEUE']\n\n\ndef handler(event, context): ...\n")
    handler(root / "broken", "def handler(event, context): ...\n")
    lock(root)
    backend = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    definition = (root / "broken/pyproject.toml").read_text().partition("[build-system]")[0]
    (root / "broken/pyproject.toml").write_text(f"{definition}[build-system]\n{backend}")
    (root / "broken/backend.py").write_text("raise SystemExit('the printer is on fire')\n")
    return root


def invoke(
    engine: Engine, root: Path, service: str, event: object, *options: str, shell: Mapping[str, str] | None = None
) -> Result:
    """Call it on the platform that needs no emulation here."""
    architecture = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}[engine.native]
    arguments = ["invoke", service, "--workspace", str(root), "--event", "-", "--image", "--architecture", architecture]
    return CliRunner().invoke(main, [*arguments, *options], input=json.dumps(event), env=shell)


def answer(result: Result) -> object:
    """What it printed to stdout, which has to be one JSON document."""
    assert 0 == result.exit_code, result.stderr
    return json.loads(result.stdout)


def failure(result: Result) -> list[str]:
    """What it said of a handler that did not answer: the log and the reason, without the summary below."""
    assert (1, "") == (result.exit_code, result.stdout), result.stderr
    *lines, summary = result.stderr.splitlines()
    assert re.match(r"[\w-]+ failed; ", summary), result.stderr
    return lines


@pytest.fixture(autouse=True)
def nothing_left(engine: Engine) -> object:
    """Neither an image nor a container, whatever became of the call."""
    yield
    assert "" == engine.docker("image", "ls", "--quiet", "services-invoke/orders")
    assert "" == engine.docker("ps", "--all", "--quiet", "--filter", "name=services-invoke-orders")


def test_a_function_is_called_as_on_lambda(engine: Engine, shop: Path) -> None:
    """By the image's Python, as a user without rights, on a file system that is read-only but for /tmp."""
    result = invoke(engine, shop, "orders", {"do": "tell"}, "--timeout", "20")
    told = answer(result)
    assert isinstance(told, dict)
    assert 19_000 < told.pop("left") <= 20_000
    assert told == {
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:orders",
        "capabilities": ["0000000000000000"],
        "file": "/var/task/orders/main.py",
        "function": "orders",
        "left in stock": 3,
        "python": [3, 14],
        "refused": "Read-only file system",
        "user": 993,
    }
    printed, summary = result.stderr.splitlines()
    assert "printed" == printed
    assert re.fullmatch(
        r"orders answered; initialisation [\d.]+ m?s; handler [\d.]+ m?s; peak memory [\d.]+ MB; "
        rf"on the image, {engine.native}",
        summary,
    )


def test_a_sample_service_answers_on_arm64(engine: Engine) -> None:
    """What it answers without an image too."""
    event = str(ROOT / "services/query_api/events/bad-limit.json")
    arguments = ["invoke", "query-api", "--workspace", str(ROOT), "--event", event]
    shell = dict.fromkeys(("AWS_PROFILE", "AWS_ENDPOINT_URL"))
    alone, inside = (CliRunner().invoke(main, [*arguments, *more], env=shell) for more in ([], ["--image"]))
    assert 400 == json.loads(inside.stdout)["statusCode"]
    assert alone.stdout == inside.stdout
    assert "on the image, linux/arm64" in inside.stderr


def test_only_what_is_asked_for_is_passed_on(engine: Engine, shop: Path) -> None:
    """Of the shell's variables, by pattern, by name, with a value; then what the workspace declares."""
    shell = {"AWS_ACCESS_KEY_ID": "key", "AWS_REGION": "eu-west-1", "SECRET": "s", "TABLE": "shell", "HOME": "/nowhere"}
    event = {"do": "environment"}
    plain = answer(invoke(engine, shop, "orders", event, shell=shell))
    asked = answer(invoke(engine, shop, "orders", event, "-e", "AWS_*", "-e", "TABLE", "-e", "QUEUE=a=b", shell=shell))
    assert isinstance(plain, dict)
    assert isinstance(asked, dict)
    names = ("AWS_ACCESS_KEY_ID", "AWS_REGION", "SECRET", "TABLE", "BUCKET", "QUEUE")
    assert [None, "us-east-1", None, "declared", "declared", None] == [plain.get(name) for name in names]
    assert ["key", "eu-west-1", None, "shell", "declared", "a=b"] == [asked.get(name) for name in names]
    assert "/nowhere" not in plain.values()


def test_a_handler_that_raises(engine: Engine, shop: Path) -> None:
    """The runtime's own traceback, one line after the other, then what was raised."""
    lines = failure(invoke(engine, shop, "orders", {"do": "raise"}))
    assert "[ERROR] ValueError: no such order" == lines[0]
    assert any('File "/var/task/orders/main.py"' in line for line in lines)
    assert "ValueError: no such order" == lines[-1]


@pytest.mark.parametrize(
    ("service", "does", "said"),
    [
        ("orders", "exit", "the function's process ended: exit status 3"),
        ("orders", "set", "Runtime.MarshalError: Unable to marshal response: "),
        ("orders", "sleep", "the call took more than 2 s and was ended; give it more with --timeout SECONDS"),
        ("unset", "", "if QUEUE is a variable of the function's, give it with --env QUEUE=VALUE"),
    ],
)
def test_a_handler_that_does_not_answer(engine: Engine, shop: Path, service: str, does: str, said: str) -> None:
    """Each way of it, in words."""
    lines = failure(invoke(engine, shop, service, {"do": does}, "--timeout", "2" if does == "sleep" else "60"))
    assert lines[-1].startswith(said), lines


def test_an_image_that_cannot_be_built(engine: Engine, shop: Path) -> None:
    """What the build printed is shown."""
    result = invoke(engine, shop, "broken", {})
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("error: the image of broken was not built: docker build exited 1 and said\n")
    assert "the printer is on fire" in result.stderr


def test_an_emulator_on_this_machine_is_reached(engine: Engine, shop: Path) -> None:
    """Through the host's network, and through no other; a network that there is not is refused by the engine's own words."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        event = {"do": "reach", "port": server.server_port}
        assert answer(invoke(engine, shop, "orders", event, "--network", "host")) is True
        assert answer(invoke(engine, shop, "orders", event)) is False
        server.shutdown()
    refused = invoke(engine, shop, "orders", event, "--network", "no-such-network")
    assert (2, "") == (refused.exit_code, refused.stdout)
    assert "no-such-network" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda sent: sent.name)
def test_a_signal_ends_the_container(engine: Engine, shop: Path, tmp_path: Path, sent: signal.Signals) -> None:
    """With the exit code that shells have for it; `nothing_left` sees that image and container are gone."""
    architecture = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}[engine.native]
    (tmp_path / "event.json").write_text('{"do": "sleep"}')
    command = [
        sys.executable,
        "-c",
        "from uv_workspace_function.cli.main import main; main()",
        "invoke",
        "orders",
        "--image",
    ]
    command += ["--workspace", str(shop), "--event", str(tmp_path / "event.json"), "--architecture", architecture]
    process = subprocess.Popen([*command, "--timeout", "60"], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while not engine.docker("ps", "--quiet", "--filter", "name=services-invoke-orders"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.5)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (128 + sent, f"ended by {sent.name}")
