"""Every image that the tests build with an engine, built once more without one: what holds for one image then holds for both."""

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import image_builds
from uv_workspace_function.oci.image import Image
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Blob, Store

from local_cloud import python

NOT_COMPARED = {"created", "history"}


@dataclass(frozen=True, kw_only=True)
class Twin:
    """An image made without an engine."""

    store: Store
    image: Image

    @property
    def as_compared(self) -> Mapping[str, Any]:
        """Its configuration."""
        blob: Blob = self.image.configuration
        return as_compared(json.loads(self.store.path(blob.digest).read_bytes()))


def as_compared(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a configuration has to be equal."""
    return {key: value for key, value in configuration.items() if key not in NOT_COMPARED}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Where two configurations differ, each in a line."""
    keys = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
    return [f"{key}: without an engine {one.get(key)}, with one {other.get(key)}" for key in keys]


def interpreter() -> Path:
    """A Python 3.14 of this machine."""
    found = subprocess.run(
        ["uv", "python", "find", "--system", "--no-project", "--no-python-downloads", python.VERSION],
        check=False,
        capture_output=True,
        text=True,
    )
    if found.returncode == 0:
        return Path(found.stdout.strip())
    if not python.program().is_file():
        message = "no Python 3.14 here: make one with `scripts/with-tools python -m local_cloud python-up`"
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return python.program()


@functools.cache
def store() -> Store:
    """A cache that no other test run has filled."""
    return Store(Path(tempfile.mkdtemp(prefix="uv-workspace-function-twins-")))


def _saved(image: str, docker: Callable[..., str]) -> Path:
    """An image as a layout; another one when the engine has another one by that name."""
    return _saved_once(image, docker("image", "inspect", "--format={{.Id}}", image).strip(), docker)


@functools.cache
def _saved_once(image: str, image_id: str, docker: Callable[..., str]) -> Path:
    place = store().folder / "bases" / f"{re.sub(r'[^a-z0-9]+', '-', image + image_id)}.tar"
    place.parent.mkdir(parents=True, exist_ok=True)
    docker("image", "save", f"--output={place}", image)
    return place


def without_an_engine(
    context: Path, arguments: Mapping[str, str], platform: str, *, docker: Callable[..., str]
) -> Twin | WorkspaceError | None:
    """Build it; why it was refused, or None where it takes an engine."""
    try:
        request = Request(context=StagedContext.read(context), platform=platform, arguments=arguments)
    except WorkspaceError as error:
        return None if re.search("engine|another version|not a build context|knows no argument", str(error)) else error
    try:
        image = request.base_image
        options = Options(base_image=f"oci:{_saved(image, docker)}", interpreter=interpreter())
        (built,) = image_builds.run(store(), [request], options)
    except WorkspaceError as error:
        return error
    return Twin(store=store(), image=built)


def clean() -> None:
    """Remove the cache."""
    if store.cache_info().currsize:
        shutil.rmtree(store().folder, ignore_errors=True)
    store.cache_clear()
    _saved_once.cache_clear()
