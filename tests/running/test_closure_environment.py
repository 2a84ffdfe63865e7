"""A closure installed on this machine, from an index that asks for a password."""

import os
import subprocess
from pathlib import Path

import pytest
from images.wheels import write_wheel
from made import handler, workspace
from password_index import serving
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.running.closure_environment import ClosureEnvironment, InstallError
from uv_workspace_function.workspace.workspace import Workspace

TOKEN = "t0ken-in-a-url"


def test_a_password_is_asked_for_where_uv_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in the index' URL is left out; uv's variables and a netrc file are what the message names, and they work."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", os.devnull)
    wheel = write_wheel(tmp_path / "index/simple/inhouse", "inhouse", "1.0", {"inhouse.py": ""})
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    with serving(tmp_path / "index", lambda given, _: given == f"aws:{TOKEN}") as url:
        index = url.replace("://", f"://aws:{TOKEN}@")
        root = workspace(
            tmp_path / "w",
            {"orders": 'dependencies = ["inhouse"]\n[tool.uv-workspace-function]\nhandler = "orders.main.handler"\n'},
        )
        handler(root / "orders")
        path = root / "pyproject.toml"
        table = f'index = [{{ name = "company", url = "{index}/simple/", default = true }}]'
        path.write_text(path.read_text().replace("no-index = true", table))
        subprocess.run(["uv", "lock"], cwd=root, check=True, capture_output=True)
        context = BuildContext.of(Workspace.load(root), "orders")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
        with pytest.raises(InstallError) as caught:
            ClosureEnvironment.make(context, tmp_path / "refused", python="3.14", offline=False)
        assert TOKEN not in str(caught.value)
        assert caught.value.remedy == (
            "give the password where uv runs: UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD by the index's name, or a netrc file; "
            "one that stands in a URL is left out"
        )
        monkeypatch.setenv("UV_INDEX_COMPANY_USERNAME", "aws")
        monkeypatch.setenv("UV_INDEX_COMPANY_PASSWORD", TOKEN)
        made = ClosureEnvironment.make(context, tmp_path / "let-in", python="3.14", offline=False)
    assert (made.site / "inhouse.py").is_file()
