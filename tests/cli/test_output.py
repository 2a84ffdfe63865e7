"""One place prints what comes from a workspace: a name in it starts no line, no escape sequence and no command of CI's."""

import ast
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv_workspace_function
from uv_workspace_function.cli.output import say, say_commands, say_json

PACKAGE = Path(uv_workspace_function.__file__).parent
_PRINTERS = {"print", "click.echo", "click.secho", "click.echo_via_pager", "sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines"}  # fmt: skip


def prints(tree: ast.AST) -> Iterator[str]:
    calls = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return (name for name in calls if name in _PRINTERS)


def test_every_command_prints_through_one_place() -> None:
    """`progress` writes labels of this package's own, and a program of its own is not the command line."""
    printing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if list(prints(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert {"cli/output.py", "cli/progress.py"} == {
        name for name in printing if not name.startswith(("builder/", "running/_"))
    }


@pytest.mark.parametrize(
    ("line", "expected"), [("print(1)", ["print"]), ("click.echo(x)", ["click.echo"]), ("say(x)", [])]
)
def test_a_print_is_seen(line: str, expected: list[str]) -> None:
    """So the test above would notice."""
    assert expected == list(prints(ast.parse(line)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n::add-mask::b", "a\\n::add-mask::b\n"),
        ("::stop-commands::x", "\\::stop-commands::x\n"),
        ("  ##[error]x", "  \\##[error]x\n"),
        ("\x1b[31m\u202e\u2028", "\\x1b[31m\\u202e\\u2028\n"),
        ("a::b, é", "a::b, é\n"),
    ],
)
def test_a_line_stays_a_line(text: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    assert expected == capsys.readouterr().out


def test_documents_and_commands_stay_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a\n::b": "\x7f\x1b\udcff"})
    say_commands(["::error file=x::y\n::add-mask::z"])
    expected = '{\n  "a\\n::b": "\\u007f\\u001b\\udcff"\n}\n::error file=x::y\\n::add-mask::z\n'
    assert expected == capsys.readouterr().out


@pytest.mark.parametrize(
    ("closed", "code", "out", "err"),
    [
        ("2>&-", 2, "", ""),
        (">&-", 2, "", "error: there is no pyproject.toml in NOWHERE"),
    ],
)
@pytest.mark.parametrize("command", ["list", "check --offline", "build --all --json"])
def test_what_is_for_a_closed_stream_goes_nowhere_else(
    command: str, closed: str, code: int, out: str, err: str, tmp_path: Path
) -> None:
    """A program that reads the other one finds nothing else there, and no fault of ours."""
    services = Path(sys.executable).with_name("services")
    line = f"{services} {command} --workspace {tmp_path / 'nowhere'} {closed}"
    done = subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True)
    said = done.stderr.partition("; ")[0]
    assert (code, out, err.replace("NOWHERE", str(tmp_path / "nowhere"))) == (done.returncode, done.stdout, said)


@pytest.mark.parametrize("program", ["services", "uv-workspace-docker"])
def test_a_pipe_that_somebody_else_made_non_blocking_is_waited_for(program: str) -> None:
    """As Node does with one that it shares with what it starts; nothing of the help is lost."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += os.write(writing, b"x" * 4096)
    command = [str(Path(sys.executable).with_name(program)), "--help"]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        with os.fdopen(reading, "rb") as stream:
            text = stream.read()
        assert process.stderr is not None
        assert (b"", 0) == (process.stderr.read(), process.wait(30))
    assert text[filled:] == subprocess.run(command, check=True, capture_output=True).stdout
