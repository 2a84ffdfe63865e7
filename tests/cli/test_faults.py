"""What the command line does when it fails itself, when nobody reads it, and when the disk is full.

Covers also: errors.py, cli/main.py.
"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from made import handler, lock, workspace
from uv_workspace_function.cli import list_command, output, uv_workspace_docker
from uv_workspace_function.cli.main import main
from uv_workspace_function.errors import WorkspaceError, printable

SERVICES = "import sys; from uv_workspace_function.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = workspace(tmp_path_factory.mktemp("shop"), {"svc": ""})
    handler(root / "svc")
    return lock(root)


def services(*arguments: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
    """The command as a process of its own."""
    command = [sys.executable, "-c", SERVICES, *map(str, arguments)]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_a_fault_is_one_line_and_an_exit_code_of_its_own(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not 1, which says that something was found."""

    def broken(root: Path | None) -> None:
        raise EOFError("a fault\nof this program")

    monkeypatch.setattr(list_command, "load_workspace", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(main, ["list", "--workspace", str(shop)])
    (details,) = tmp_path.iterdir()
    assert (70, "") == (result.exit_code, result.stdout)
    assert (
        f"error: this is a fault of uv-workspace-function itself (EOFError); its details are in {details}: please report them\n"
        == result.stderr
    )
    assert "EOFError: a fault" in details.read_text()
    assert 0o600 == details.stat().st_mode & 0o777


def test_a_fault_whose_details_cannot_be_written_is_told_all_the_same(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(root: Path | None) -> None:
        raise KeyError("x")

    def full(**_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(list_command, "load_workspace", broken)
    monkeypatch.setattr("tempfile.mkstemp", full)
    result = CliRunner().invoke(main, ["list", "--workspace", str(shop)])
    assert (
        70,
        "error: this is a fault of uv-workspace-function itself (KeyError); no file could be written with its details\n",
    ) == (result.exit_code, result.stderr)


@pytest.mark.parametrize(
    ("error", "lines", "code"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/a"),
            ["cannot read /a: permission denied; make it readable"],
            2,
        ),
        (OSError(errno.EROFS, "Read-only file system", "/a"), ["the system refuses: read-only file system at /a"], 2),
        (
            RecursionError(),
            ["something in the workspace is nested too deeply to be read; look for thousands of nested brackets"],
            2,
        ),
        (WorkspaceError.of_lines(["two", "lines"]), ["two", "lines"], 2),
    ],
)
def test_both_programs_end_alike(
    error: Exception, lines: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`services`, and what the CDK CLI calls in docker's place."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(list_command, "load_workspace", fail)
    monkeypatch.setattr(uv_workspace_docker, "read", fail)
    monkeypatch.setattr(sys, "argv", ["uv-workspace-docker", "image", "ls"])
    services_said = CliRunner().invoke(main, ["list"])
    with pytest.raises(SystemExit) as ended:
        uv_workspace_docker.main()
    expected = "error: " + "\n".join(lines) + "\n"
    assert (code, expected) == (services_said.exit_code, services_said.stderr)
    assert (code, expected) == (ended.value.code, capsys.readouterr().err)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_read_enough_is_no_failure(shop: Path, unbuffered: str) -> None:
    """`services list | true`, under `set -o pipefail` too."""
    reading, writing = os.pipe()
    os.close(reading)
    done = services("list", "--workspace", shop, stdout=writing, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    os.close(writing)
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_is_whole_or_a_failure(shop: Path, tmp_path: Path, unbuffered: str) -> None:
    """Python cuts what one write(2) does not take, where it does not buffer."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)); {SERVICES}"
    command = [sys.executable, "-c", limited, "prune", "svc", "--list", "--json", "--workspace", str(shop)]
    with (tmp_path / "out.json").open("w") as stream:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (2, "error: the system refuses: file too large") == (done.returncode, done.stderr.splitlines()[-1])


def test_a_long_output_is_whole(shop: Path) -> None:
    done = services("prune", "svc", "--list", "--json", "--workspace", shop, stdout=subprocess.PIPE)
    assert "svc" == json.loads(done.stdout)["service"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n::add-mask::b", "a\\n::add-mask::b"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\rsection_start:", "\\rsection_start:"),
        ("\x85next\u2028line", "\\x85next\\u2028line"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("caf\udce9.py", "caf\\xe9.py"),
        ("ordinary: \u00e9\u4e2d \U0001f680\t.", "ordinary: \u00e9\u4e2d \U0001f680\t."),
    ],
)
def test_what_is_a_workspaces_starts_no_line_and_no_escape(
    text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in an output nor in an error."""
    output.say(text)
    assert f"{expected}\n" == capsys.readouterr().out
    assert f"{expected}; {expected}" == str(WorkspaceError(text, text))
    assert expected == printable(text)


def test_several_problems_are_a_line_each() -> None:
    assert "a\\nb\nc" == str(WorkspaceError.of_lines(["a\nb", "c"]))
