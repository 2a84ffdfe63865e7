"""`services prune` for a build elsewhere: it refuses what synth refuses, in the same words, and prints all build arguments.

Covers also: context/arguments.py.
"""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from assemblies import docker_images
from aws_cdk import aws_lambda as lambda_
from click.testing import CliRunner, Result
from made import handler, lock, workspace
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace, WorkspaceError
from uv_workspace_function.cli.main import main
from wheelhouse import sdist, wheel

ONLY_X86 = "cp313-cp313-manylinux_2_17_x86_64"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Services that some target or another cannot have."""
    root = tmp_path_factory.mktemp("shop")
    (root / "wheels").mkdir()
    wheel(root / "wheels", "fast", tag=ONLY_X86)
    sdist(root / "wheels", "sourced")
    members = {
        "api": "",
        "compiled": 'dependencies = ["fast"]\n',
        "built": 'dependencies = ["sourced"]\n',
        "gone": '[tool.uv-workspace-function]\nhandler = "gone.nowhere.run"\n',
    }
    workspace(root, members, globs=[*members], tail='find-links = ["wheels"]\n')
    for name in members:
        handler(root / name)
    return lock(root)


def prune(root: Path, service: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["prune", service, "--json", "--list", "--workspace", str(root), *arguments])


def synth(root: Path, service: str, folder: Path, image: dict[str, Any], **options: Any) -> cdk.Stack:
    """A stack with the function, which has passed the checks."""
    stack = cdk.Stack(cdk.App(outdir=str(folder / "cdk.out")), "S")
    UvWorkspaceFunction(
        stack, "F", workspace=Workspace.load(root), service=service, image=ImageOptions(**image), **options
    )
    return stack


X86 = {"architecture": lambda_.Architecture.X86_64}
SAME: list[tuple[str, list[str], dict[str, Any], dict[str, Any]]] = [
    ("compiled", [], {}, {}),
    ("compiled", ["--architecture", "x86_64"], {}, X86),
    ("built", [], {}, {}),
    ("built", ["--build-from-source", "source"], {"build_from_source": ["source"]}, {}),
    ("gone", [], {}, {}),
    ("api", ["--python", "3.9"], {"python_version": "3.9"}, {}),
    ("api", ["--python", "three"], {"python_version": "three"}, {}),
    ("api", ["--base-image", "python:3.12"], {"base_image": "python:3.12"}, {}),
    ("api", ["--base-image", "lambda/python:3.14-x86_64"], {"base_image": "lambda/python:3.14-x86_64"}, {}),
    ("api", ["--builder-image", "python:3.12"], {"builder_image": "python:3.12"}, {}),
    ("api", ["--base-image", "No Image"], {"base_image": "No Image"}, {}),
    ("api", ["--python-platform", "aarch64-unknown-linux-musl"], {"python_platform": "aarch64-unknown-linux-musl"}, {}),
    ("api", ["--python-platform", "x86_64-manylinux_2_17"], {"python_platform": "x86_64-manylinux_2_17"}, {}),
    ("api", ["--extra", "none"], {"extras": ["none"]}, {}),
    ("nobody", [], {}, {}),
]


@pytest.mark.parametrize(
    ("service", "arguments", "image", "options"), SAME, ids=[" ".join([case[0], *case[1]]) for case in SAME]
)
def test_what_synth_refuses_is_refused_in_the_same_words(
    service: str, arguments: list[str], image: dict[str, Any], options: dict[str, Any], shop: Path, tmp_path: Path
) -> None:
    """With nothing written, and exit code 2."""
    with pytest.raises(WorkspaceError) as refused:
        synth(shop, service, tmp_path, image, **options)
    result = CliRunner().invoke(
        main, ["prune", service, "--output", str(tmp_path / "out"), "--workspace", str(shop), *arguments]
    )
    assert (2, f"error: {refused.value}\n") == (result.exit_code, result.stderr)
    assert not (tmp_path / "out").exists()


def test_a_folder_in_the_image_is_refused_as_the_container_s(shop: Path) -> None:
    result = prune(shop, "api", "--target-folder", "app")
    assert (2, "error: target_folder must be an absolute path below / in the image, not 'app'\n") == (
        result.exit_code,
        result.stderr,
    )


TAKEN: list[tuple[str, list[str], dict[str, Any], dict[str, Any]]] = [
    ("api", [], {}, {}),
    ("api", ["--python", "3.13", "--architecture", "x86_64"], {"python_version": "3.13"}, X86),
    ("built", ["--build-from-source", "sourced"], {"build_from_source": ["sourced"]}, {}),
    ("api", ["--python-platform", "aarch64-manylinux_2_17"], {"python_platform": "aarch64-manylinux_2_17"}, {}),
    ("api", ["--no-bytecode"], {"include_bytecode": False}, {}),
    ("api", ["--build-on-target"], {"build_on_target": True}, {}),
    ("api", ["--uv-image", "ghcr.io/astral-sh/uv:0.13.1"], {"uv_image": "ghcr.io/astral-sh/uv:0.13.1"}, {}),
    ("api", ["--base-image", "a/b:1", "--builder-image", "c:2"], {"base_image": "a/b:1", "builder_image": "c:2"}, {}),
    ("api", ["--mirror", "ghcr.io=m.example.com/g"], {"mirrors": {"ghcr.io": "m.example.com/g"}}, {}),
    ("api", ["--extension", "e/f:1", "--extension", "e/g:2"], {"extensions": ["e/f:1", "e/g:2"]}, {}),
]


@pytest.mark.parametrize(
    ("service", "arguments", "image", "options"), TAKEN, ids=[" ".join([case[0], *case[1]]) for case in TAKEN]
)
def test_the_build_arguments_and_the_platform_are_those_of_the_construct_s_asset(
    service: str, arguments: list[str], image: dict[str, Any], options: dict[str, Any], shop: Path, tmp_path: Path
) -> None:
    """As the cloud assembly has them, and the same files."""
    (source,) = docker_images(synth(shop, service, tmp_path, image, **options)).values()
    result = prune(shop, service, *arguments)
    assert 0 == result.exit_code, result.stderr
    context = json.loads(result.stdout)
    assert (source["dockerBuildArgs"], source["platform"]) == (context["build_args"], context["platform"])
    staged = tmp_path / "cdk.out" / source["directory"]
    found = sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file())
    assert found == sorted(context["files"])


def test_snap_start_is_an_argument(shop: Path) -> None:
    assert "allow" == json.loads(prune(shop, "api", "--snap-start").stdout)["build_args"]["SNAP_START"]


def test_a_mirror_without_a_name_is_refused(shop: Path) -> None:
    result = prune(shop, "api", "--mirror", "ghcr.io")
    assert 2 == result.exit_code
    assert result.stderr.endswith("Error: --mirror takes REGISTRY=MIRROR, not 'ghcr.io'\n")


def test_to_look_into_a_context_takes_none_that_can_be_built(shop: Path) -> None:
    """`--list` shows what would be refused, too."""
    result = CliRunner().invoke(main, ["prune", "built", "--list", "--workspace", str(shop)])
    assert 0 == result.exit_code, result.stderr
