"""Zip archives of generated workspaces: what uv installs of the service on the target, and nothing besides but bytecode and what is copied."""

import hashlib
import zipfile
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from images import twins
from properties.laws import Case, written
from properties.workspaces import Description, workspaces
from uv_workspace_function.context.arguments import build_arguments
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import zip_builds
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.target import Target
from wheelhouse import uv

EXAMPLES = 6
TARGET = Target()
# What uv leaves beside packages, which the builder writes anew or leaves out; names of its own in a folder of scripts.
NOT_COMPARED = ("RECORD", "direct_url.json", "uv_cache.json", "uv_build.json", "INSTALLER", "REQUESTED")


def installed(case: Case, python: Path) -> dict[str, str]:
    """What uv installs of the service for the target: every file's hash."""
    of, folder = case.description, case.root / case.description.project
    chosen = [argument for extra in of.extras for argument in ("--extra", extra)]
    command = ["sync", "--frozen", "--no-default-groups", "--no-editable", "--package", of.service, *chosen]
    uv(*command, "--python", str(python), "--python-platform", TARGET.uv_platform, cwd=folder)
    site = next((folder / ".venv/lib").glob("python*/site-packages"))
    return {
        path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in site.rglob("*")
        if path.is_file() and path.name not in NOT_COMPARED and not path.name.startswith("_virtualenv")
    }


def archived(case: Case, store: Store, python: Path) -> dict[str, str]:
    """What is in the archive: the code under test."""
    context = case.context
    arguments = build_arguments(context, TARGET, {}, mirrors={})
    request = Request(context=StagedContext.of(context), platform=TARGET.docker_platform, arguments=arguments)
    (found,) = zip_builds.run(store, [request], Options(interpreter=python), left_out={})
    with zipfile.ZipFile(store.path(found.blob.digest)) as archive:
        assert archive.testzip() is None
        return {
            entry.filename: hashlib.sha256(archive.read(entry)).hexdigest()
            for entry in archive.infolist()
            if entry.filename.rpartition("/")[2] not in NOT_COMPARED and not entry.filename.endswith(".pyc")
        }


def test_an_archive_holds_what_uv_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the target's Python and platform; packages that are not built, which uv does not install, come besides."""
    python, store, number = twins.interpreter(), Store(tmp_path / "cache"), count()

    @settings(
        deadline=None,
        derandomize=True,
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(description=workspaces())
    def hold(description: Description) -> None:
        with written(description) as case:
            try:
                found = archived(case, store, python)
            except WorkspaceError as error:
                if "requires Python" in str(error) or "environments" in str(error):
                    return
                raise
            expected = installed(case, python)
            copied = {package.folder for package in case.description.needed() if package.kind == "virtual"}
            assert expected.items() <= found.items()
            assert copied or found.keys() == expected.keys()
            next(number)

    hold()
    assert next(number) >= EXAMPLES / 2
