"""The workflow and the hooks: pinned, with the least permissions, and calling commands that exist."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from uv_workspace_function.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
WORKFLOWS = {path.name: path.read_text() for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
CHECK = WORKFLOWS["check.yml"]
EVERY_WORKFLOW = pytest.mark.parametrize("workflow", WORKFLOWS)
# What a job of a workflow may do beyond reading; each has a comment in the workflow that says what for.
WRITES = {
    "check.yml": {"deploy": ["id-token: write"]},
    "newest.yml": {},
    "same-bytes.yml": {},
    "release.yml": {
        "publish": ["id-token: write"],
        "announce": ["contents: write"],
        "documentation": ["id-token: write", "pages: write"],
    },
}


def jobs(workflow: str) -> dict[str, str]:
    """Each job's text by its id."""
    _, _, text = WORKFLOWS[workflow].partition("\njobs:\n")
    parts = re.split(r"^  (\w+):$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[0::2], parts[1::2], strict=True))


def test_zizmor_finds_nothing() -> None:
    """Not even what only its pedantic persona tells."""
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona=pedantic", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    assert "No findings to report" in done.stdout


def test_zizmor_would_find_something(tmp_path: Path) -> None:
    """Of the same workflow without its pins."""
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    loose = re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", CHECK)
    (tmp_path / ".github" / "workflows" / "check.yml").write_text(loose)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert 0 != done.returncode
    assert "unpinned-uses" in done.stdout


@EVERY_WORKFLOW
def test_actions_are_pinned_by_commit(workflow: str) -> None:
    """With the version beside it, for people and for bots."""
    uses = re.findall(r"uses: (.*)", WORKFLOWS[workflow])
    assert uses
    assert [] == [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)]


@EVERY_WORKFLOW
def test_no_job_may_do_more_than_it_needs(workflow: str) -> None:
    """Nothing by default; what a job may write is listed, with the reason beside it; no key anywhere."""
    assert "\npermissions: {}\n" in WORKFLOWS[workflow]
    granted = {
        name: re.findall(r"^      ([\w-]+: write) # \S", job, re.MULTILINE) for name, job in jobs(workflow).items()
    }
    assert WRITES[workflow] == {name: writes for name, writes in granted.items() if writes}
    assert len(re.findall(r": write\b", WORKFLOWS[workflow])) == sum(map(len, granted.values()))
    assert "secrets." not in WORKFLOWS[workflow]


@pytest.mark.parametrize(
    ("tests", "command"),
    [
        (["uv-workspace-function", "uv-workspace-function-monorepo", "query-api"], "make test"),
        (["query-api", "uv-workspace-function-monorepo"], "make test"),
        (["query-api"], "scripts/with-tools uv run --no-sync pytest tests/services/test_query_api.py"),
        (
            ["legacy-export"],
            "scripts/with-tools uv run --project services/legacy_export pytest tests/services/legacy_export",
        ),
    ],
)
def test_the_tests_are_run_as_the_readme_says(tests: list[str], command: str, tmp_path: Path) -> None:
    """All of them for the construct and the repository; deploy tests cannot be skipped."""
    job = jobs("check.yml")["test"]
    assert {'REQUIRE_ENGINE: "1"', 'REQUIRE_CLOUD: "1"'} == set(re.findall(r'REQUIRE_\w+: "1"', job))
    script = textwrap.dedent(job.rpartition("        run: |\n")[2])
    (tmp_path / "scripts").mkdir()
    for program in (tmp_path / "make", tmp_path / "scripts/with-tools"):
        program.write_text(f'#!/bin/sh\necho "{program.relative_to(tmp_path)} $*" >> ran\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TESTS": json.dumps(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert [command] == (tmp_path / "ran").read_text().splitlines()


def test_only_main_is_deployed() -> None:
    assert "github.ref == 'refs/heads/main'" in jobs("check.yml")["deploy"]


def test_a_release_publishes_what_was_tried() -> None:
    """Each job after the build waits for it, and takes its files."""
    found = jobs("release.yml")
    assert ["build", "publish", "announce", "documentation"] == list(found)
    assert "needs: build" in found["publish"]
    assert all("needs: publish" in found[name] for name in ("announce", "documentation"))


def test_every_command_in_it_exists() -> None:
    """Of `services`, in the workflow and in the hooks."""
    texts = [CHECK, *((ROOT / name).read_text() for name in (".pre-commit-hooks.yaml", ".pre-commit-config.yaml"))]
    called = {name for text in texts for name in re.findall(r"\bservices ([a-z]+)(?= --| \"|$)", text, re.MULTILINE)}
    assert {"check", "affected", "prune"} == called
    assert called <= COMMANDS.keys()


@pytest.mark.parametrize(
    ("path", "judged"),
    [
        ("a/b.py", True),
        ("a/b.pyi", True),
        ("pyproject.toml", True),
        ("x/pyproject.toml", True),
        ("uv.lock", True),
        ("x/Dockerfile", True),
        ("x/my.Dockerfile", True),
        ("README.md", False),
        ("x/notpyproject.toml", False),
        ("x.python", False),
    ],
)
def test_the_hook_runs_for_what_the_gate_reads(path: str, judged: bool) -> None:
    """And for nothing else."""
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    pattern = re.search(r"^  files: (.*)$", hook, re.MULTILINE)
    assert pattern is not None
    assert judged == bool(re.search(pattern[1], path))
