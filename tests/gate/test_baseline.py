"""A baseline: an old workspace's findings do not count, a new one does, and one that is gone is named."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from gate.test_reports import SCHEMA
from made import handler, lock, workspace
from uv_workspace_function.cli.main import main

FILE = "services-check-baseline.json"
OLD = "import yaml\nimport requests\n\ndef handler(event, context): ...\n"
BUILD_PIN = 'build-constraint-dependencies = ["uv-build>=0.13,<0.14"]\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with two undeclared imports in `orders`, and a service `billing` with none."""
    root = workspace(tmp_path / "shop", ["orders", "billing"], tail=BUILD_PIN)
    handler(root / "orders", OLD)
    handler(root / "billing")
    return lock(root)


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "--workspace", str(root), *arguments])


def found(root: Path, *arguments: str) -> dict[str, Any]:
    """What JSON tells, as subjects by list."""
    report = json.loads(run(root, "--format", "json", *arguments).stdout)
    return {key: [f["subject"] for f in report[key]] for key in ("findings", "known", "gone") if key in report}


def test_without_one_everything_counts(shop: Path) -> None:
    """And the report has no word of a baseline."""
    assert 1 == run(shop).exit_code
    assert {"findings": ["yaml", "requests"]} == found(shop)


def test_writing_it_is_no_failure_and_then_nothing_counts(shop: Path) -> None:
    """The count stays in view."""
    done = run(shop, "--write-baseline")
    assert 0 == done.exit_code
    assert f"2 findings written to {FILE}: commit it; from now on only new ones count\n" == done.stderr
    again = run(shop)
    assert (0, "clean; 2 known from the baseline") == (again.exit_code, again.stdout.splitlines()[-1])
    assert {"findings": [], "known": ["yaml", "requests"], "gone": []} == found(shop)


def test_a_new_finding_counts_and_is_the_only_one_shown(shop: Path) -> None:
    run(shop, "--write-baseline")
    handler(shop / "billing", "import boto3\n\ndef handler(event, context): ...\n")
    done = run(shop)
    assert 1 == done.exit_code
    assert "boto3" in done.stdout
    assert "yaml" not in done.stdout
    assert {"findings": ["boto3"], "known": ["yaml", "requests"], "gone": []} == found(shop)


def test_moved_lines_change_nothing(shop: Path) -> None:
    run(shop, "--write-baseline")
    handler(shop / "orders", f'"""Orders."""\n\n\n{OLD}')
    assert 0 == run(shop).exit_code


def test_a_known_package_in_another_file_is_the_same_finding(shop: Path) -> None:
    """One finding per member and package, with its places; another member's is another one."""
    run(shop, "--write-baseline")
    (shop / "orders/src/orders/other.py").write_text("import yaml\n")
    assert {"findings": [], "known": ["yaml", "requests"], "gone": []} == found(shop)
    [yaml, _] = json.loads(run(shop, "--format", "json").stdout)["known"]
    assert ("orders/src/orders/main.py", ["orders/src/orders/other.py:1"]) == (yaml["file"], yaml["places"])
    assert "also in orders/src/orders/other.py:1" not in run(shop).stdout
    (shop / "billing/src/billing/other.py").write_text("import yaml\n")
    assert ["yaml"] == found(shop)["findings"]


def test_what_is_gone_is_named_until_the_baseline_is_written_again(shop: Path) -> None:
    run(shop, "--write-baseline")
    handler(shop / "orders", "import yaml\n\ndef handler(event, context): ...\n")
    done = run(shop)
    assert 1 == done.exit_code
    assert (
        "gone from the baseline\n"
        "  error UWF003  services-check-baseline.json\n"
        "    the baseline has a finding about 'requests' that is gone\n"
    ) in done.stdout
    assert "run `services check --write-baseline`, so that it cannot come back unseen" in done.stdout
    run(shop, "--write-baseline")
    assert 0 == run(shop).exit_code
    assert ["yaml"] == [f["subject"] for f in json.loads((shop / FILE).read_text())["findings"]]


def test_what_was_not_looked_at_is_not_gone(shop: Path) -> None:
    """One service was judged, the other's findings are left out; what needs an option is kept when it is not given."""
    run(shop, "--write-baseline")
    assert 0 == run(shop, "billing").exit_code
    document = json.loads((shop / FILE).read_text())
    alone = {"code": "UWF011", "file": "orders/pyproject.toml", "member": "orders", "subject": "orders"}
    (shop / FILE).write_text(json.dumps({**document, "findings": [*document["findings"], alone]}))
    assert 0 == run(shop).exit_code
    run(shop, "--write-baseline")
    assert alone in json.loads((shop / FILE).read_text())["findings"]


def test_what_a_context_would_show_is_not_gone_while_it_cannot_be_made(shop: Path) -> None:
    """A finding about a file of a context is neither there nor gone then."""
    run(shop, "--write-baseline")
    document = json.loads((shop / FILE).read_text())
    secret = {"code": "UWF012", "file": "billing/src/billing/key.py", "member": "billing", "subject": "key"}
    (shop / FILE).write_text(json.dumps({**document, "findings": [*document["findings"], secret]}))
    assert ["key"] == found(shop)["gone"]
    pyproject = shop / "billing/pyproject.toml"
    pyproject.write_text(f'{pyproject.read_text()}\n[tool.uv-workspace-function]\ninclude = ["../elsewhere/*"]\n')
    assert [] == found(shop)["gone"]


def test_it_is_of_the_whole_workspace(shop: Path) -> None:
    done = run(shop, "billing", "--write-baseline")
    assert 2 == done.exit_code
    assert "a baseline covers the whole workspace: leave out the services, or --write-baseline" in done.stderr
    assert not (shop / FILE).exists()


def test_sarif_tells_the_old_from_the_new(shop: Path) -> None:
    """Its own words: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, 3.27.24."""
    run(shop, "--write-baseline")
    handler(shop / "orders", "import yaml\nimport boto3\n\ndef handler(event, context): ...\n")
    log = json.loads(run(shop, "--format", "sarif").stdout)
    jsonschema.validate(log, SCHEMA)
    results = log["runs"][0]["results"]
    assert ["new", "unchanged", "absent"] == [result["baselineState"] for result in results]
    assert "boto3" in results[0]["message"]["text"]


def test_without_one_sarif_has_no_states(shop: Path) -> None:
    log = json.loads(run(shop, "--format", "sarif").stdout)
    assert all("baselineState" not in result for result in log["runs"][0]["results"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "findings": []}',
        '{"version": 1, "findings": [{}]}',
        '{"version": 1, "findings": 3}',
    ],
)
def test_one_of_another_form_is_refused(shop: Path, text: str) -> None:
    """With what to do, and nothing else is done."""
    (shop / FILE).write_text(text)
    done = run(shop)
    assert 2 == done.exit_code
    assert done.stderr.startswith(f"error: {shop / FILE} is not a baseline of version 1 (")
    assert done.stderr.endswith("; run `services check --write-baseline`\n")
    # which is what the message says, so it has to work
    assert 0 == run(shop, "--write-baseline").exit_code
