"""`services invoke`: a handler called with one event, in an environment that holds its closure only.

Covers also: cli/invoke_command.py, running/_call_handler.py, running/environment.py, running/events.py,
running/lambda_variables.py, running/variables.py.
"""

import json
import os
import re
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, member, needs, workspace
from uv_workspace_function.cli.main import main
from wheelhouse import wheel

EXTRA = 'dependencies = ["stock"]\n[project.optional-dependencies]\nfast = ["speedup"]\n[tool.uv.sources.stock]\nworkspace = true\n'
CHECK_ENVIRONMENT = '[tool.uv-workspace-function.check.environment]\nTABLE = "declared"\nBUCKET = "declared"\n'
# One handler for most of the tests: the event says what it does.
HANDLER = """
import decimal, logging, os, subprocess, sys, time
from stock import LEFT

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event, context):
    match event["do"]:
        case "answer":
            return event["with"]
        case "count":
            return {"left": LEFT, "price": decimal.Decimal("1.5")}
        case "bytes":
            return b'{"raw": true}'
        case "set":
            return {1, 2}
        case "log":
            print("printed")
            logger.info("logged")
            print("complained", file=sys.stderr)
        case "raise":
            try:
                deeper()
            except LookupError as error:
                raise ValueError("no such order") from error
        case "leave":
            sys.exit("enough")
        case "exit":
            os._exit(3)
        case "abort":
            os.abort()
        case "sleep":
            time.sleep(60)
        case "leave a child":
            return subprocess.Popen(["sleep", "60"]).pid
        case "context":
            names = [
                "aws_request_id", "client_context", "function_name", "function_version", "invoked_function_arn",
                "log_group_name", "log_stream_name", "memory_limit_in_mb", "tenant_id",
            ]
            left = context.get_remaining_time_in_millis()
            context.log("said through the context")
            return {**{name: getattr(context, name) for name in names}, "left": left, "who": context.identity.cognito_identity_id}
        case "environment":
            return dict(os.environ)
        case "allocate":
            return len(bytearray(100_000_000))
        case "import":
            return __import__(event["module"]).__name__


def another(event, context):
    return "another"


def deeper():
    raise LookupError("order 7")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service, a library that it needs and one that it does not, services that cannot be imported, a standalone project."""
    root = tmp_path_factory.mktemp("shop") / "w"
    (root / ".wheels").mkdir(parents=True)
    wheel(root / ".wheels", "speedup")
    workspace(
        root,
        {"orders": EXTRA, "stock": "", "other": "", **dict.fromkeys(["unset", "undeclared", "forever", "gone"], "")},
        exclude=["legacy"],
        tail=f'find-links = [".wheels"]\n{CHECK_ENVIRONMENT}',
    )
    (root / "stock/src/stock/__init__.py").write_text("LEFT = 3\n")
    handler(root / "orders", HANDLER)
    handler(root / "unset", "import os\n\nQUEUE = os.environ['QUEUE']\n\n\ndef handler(event, context): ...\n")
    handler(root / "undeclared", "import other\n\n\ndef handler(event, context): ...\n")
    handler(root / "forever", "import time\n\ntime.sleep(60)\n\n\ndef handler(event, context): ...\n")
    handler(root / "gone", "import os\n\nos._exit(4)\n\n\ndef handler(event, context): ...\n")
    flat = member(root / "flat", needs("stock") + "[tool.uv]\npackage = false\n", build_system="")
    handler(flat, "import stock\n\n\ndef handler(event, context):\n    raise ValueError(stock.LEFT)\n")
    path = '[tool.uv.sources.stock]\npath = "../stock"\n[tool.uv]\nno-index = true\n'
    legacy = member(root / "legacy", f'dependencies = ["stock"]\n{path}')
    handler(legacy, "from stock import LEFT\n\n\ndef handler(event, context):\n    return LEFT\n")
    (root / "orders/events").mkdir()
    (root / "orders/events/one.json").write_text('{"do": "answer", "with": 1}')
    (root / "orders/events/two.json").write_text('{"do": "answer", "with": 2}')
    lock(legacy)
    return lock(root)


def invoke(
    root: Path, service: str, event: object, *options: str, shell: dict[str, str | None] | None = None
) -> Result:
    """Call `services invoke` with an event on standard input."""
    arguments = ["invoke", service, "--workspace", str(root), "--event", "-", *options]
    return CliRunner().invoke(main, arguments, input=json.dumps(event), env=shell)


def answer(result: Result) -> object:
    """What it printed to stdout, which has to be one JSON document."""
    assert 0 == result.exit_code, result.stderr
    return json.loads(result.stdout)


def failure(result: Result) -> str:
    """What it said of a handler that did not answer, without the summary below."""
    assert (1, "") == (result.exit_code, result.stdout), result.stderr
    text, _, summary = result.stderr.rstrip("\n").rpartition("\n")
    assert re.match(r"[\w-]+ failed; ", summary), result.stderr
    return text


@pytest.mark.parametrize("value", [{"a": [1, 2.5, "ü", None, True]}, None, "text", []])
def test_the_answer_is_what_the_handler_returned(shop: Path, value: object) -> None:
    """As JSON, alone on stdout."""
    assert value == answer(invoke(shop, "orders", {"do": "answer", "with": value}))


def test_a_library_of_the_closure_is_there(shop: Path) -> None:
    """And a `Decimal` becomes a number, as on Lambda."""
    assert {"left": 3, "price": 1.5} == answer(invoke(shop, "orders", {"do": "count"}))


def test_what_is_not_in_the_closure_is_not_there(shop: Path) -> None:
    """Another member, and a package that this very process has."""
    assert failure(invoke(shop, "undeclared", {})) == (
        "Traceback (most recent call last):\n"
        f'  File "{shop}/undeclared/src/undeclared/main.py", line 1, in <module>\n'
        "    import other\n"
        "ModuleNotFoundError: No module named 'other'"
    )
    assert "No module named 'click'" in failure(invoke(shop, "orders", {"do": "import", "module": "click"}))


def test_an_extra_is_installed_where_it_is_asked_for(shop: Path) -> None:
    """As for an image."""
    event = {"do": "import", "module": "speedup"}
    assert "No module named 'speedup'" in failure(invoke(shop, "orders", event))
    assert "speedup" == answer(invoke(shop, "orders", event, "--extra", "fast"))


def test_a_standalone_project_is_called_from_its_own_lock(shop: Path) -> None:
    """With the library that it needs by its path."""
    assert 3 == answer(invoke(shop, "legacy", {}))


def test_a_member_that_is_not_built_is_called_too(shop: Path) -> None:
    """Its traceback names its own file as well."""
    assert f'File "{shop}/flat/src/flat/main.py", line 5, in handler' in failure(invoke(shop, "flat", {}))


def test_another_handler(shop: Path) -> None:
    """Than the service's own."""
    assert "another" == answer(invoke(shop, "orders", {}, "--handler", "orders.main.another"))


def test_log_and_figures_go_to_stderr(shop: Path) -> None:
    """Both streams; what is logged below a warning, in Lambda's form; then one line of figures."""
    result = invoke(shop, "orders", {"do": "log"})
    assert answer(result) is None
    printed, logged, complained, summary = result.stderr.splitlines()
    assert ("printed", "complained") == (printed, complained)
    assert re.fullmatch(r"\[INFO\]\t20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t[0-9a-f-]{36}\tlogged", logged)
    version = ".".join(map(str, sys.version_info[:2]))
    assert re.fullmatch(
        r"orders answered; initialisation [\d.]+ m?s; handler [\d.]+ m?s; peak memory [\d.]+ MB; "
        rf"on Python {version}\.\d+ of this machine; the image has 3.14 on aarch64",
        summary,
    )


def test_peak_memory_is_the_handler_s(shop: Path) -> None:
    """A hundred megabytes more of it are seen."""

    def peak(event: object) -> float:
        found = re.search(r"peak memory ([\d.]+) MB", invoke(shop, "orders", event).stderr)
        assert found
        return float(found[1])

    assert 95 < peak({"do": "allocate"}) - peak({"do": "answer", "with": 1}) < 115


def test_a_handler_that_raises(shop: Path) -> None:
    """Its traceback, causes included, from its own first line on; none of ours. Nothing on stdout."""
    file = f"{shop}/orders/src/orders/main.py"
    text = failure(invoke(shop, "orders", {"do": "raise"}))
    places = re.findall(r'  File "(.+)", line \d+, in (\w+)', text)
    assert [(file, "handler"), (file, "deeper"), (file, "handler")] == places
    assert text.endswith("\nValueError: no such order")
    assert "LookupError: order 7" in text


@pytest.mark.parametrize(
    ("service", "does", "said"),
    [
        ("orders", "leave", "SystemExit: enough"),
        ("orders", "exit", "the handler ended the interpreter: exit status 3"),
        ("orders", "abort", "the handler ended the interpreter: signal SIGABRT"),
        ("orders", "set", "Runtime.MarshalError: Unable to marshal response: Object of type set is not JSON serializable"),
        ("orders", "sleep", "the call took more than 1 s and was ended; give it more with --timeout SECONDS"),
        ("forever", "", "the initialisation took more than 1 s and was ended; give it more with --timeout SECONDS"),
        ("gone", "", "the handler ended the interpreter: exit status 4"),
        ("unset", "", "KeyError: 'QUEUE'\nif QUEUE is a variable of the function's, give it with --env QUEUE=VALUE"),
    ],
)  # fmt: skip
def test_a_handler_that_does_not_answer(shop: Path, service: str, does: str, said: str) -> None:
    """Each way of it, in words."""
    text = failure(invoke(shop, service, {"do": does}, "--timeout", "1" if "took more" in said else "30"))
    assert text.endswith(said), text


def test_what_the_handler_started_ends_with_it(shop: Path) -> None:
    """As a function that is over runs nothing any more."""
    child = answer(invoke(shop, "orders", {"do": "leave a child"}))
    assert isinstance(child, int)
    for _ in range(50):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if "zombie" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("it still runs")


def test_nothing_is_left(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment, after a call and after a failure."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer(invoke(shop, "orders", {"do": "count"}))
    failure(invoke(shop, "orders", {"do": "exit"}))
    assert [] == list(tmp_path.iterdir())


def test_bytes_are_the_answer_as_they_are(shop: Path) -> None:
    """As AWS's runtime client passes them on."""
    assert {"raw": True} == answer(invoke(shop, "orders", {"do": "bytes"}))


def test_the_context_is_lambda_s(shop: Path) -> None:
    """Its documented attributes; the time that is left runs down from the timeout."""
    result = invoke(shop, "orders", {"do": "context"}, "--timeout", "20", shell={"AWS_REGION": "eu-west-1"})
    context = answer(result)
    assert isinstance(context, dict)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", context.pop("aws_request_id"))
    assert 19_000 < context.pop("left") <= 20_000
    assert context == {
        "client_context": None,
        "function_name": "orders",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
        "log_group_name": "/aws/lambda/orders",
        "log_stream_name": "$LATEST",
        "memory_limit_in_mb": "128",
        "tenant_id": None,
        "who": None,
    }
    assert "said through the context" in result.stderr


def test_variables_come_from_the_shell_then_from_the_workspace(shop: Path) -> None:
    """`--env` is above both; what belongs to the shell's own Python is left out; a region there always is."""
    shell: dict[str, str | None] = {
        "TABLE": "shell",
        "PYTHONPATH": "/nowhere",
        "VIRTUAL_ENV": "/nowhere",
        "HOME": "/nowhere",
    }
    shell |= dict.fromkeys(["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE"])
    found = answer(
        invoke(shop, "orders", {"do": "environment"}, "-e", "QUEUE=a=b", "--env", "TZ=Asia/Seoul", shell=shell)
    )
    assert isinstance(found, dict)
    expected = {
        "AWS_REGION": "us-east-1",
        "BUCKET": "declared",
        "QUEUE": "a=b",
        "TABLE": "shell",
        "TZ": "Asia/Seoul",
        "_HANDLER": "orders.main.handler",
    }
    assert expected == {name: found[name] for name in expected}
    assert set() == {"PYTHONPATH", "VIRTUAL_ENV"} & found.keys()
    assert found["LAMBDA_TASK_ROOT"].endswith("/site-packages")


def test_a_region_of_the_shell_s_is_kept(shop: Path) -> None:
    """Also one that a profile says."""
    shell: dict[str, str | None] = {"AWS_PROFILE": "shop", "AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    found = answer(invoke(shop, "orders", {"do": "environment"}, shell=shell))
    assert isinstance(found, dict)
    assert set() == {"AWS_REGION", "AWS_DEFAULT_REGION"} & found.keys()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("NOBODY_SETS_ME", "this shell has no variable NOBODY_SETS_ME; give its value as --env NOBODY_SETS_ME=VALUE"),
        ("NOBODY_*", "no variable of this shell matches NOBODY_*; set one, or leave out --env 'NOBODY_*'"),
        ("1X=2", "--env takes NAME=VALUE, NAME or a pattern such as 'AWS_*', not '1X=2'; a name has letters, digits and '_', and does not begin with a digit"),
        ("=2", "--env takes NAME=VALUE, NAME or a pattern such as 'AWS_*', not '=2'; a name has letters, digits and '_', and does not begin with a digit"),
        ("", "--env takes NAME=VALUE, NAME or a pattern such as 'AWS_*', not ''; a name has letters, digits and '_', and does not begin with a digit"),
    ],
)  # fmt: skip
def test_variables_that_cannot_be_given(shop: Path, asked: str, message: str) -> None:
    """Refused before anything is installed."""
    refused(invoke(shop, "orders", {}, "--env", asked), message)


def refused(result: Result, message: str) -> None:
    """It could not be done, for this reason."""
    assert (2, "", f"error: {message}\n") == (result.exit_code, result.stdout, result.stderr)


def with_file(root: Path, service: str, *options: str) -> Result:
    """Call it without standard input."""
    return CliRunner().invoke(main, ["invoke", service, "--workspace", str(root), *options])


def test_an_event_from_a_file(shop: Path) -> None:
    """A sample, by its path."""
    assert 2 == answer(with_file(shop, "orders", "--event", str(shop / "orders/events/two.json")))


def test_an_event_that_is_not_given(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples are named as they would be typed here."""
    monkeypatch.chdir(shop)
    samples = "sample events of orders are: orders/events/one.json, orders/events/two.json"
    refused(with_file(shop, "orders"), f"there is no event to call orders with; give --event FILE; {samples}")
    refused(
        with_file(shop, "orders", "--event", "three.json"),
        f"the event three.json cannot be read: No such file or directory; {samples}",
    )
    refused(
        with_file(shop, "orders", "--event", "orders"), f"the event orders cannot be read: Is a directory; {samples}"
    )
    monkeypatch.chdir("/")
    folder = f"{shop}/legacy/events".removeprefix("/")
    refused(
        with_file(shop, "legacy"),
        f"there is no event to call legacy with; give --event FILE; legacy has no sample events in {folder}",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n  "do": answer\n}', ":2:9: this is not JSON: Expecting value; an event is one JSON document"),
        (b"", ":1:1: this is not JSON: Expecting value; an event is one JSON document"),
        (b"{} {}", ":1:4: this is not JSON: Extra data; an event is one JSON document"),
        (b'{"n": NaN}', ": this is not JSON: it has no NaN; an event is one JSON document"),
        (b'"\xff"', ": this is not JSON: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte; an event is one JSON document"),
    ],
)  # fmt: skip
def test_an_event_that_is_not_json(shop: Path, tmp_path: Path, content: bytes, message: str) -> None:
    """File, line and column."""
    file = tmp_path / "event.json"
    file.write_bytes(content)
    refused(with_file(shop, "orders", "--event", str(file)), f"{file}{message}")


def test_a_service_that_is_none(shop: Path) -> None:
    """Not there, or a library."""
    refused(
        invoke(shop, "order", {}),
        "no workspace member is named 'order'; did you mean 'orders'? services are: flat, forever, gone, legacy, orders, "
        "undeclared, unset",
    )
    refused(
        invoke(shop, "stock", {}),
        "'stock' is a library: there is no `handler` in [tool.uv-workspace-function] of stock/pyproject.toml, and there is "
        "no stock/src/stock/main.py; add one of them for a service",
    )


def test_a_handler_that_is_not_there(shop: Path) -> None:
    """Told from source, before anything is installed."""
    refused(
        invoke(shop, "orders", {}, "--handler", "orders.main.nobody"),
        "the handler of 'orders' is 'orders.main.nobody', but orders/src/orders/main.py binds no 'nobody' (it has another, "
        "deeper, handler, logger); define it there, or correct `handler`",
    )


@pytest.mark.parametrize("seconds", ["0", "901", "soon"])
def test_a_timeout_that_lambda_does_not_take(shop: Path, seconds: str) -> None:
    """From 1 s to 900 s."""
    result = invoke(shop, "orders", {}, "--timeout", seconds)
    assert (2, "") == (result.exit_code, result.stdout)
    assert "Invalid value for '--timeout'" in result.stderr


def test_a_closure_that_cannot_be_installed(tmp_path: Path) -> None:
    """uv's reason, and the other way."""
    (tmp_path / ".wheels").mkdir()
    wheel(tmp_path / ".wheels", "alone", tag="cp39-cp39-win_amd64")
    root = workspace(tmp_path, {"orders": 'dependencies = ["alone"]'}, tail='find-links = [".wheels"]\n')
    handler(root / "orders")
    lock(root)
    result = invoke(root, "orders", {})
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("error: the closure of orders could not be installed: ")
    assert result.stderr.endswith("; fix that, or call it with --image\n")


@pytest.mark.parametrize("option", [("--network", "host"), ("--build-arg", "A=B"), ("--secret", "id=netrc")])
def test_options_of_an_image(shop: Path, option: tuple[str, str]) -> None:
    """Are none of a call without one."""
    result = invoke(shop, "orders", {}, *option)
    assert 2 == result.exit_code
    assert "--network, --build-arg and --secret are for an image: add --image" in result.stderr


def fake_docker(folder: Path, script: str) -> str:
    """A program in the place of `docker`."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_no_engine(shop: Path, tmp_path: Path) -> None:
    """Not installed, or not started."""
    refused(
        invoke(shop, "orders", {}, "--image", "--docker", str(tmp_path / "docker")),
        f"{tmp_path}/docker cannot be run: No such file or directory; install a container engine, name its program with "
        "--docker, or call the handler without --image",
    )
    docker = fake_docker(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    refused(
        invoke(shop, "orders", {}, "--image", "--docker", docker),
        "no container engine answers: Cannot connect to the Docker daemon; start one, or call the handler without --image",
    )


def test_an_image_that_cannot_be_built(shop: Path, tmp_path: Path) -> None:
    """What the build printed is shown."""
    docker = fake_docker(
        tmp_path, '[ "$1" != build ] && echo linux/amd64 || { echo "#5 pulling"; echo "#5 denied" >&2; exit 7; }'
    )
    refused(
        invoke(shop, "orders", {}, "--image", "--docker", docker),
        f"the image of orders was not built: {docker} build exited 7 and said\n#5 pulling\n#5 denied",
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "exec /usr/bin/python3: exec format error",
            (
                "this engine does not run linux/arm64 images; install qemu's user emulation (Debian, Ubuntu: "
                "qemu-user-static), or give the --architecture of this machine"
            ),
        ),
        ("no python3 in it", "the image of orders could not be run: {docker} run exited 127: no python3 in it"),
    ],
)
def test_an_image_that_cannot_be_run(shop: Path, tmp_path: Path, said: str, message: str) -> None:
    """On another machine without emulation, or without a Python."""
    docker = fake_docker(
        tmp_path,
        f"case $1 in run) echo '{said}' >&2; exit 127;; image) echo '[\"/entrypoint\"]';; version) echo linux/amd64;; esac",
    )
    result = invoke(shop, "orders", {}, "--image", "--docker", docker)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"{said}\nerror: {message.format(docker=docker)}\n" == result.stderr


def test_an_image_that_is_no_function_s(shop: Path, tmp_path: Path) -> None:
    """Nothing in it would ask Lambda for an event."""
    docker = fake_docker(tmp_path, "case $1 in image) echo null;; version) echo linux/amd64;; esac")
    refused(
        invoke(shop, "orders", {}, "--image", "--docker", docker),
        "the image of orders has no entrypoint, so nothing in it speaks to Lambda; give a base image that has Lambda's "
        "runtime interface client: https://docs.aws.amazon.com/lambda/latest/dg/python-image.html",
    )


def test_build_arguments_that_are_none(shop: Path) -> None:
    """As `docker build` takes them."""
    refused(invoke(shop, "orders", {}, "--image", "--build-arg", "BASE"), "--build-arg takes NAME=VALUE, not 'BASE'")
