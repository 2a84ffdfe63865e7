"""`services prune --all`: every context at once, for builds that no CDK app drives."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import files, handler, lock, needs, workspace
from uv_workspace_function.cli.main import main


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two services and a library of one of them."""
    root = workspace(tmp_path_factory.mktemp("shop"), {"api": needs("models"), "report": "", "models": ""})
    handler(root / "api")
    handler(root / "report")
    return lock(root)


def run(root: Path, *arguments: str | Path) -> Result:
    """Call `services prune`."""
    return CliRunner().invoke(main, ["prune", "--workspace", str(root), *map(str, arguments)])


def test_each_service_gets_what_it_gets_alone(shop: Path, tmp_path: Path) -> None:
    """The same files below a folder of its name, and nothing beside them."""
    assert 0 == run(shop, "--all", "--output", tmp_path / "all").exit_code
    for service in ("api", "report"):
        assert 0 == run(shop, service, "--output", tmp_path / service).exit_code
        assert files(tmp_path / service) == files(tmp_path / "all" / service)
    assert {"api", "report"} == {path.name for path in (tmp_path / "all").iterdir()}


def test_json_has_what_a_build_elsewhere_needs(shop: Path, tmp_path: Path) -> None:
    """Digest, build arguments, handler, folder; a library is not among them."""
    result = run(shop, "--all", "--json", "--output", tmp_path / "all")
    api, report = json.loads(result.stdout)
    assert ("api", "api.main.handler") == (api["service"], api["handler"])
    # 1980-01-01 in seconds: without it the manifests of two builds tell the times of the builds
    expected = {"PYTHON_VERSION": "3.14", "SERVICE_NAME": "api", "SOURCE_DATE_EPOCH": "315532800"}
    assert (expected, "linux/arm64") == (api["build_args"], api["platform"])
    assert str(tmp_path / "all/api") == api["output"]
    assert sorted(files(tmp_path / "all/api")) == sorted(api["files"])
    assert json.loads(run(shop, "report", "--list", "--json").stdout) == {**report, "output": None}


def test_json_alone_writes_nothing(shop: Path) -> None:
    """For a digest nobody needs a folder."""
    before = files(shop)
    assert [None, None] == [context["output"] for context in json.loads(run(shop, "--all", "--json").stdout)]
    assert before == files(shop)


def test_a_folder_with_something_in_it_is_left_as_it_is(shop: Path, tmp_path: Path) -> None:
    """All or none."""
    (tmp_path / "mine").write_text("keep")
    result = run(shop, "--all", "--output", tmp_path)
    assert (2, f"error: {tmp_path} is not an empty folder; it was left as it is: choose another, or empty it\n") == (
        result.exit_code,
        result.stderr,
    )
    assert {"mine": "keep"} == files(tmp_path)


@pytest.mark.parametrize("arguments", [[], ["api", "--all"], ["--all", "--extra", "x", "--json"], ["--all"]])
def test_what_cannot_be_meant_is_refused(shop: Path, arguments: list[str]) -> None:
    """Exit code 2, nothing on stdout."""
    result = run(shop, *arguments)
    assert (2, "") == (result.exit_code, result.stdout)


def test_a_workspace_without_services(tmp_path: Path) -> None:
    """Nothing to prune is no success."""
    result = run(lock(workspace(tmp_path / "w", ["a"])), "--all", "--json")
    assert (2, "") == (result.exit_code, result.stdout)
    assert "has no services: no member has a handler; members are: a;" in result.stderr


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_setting_that_no_build_can_have_is_refused_before_anything_is_written(
    tmp_path: Path, form: list[str]
) -> None:
    """With `--json` and without."""
    setting = '[tool.uv-workspace-function]\nbuild-from-source = ["nosuch"]\n'
    root = workspace(tmp_path / "w", {"api": setting})
    handler(root / "api")
    result = run(lock(root), "api", "--output", tmp_path / "out", *form)
    assert (2, "") == (result.exit_code, result.stdout)
    assert "nosuch" in result.stderr
    assert not (tmp_path / "out").exists()
