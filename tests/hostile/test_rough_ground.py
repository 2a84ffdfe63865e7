"""Inputs that nobody writes by hand: a documented exit code, no traceback, in bounded time; nothing of theirs at a line's start."""

import json
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.context import files
from uv_workspace_function.gate.cache_file import CacheFile
from wheelhouse import wheel

DEEP = "[" * 3000 + "]" * 3000
PARENTHESES = f"{'(' * 5000}python_version > '3'{')' * 5000}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A locked workspace with one service; what is cached goes nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = workspace(tmp_path / "w", {"svc": ""}, globs=["svc"])
    handler(made / "svc")
    return lock(made)


def append(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text((root / path).read_text() + text)


def replace(path: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text((root / path).read_text().replace(old, new, 1))


def write(path: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda root: (root / path).write_bytes(os.fsencode(content))


def nest(root: Path) -> None:
    here = Path.cwd()
    os.chdir(root / "svc/src/svc")
    for _ in range(400):
        os.mkdir("d")  # noqa: PTH102 the whole path would be too long
        os.chdir("d")
        Path("__init__.py").touch()
    os.chdir(here)


def fan_out(root: Path) -> None:
    """Forty links that make a million paths."""
    for level in range(20):
        folder = root / f"svc/src/svc/level{level}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).symlink_to(f"../level{level + 1}")
    (root / "svc/src/svc/level20").mkdir()


def pipes(root: Path) -> None:
    for name in ("svc/src/svc/pipe.py", "svc/README.md", ".gitignore", "svc/hatch.toml"):
        os.mkfifo(root / name)
    append("svc/pyproject.toml", "[tool.x]\n")(root)


def a_bomb(root: Path) -> None:
    """A small wheel with an endless member, offered to build backends."""
    import zipfile

    (root / "wheels").mkdir()
    path = wheel(root / "wheels", "setuptools")
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.dist-info/METADATA", "w") as stream,
    ):
        for _ in range(300):
            stream.write(bytes(1_000_000))
    replace("pyproject.toml", "no-index = true", 'no-index = true\nfind-links = ["wheels"]')(root)
    replace("svc/pyproject.toml", "uv_build", "setuptools")(root)


def an_odd_zip(root: Path) -> None:
    (root / "wheels").mkdir()
    (root / "wheels/setuptools-1.0-py3-none-any.whl").write_bytes(b"PK\x05\x06" + b"\xff" * 18)
    replace("pyproject.toml", "no-index = true", 'no-index = true\nfind-links = ["wheels"]')(root)
    replace("svc/pyproject.toml", "uv_build", "setuptools")(root)


SHAPES: dict[str, Callable[[Path], object]] = {
    "deep TOML": append("svc/pyproject.toml", f"[tool.x]\ny = {DEEP}\n"),
    "deep TOML of the root": append("pyproject.toml", f"[tool.x]\ny = {DEEP}\n"),
    "deep lock": append("uv.lock", f"y = {DEEP}\n"),
    "a large integer": append("svc/pyproject.toml", f"[tool.x]\ny = {'1' * 5000}\n"),
    "a marker": replace("svc/pyproject.toml", 'version = "1"', f'version = "1"\ndependencies = ["x; {PARENTHESES}"]'),
    "entry points": replace("svc/pyproject.toml", 'version = "1"', 'version = "1"\nentry-points = 3'),
    "scripts": replace("svc/pyproject.toml", 'version = "1"', 'version = "1"\nscripts = 3\noptional-dependencies = 4'),
    "rot13": write("svc/src/svc/main.py", "# coding: rot13\ndef handler(e, c): pass\nx y\n"),
    "no encoding": write("svc/src/svc/main.py", "# coding: nosuch\ndef handler(e, c): pass\n"),
    "NUL": write("svc/src/svc/main.py", b"def handler(e, c): pass\n\0"),
    "deep brackets": write("svc/src/svc/x.py", f"x = {'(' * 4000}{')' * 4000}\n"),
    "deep sum": write("svc/src/svc/main.py", f"def handler(e, c): pass\nx = {'1+' * 20000}1\n"),
    "deep folders": nest,
    "pipes": pipes,
    "a zip bomb": a_bomb,
    "an odd zip": an_odd_zip,
    "an endless file": lambda root: (root / "svc/src/svc/zero.py").symlink_to("/dev/zero"),
    "names": lambda root: [
        (root / "svc/src/svc" / name).write_text("import nosuch\n")
        for name in ("a\n::add-mask::x.py", "e\x1b[31m.py", ".env\n::stop-commands::z", os.fsdecode(b"\xff.py"))
    ],
    "a slash behind a backslash": lambda root: (root / "svc/pyproject.toml").write_text(
        (root / "svc/pyproject.toml").read_text().replace("uv_build", "hatchling", 1).replace('"uv_build"', '"hatchling.build"')
        +         '[tool.hatch.build.targets.wheel]\ninclude = ["a\\\\/b", "x[a/b]/**", "c\\\\//d"]\nartifacts = ["a\\\\/b"]\n',
    ),
    "a handler": append("svc/pyproject.toml", '[tool.uv-workspace-function]\nhandler = "a.b\\n::add-mask::c"\n'),
    "a version": replace("uv.lock", 'version = "1"', 'version = "1\\n::add-mask::x"'),
}  # fmt: skip
COMMANDS = (
    ["list"],
    ["graph"],
    ["prune", "svc", "--list"],
    ["size"],
    ["who", "x"],
    ["check"],
    ["check", "--format", "sarif"],
)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_command_answers(root: Path, shape: str) -> None:
    SHAPES[shape](root)
    for command in COMMANDS:
        result = CliRunner().invoke(main, [*command, "--workspace", str(root)])
        assert result.exit_code in (0, 1, 2), (command, result.stderr)
        assert "Traceback" not in result.output
        assert not re.search(r"^\s*::|\x1b", result.output, re.MULTILINE), command
        if command[-1] == "sarif" and result.stdout:
            json.loads(result.stdout.encode())


def test_a_package_of_too_many_folders_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 500)
    fan_out(root)
    result = CliRunner().invoke(main, ["prune", "svc", "--list", "--workspace", str(root)])
    assert 2 == result.exit_code
    assert "is more than 500 folders into the tree of svc/pyproject.toml; look for links that fan out" in result.stderr


ASSEMBLIES = (
    *("[]", '"x"', "3", "", "{", "null", "[" * 100_000, '{"artifacts": 3}', '{"artifacts": {"a": 3}}', "\udcff"),
    '{"artifacts": {"a": {"type": 4, "properties": 3}}}',
    '{"artifacts": {"A": {"type": "cdk:asset-manifest", "properties": {"file": "../../w/svc/pyproject.toml"}}}}',
    '{"artifacts": {"A": {"type": "cdk:asset-manifest", "properties": {"file": "nosuch"}}}}',
    '{"artifacts": {"A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}}}',
    '{"artifacts": ' + "1" * 5000 + "}",
)


@pytest.mark.parametrize("number", range(len(ASSEMBLIES)))
def test_a_broken_assembly_is_said_to_be_one(root: Path, tmp_path: Path, number: int) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.json").write_bytes(os.fsencode(ASSEMBLIES[number]))
    for command in (["check"], ["size"]):
        result = CliRunner().invoke(main, [*command, "--workspace", str(root), "--cdk-out", str(tmp_path / "out")])
        assert result.exit_code in (0, 1, 2), result.stderr


ALMOST = (
    [[["os", [], 1, "run", [["a"]], True, False]], [], None],
    [[["os", "ab", 1, "run", [], True, False]], [], None],
    [[[["os"], [], "1", "run", [], 1, 0]], [], None],
    [[], [["a"]], None],
    [[], [], [1, ["x"], True]],
)
"""Of the right shape but for one value."""


@pytest.mark.parametrize("number", range(12 + len(ALMOST)))
def test_stored_facts_of_another_shape_are_made_anew(root: Path, tmp_path: Path, number: int) -> None:
    """What a cache holds is never believed to be of the right shape."""
    check = ["check", "--format", "json", "--workspace", str(root)]
    first: Result = CliRunner().invoke(main, check)
    (stored,) = (tmp_path / "cache").rglob("imports-*.json")
    document = json.loads(stored.read_text())
    digest = next(iter(document["files"]))
    changed = [
        *([], 3, {"key": document["key"]}, {"key": document["key"], "files": 3}, {"key": document["key"], "files": [1]}),
        *({**document, "files": {digest: value}} for value in (3, "x", [], [1, 2, 3], {"a": 1}, [[[1]], [], None], [[], 3, 4], *ALMOST)),
    ]  # fmt: skip
    stored.write_text(json.dumps(changed[number]))
    again = CliRunner().invoke(main, check)
    assert (first.exit_code, first.stdout) == (again.exit_code, again.stdout), again.stderr


def test_a_member_of_too_many_folders_is_not_called_clean(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate's own walk has a limit, which is told."""
    monkeypatch.setattr("uv_workspace_function.gate.imports.files.MOST", 500)
    fan_out(root)
    result = CliRunner().invoke(main, ["check", "--offline", "--format", "json", "--workspace", str(root)])
    gaps = [gap for gap in json.loads(result.stdout)["not_checked"] if "UWF003" in gap["codes"]]
    assert [("svc", "look for links that fan out, or move it out of the member; then run the check again")] == [
        (gap["member"], gap["remedy"]) for gap in gaps
    ]
    assert "is more than 500 folders into the tree of svc/pyproject.toml" in gaps[0]["reason"]


def test_a_relative_cache_folder_is_none(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The specification of base directories says so; a cache below the current folder would be a file of somebody's repository."""
    monkeypatch.setenv("XDG_CACHE_HOME", "cache-of-mine")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(root)
    before = sorted(root.rglob("*"))
    result = CliRunner().invoke(main, ["check", "--offline"])
    assert result.exit_code in (0, 1, 2), result.stderr
    assert before == sorted(root.rglob("*"))
    assert [*(tmp_path / "home/.cache/uv-workspace-function").iterdir()]


def test_a_full_disk_leaves_nothing_of_the_cache(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither half a file by its name nor one by another."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "full"))
    stored = CacheFile.load(root, "imports", [1])
    stored["a"] = "x" * 100
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (10, before[1])
    )  # as a full disk does, that makes a write take fewer bytes
    try:
        stored.save(whole=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [] == [path for path in (tmp_path / "full").rglob("*") if path.is_file()]
    stored.save(whole=True)
    assert ["x" * 100] == [CacheFile.load(root, "imports", [1])["a"]]
