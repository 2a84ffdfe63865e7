"""The workflow and the hooks: pinned, with the least permissions, and calling commands that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from uv_workspace_function.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "check.yml").read_text()


def jobs() -> dict[str, str]:
    """Each job's text by its id."""
    _, _, text = WORKFLOW.partition("\njobs:\n")
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
    loose = re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", WORKFLOW)
    (tmp_path / ".github" / "workflows" / "check.yml").write_text(loose)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert 0 != done.returncode
    assert "unpinned-uses" in done.stdout


def test_actions_are_pinned_by_commit() -> None:
    """With the version beside it, for people and for bots."""
    uses = re.findall(r"uses: (.*)", WORKFLOW)
    assert uses
    assert [] == [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)]


def test_no_job_may_do_more_than_it_needs() -> None:
    """Nothing by default; a token for AWS in one job, on main alone; no key anywhere."""
    assert "\npermissions: {}\n" in WORKFLOW
    assert all("contents: read" in job for job in jobs().values())
    assert ["deploy"] == [name for name, job in jobs().items() if "id-token: write" in job]
    assert "github.ref == 'refs/heads/main'" in jobs()["deploy"]
    assert "write" not in WORKFLOW.replace("id-token: write", "")
    assert "secrets." not in WORKFLOW


def test_every_command_in_it_exists() -> None:
    """Of `services`, in the workflow and in the hooks."""
    texts = [WORKFLOW, *((ROOT / name).read_text() for name in (".pre-commit-hooks.yaml", ".pre-commit-config.yaml"))]
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
