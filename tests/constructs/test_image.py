"""UvWorkspaceImage: what the CDK CLI is told to build, and what its hash knows.

Covers also: constructs/asset_folder.py, constructs/image_options.py.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import made
import pytest
from assemblies import docker_images
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match
from uv_workspace_function import ImageOptions, UvWorkspaceImage, Workspace, WorkspaceError
from uv_workspace_function.context import build_context, staging
from uv_workspace_function.context.dockerfile import Dockerfile
from wheelhouse import sdist, wheel

Options = dict[str, Any]
OF_THE_CONSTRUCT = ("architecture", "target_folder", "snap_start")
DEFAULT_ARGUMENTS = {"SERVICE_NAME": "shop", "PYTHON_VERSION": "3.14", "SOURCE_DATE_EPOCH": "315532800"}


def image_of(
    stack: cdk.Stack, name: str, workspace: Workspace, service: str = "shop", **options: Any
) -> UvWorkspaceImage:
    """An image with these options, of the construct or of its build."""
    own = {option: options.pop(option) for option in OF_THE_CONSTRUCT if option in options}
    return UvWorkspaceImage(stack, name, workspace=workspace, service=service, options=ImageOptions(**options), **own)


def source_of(stack: cdk.Stack, workspace: Workspace, **options: Any) -> dict[str, Any]:
    """What the CLI is told to build for one image with these options."""
    image_of(stack, "Image", workspace, **options)
    (source,) = docker_images(stack).values()
    return source


@pytest.fixture
def hash_of(tmp_path: Path) -> Callable[..., str]:
    """The hash of an image, made each time in an app of its own, in a folder of its own."""
    count = iter(range(100))

    def hash_of(workspace: Workspace, *, context: Options | None = None, **options: Any) -> str:
        app = cdk.App(outdir=str(tmp_path / f"out-{next(count)}"), context=context)
        return image_of(cdk.Stack(app, "Stack"), "Image", workspace, **options).asset_hash

    return hash_of


def test_by_default_it_is_an_arm64_image_of_the_staged_context(stack: cdk.Stack, shop: Workspace) -> None:
    """One folder of the assembly holds everything; the CLI is told the service, the Python and the platform."""
    source = source_of(stack, shop)
    folder = Path(source.pop("directory"))
    assert {"dockerBuildArgs": DEFAULT_ARGUMENTS, "platform": "linux/arm64"} == source
    assert Path(".build-contexts") == folder.parent.relative_to(stack.node.root.outdir)  # type: ignore[attr-defined]
    assert build_context.BuildContext.of(shop, "shop").digest[:12] == folder.name.removeprefix("shop-")
    assert {"Dockerfile", "pyproject.toml", "uv.lock", "shop", "prices"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"python_version": "3.13"}, {"PYTHON_VERSION": "3.13"}),
        ({"base_image": "example.com/python:3.14"}, {"BASE_IMAGE": "example.com/python:3.14"}),
        ({"builder_image": "example.com/python:3.14-gcc"}, {"BUILDER_IMAGE": "example.com/python:3.14-gcc"}),
        ({"uv_image": "example.com/uv:0.13.9"}, {"UV_IMAGE": "example.com/uv:0.13.9"}),
        ({"python_platform": "aarch64-manylinux_2_17"}, {"PYTHON_PLATFORM": "aarch64-manylinux_2_17"}),
        ({"target_folder": "/srv"}, {"TARGET_FOLDER": "/srv"}),
        ({"include_bytecode": False}, {"INCLUDE_BYTECODE": "0"}),
        ({"build_on_target": True}, {"BUILDER_PLATFORM": "linux/arm64"}),
        ({"snap_start": True}, {"SNAP_START": "allow"}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_an_option_becomes_a_build_argument(
    stack: cdk.Stack, shop: Workspace, options: Options, arguments: dict[str, str]
) -> None:
    """And the Dockerfile declares that argument."""
    source = source_of(stack, shop, **options)
    assert DEFAULT_ARGUMENTS | arguments == source["dockerBuildArgs"]
    dockerfile = Path(source["directory"], "Dockerfile").read_text()
    assert arguments.keys() <= Dockerfile.parse(dockerfile).arguments.keys()


def test_the_platform_of_lambda_is_no_argument(stack: cdk.Stack, shop: Workspace) -> None:
    """It is what the Dockerfile takes by itself."""
    source = source_of(stack, shop, python_platform="aarch64-manylinux_2_34")
    assert DEFAULT_ARGUMENTS == source["dockerBuildArgs"]


def test_wheels_for_musl_come_with_an_image_that_has_it(stack: cdk.Stack, shop: Workspace) -> None:
    musl = {"python_platform": "x86_64-unknown-linux-musl", "base_image": "python:3.14-alpine"}
    source = source_of(stack, shop, architecture=lambda_.Architecture.X86_64, **musl)
    assert "x86_64-unknown-linux-musl" == source["dockerBuildArgs"]["PYTHON_PLATFORM"]


def test_an_image_asset_may_have_musl(stack: cdk.Stack, shop: Workspace, base: Path) -> None:
    """What is in it is known in the build alone."""
    asset = ecr_assets.DockerImageAsset(stack, "Base", directory=str(base))
    options: Options = {"base_image": asset, "python_platform": "aarch64-unknown-linux-musl"}
    image_of(stack, "Image", shop, **options)
    *_, source = docker_images(stack).values()
    assert "aarch64-unknown-linux-musl" == source["dockerBuildArgs"]["PYTHON_PLATFORM"]


def test_a_python_on_amazon_linux_2_gets_wheels_for_an_older_c_library(stack: cdk.Stack, shop: Workspace) -> None:
    """Its glibc is 2.26, and of those that uv has a name for 2.17 is the next."""
    source = source_of(stack, shop, python_version="3.11")
    assert "aarch64-manylinux_2_17" == source["dockerBuildArgs"]["PYTHON_PLATFORM"]


def test_another_architecture_is_another_platform(stack: cdk.Stack, shop: Workspace) -> None:
    assert "linux/amd64" == source_of(stack, shop, architecture=lambda_.Architecture.X86_64)["platform"]


def test_extras_of_the_service_are_told_to_the_build(stack: cdk.Stack, tmp_path: Path) -> None:
    root = made.workspace(tmp_path / "w", {"shop": "[project.optional-dependencies]\nfast = []\n"})
    made.handler(root / "shop")
    workspace = Workspace.load(made.lock(root))
    assert "fast" == source_of(stack, workspace, extras=["fast"])["dockerBuildArgs"]["SERVICE_EXTRAS"]


def test_secrets_and_caches_are_passed_through(stack: cdk.Stack, shop: Workspace) -> None:
    source = source_of(
        stack,
        shop,
        build_secrets={"netrc": cdk.DockerBuildSecret.from_src("/home/me/.netrc")},
        cache_from=[ecr_assets.DockerCacheOption(type="registry", params={"ref": "example.com/cache"})],
        cache_to=ecr_assets.DockerCacheOption(type="inline"),
    )
    assert {"netrc": "src=/home/me/.netrc"} == source["dockerBuildSecrets"]
    assert [{"type": "registry", "params": {"ref": "example.com/cache"}}] == source["cacheFrom"]
    assert {"type": "inline"} == source["cacheTo"]


def test_every_image_that_the_build_starts_from_can_be_redirected(shop: Workspace, tmp_path: Path) -> None:
    """No `FROM` and no `COPY --from` is left that asks another registry than the mirror's."""
    mirrors = {"public.ecr.aws": "mirror.example.com/aws", "ghcr.io": "mirror.example.com/github"}
    app = cdk.App(outdir=str(tmp_path / "out"), context={"uv-workspace-function:mirrors": mirrors})
    source = source_of(cdk.Stack(app, "Stack"), shop)
    dockerfile = Dockerfile.parse(Path(tmp_path, "out", source["directory"], "Dockerfile").read_text())
    images = {name for name in dockerfile.arguments if name.endswith("_IMAGE")}
    assert {"BASE_IMAGE", "BUILDER_IMAGE", "UV_IMAGE"} == images
    assert {
        "BASE_IMAGE": "mirror.example.com/aws/lambda/python:3.14",
        "BUILDER_IMAGE": "mirror.example.com/aws/lambda/python:3.14",
        "UV_IMAGE": "mirror.example.com/github/astral-sh/uv:0.13.9",
    } == {name: source["dockerBuildArgs"][name] for name in images}


def test_a_given_image_is_redirected_too(shop: Workspace, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context={"uv-workspace-function:mirrors": {"docker.io": "mirror.example.com"}})
    images = {"base_image": "python:3.14-slim", "builder_image": "python:3.14"}
    arguments = source_of(cdk.Stack(app, "Stack"), shop, **images)["dockerBuildArgs"]
    assert "mirror.example.com/library/python:3.14-slim" == arguments["BASE_IMAGE"]
    assert "mirror.example.com/library/python:3.14" == arguments["BUILDER_IMAGE"]


def test_mirrors_that_are_no_mapping_are_refused(shop: Workspace, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context={"uv-workspace-function:mirrors": "mirror.example.com"})
    with pytest.raises(WorkspaceError) as raised:
        source_of(cdk.Stack(app, "Stack"), shop)
    assert (
        "the context 'uv-workspace-function:mirrors' must be an object such as "
        '{"public.ecr.aws": "registry.example.com/aws"}, not \'mirror.example.com\''
    ) == str(raised.value)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with a Dockerfile that adds something to the Lambda base image."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\nCOPY extension /opt/extensions/\n")
    (folder / "extension").write_text("#!/bin/sh\n")
    return folder


def test_another_asset_as_base_image_is_found_where_the_cli_tags_it(
    stack: cdk.Stack, shop: Workspace, base: Path
) -> None:
    """In a stack without account and region that is the name on the machine that builds."""
    asset = ecr_assets.DockerImageAsset(stack, "Base", directory=str(base))
    image_of(stack, "Image", shop, base_image=asset)
    hashes, sources = zip(*docker_images(stack).items(), strict=True)
    assert f"cdkasset-{hashes[0]}" == sources[1]["dockerBuildArgs"]["BASE_IMAGE"]


def test_an_image_of_a_service_can_be_the_base_of_another(stack: cdk.Stack, shop: Workspace) -> None:
    """The CLI's tag of it has the service's name."""
    asset = UvWorkspaceImage(stack, "Base", workspace=shop, service="prices")
    image_of(stack, "Image", shop, base_image=asset)
    hashes, sources = zip(*docker_images(stack).items(), strict=True)
    assert f"cdkasset-{hashes[0]}" == sources[1]["dockerBuildArgs"]["BASE_IMAGE"]


def test_another_asset_as_base_image_is_found_in_the_registry(shop: Workspace, base: Path, tmp_path: Path) -> None:
    """Where account and region are known, also by a machine that did not build it."""
    app = cdk.App(outdir=str(tmp_path / "out"))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    asset = ecr_assets.DockerImageAsset(stack, "Base", directory=str(base))
    image_of(stack, "Image", shop, base_image=asset)
    *_, source = docker_images(stack).values()
    repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cdk-hnb659fds-container-assets-123456789012-eu-west-1"
    assert f"{repository}:{asset.asset_hash}" == source["dockerBuildArgs"]["BASE_IMAGE"]


def test_a_base_image_in_another_stack_is_deployed_first(shop: Workspace, base: Path, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path / "out"))
    images, stack = cdk.Stack(app, "Images"), cdk.Stack(app, "Stack")
    asset = ecr_assets.DockerImageAsset(images, "Base", directory=str(base))
    image_of(stack, "Image", shop, base_image=asset)
    assert [images] == stack.dependencies


def test_the_hash_is_the_same_everywhere(hash_of: Callable[..., str], shop_root: Path, tmp_path: Path) -> None:
    """Neither the workspace's folder nor the assembly's is in it."""
    copy = shutil.copytree(shop_root, tmp_path / "elsewhere" / "copy")
    assert hash_of(Workspace.load(shop_root)) == hash_of(Workspace.load(copy))


def edit(root: Path, path: str, old: bytes, new: bytes) -> None:
    """Change a file of a workspace."""
    file = root / path
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))


@pytest.fixture
def copy(shop_root: Path, tmp_path: Path) -> Path:
    """A copy of the workspace to change."""
    return shutil.copytree(shop_root, tmp_path / "copy")


@pytest.mark.parametrize("package", ["shop", "prices"])
def test_code_changes_the_hash(hash_of: Callable[..., str], copy: Path, package: str) -> None:
    """The service's and its library's."""
    before = hash_of(Workspace.load(copy))
    (copy / package / "src" / package / "__init__.py").write_text("CHANGED = True\n")
    assert before != hash_of(Workspace.load(copy))


def test_code_elsewhere_keeps_the_hash(hash_of: Callable[..., str], copy: Path) -> None:
    before = hash_of(Workspace.load(copy))
    (copy / "unrelated" / "src" / "unrelated" / "__init__.py").write_text("CHANGED = True\n")
    assert before == hash_of(Workspace.load(copy))


def test_what_the_hash_of_cdk_does_not_see_changes_it_as_well(hash_of: Callable[..., str], copy: Path) -> None:
    """An executable bit, and the ends of lines."""
    script = copy / "shop" / "src" / "shop" / "main.py"
    before = hash_of(Workspace.load(copy))
    script.chmod(0o755)
    executable = hash_of(Workspace.load(copy))
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    assert 3 == len({before, executable, hash_of(Workspace.load(copy))})


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": lambda_.Architecture.X86_64},
        {"python_version": "3.13"},
        {"base_image": "public.ecr.aws/lambda/python:3.14.2026.01.01.00"},
        {"base_image": f"public.ecr.aws/lambda/python@sha256:{'0' * 64}"},
        {"builder_image": "public.ecr.aws/lambda/python:3.14.2026.01.01.00"},
        {"uv_image": "ghcr.io/astral-sh/uv:0.13.8"},
        {"python_platform": "aarch64-manylinux_2_28"},
        {"target_folder": "/srv"},
        {"include_bytecode": False},
        {"snap_start": True},
        {"context": {"uv-workspace-function:mirrors": {"ghcr.io": "mirror.example.com"}}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_option_that_changes_the_image_changes_the_hash(
    hash_of: Callable[..., str], shop: Workspace, options: Options
) -> None:
    assert hash_of(shop) != hash_of(shop, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"build_secrets": {"netrc": "src=/home/me/.netrc"}},
        {"build_secrets": {"netrc": "src=/home/you/.netrc"}},
        {"build_secrets": {"netrc": "env=NETRC"}},
        {"cache_to": ecr_assets.DockerCacheOption(type="inline")},
        {"cache_from": [ecr_assets.DockerCacheOption(type="registry", params={"ref": "example.com/cache"})]},
    ],
    ids=lambda options: json.dumps(str(options)),
)
def test_what_is_not_in_the_image_is_not_in_the_hash(
    hash_of: Callable[..., str], shop: Workspace, options: Options
) -> None:
    """Secrets may be rotated and moved, caches come and go."""
    assert hash_of(shop) == hash_of(shop, **options)


def test_the_dockerfile_changes_the_hash(
    hash_of: Callable[..., str], shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with it the versions that it pins."""
    before = hash_of(shop)
    package = shutil.copytree(Path(build_context.__file__).parents[1], tmp_path / "package")
    with (package / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("\n")
    monkeypatch.setattr(build_context, "_HERE", package)
    assert before != hash_of(shop)


def test_a_change_of_the_base_asset_changes_the_hash(shop: Workspace, base: Path, tmp_path: Path) -> None:
    """And where that asset is pushed to does not."""

    def hash_in(folder: str, **env: str) -> str:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / folder)), "Stack", env=cdk.Environment(**env))
        asset = ecr_assets.DockerImageAsset(stack, "Base", directory=str(base))
        return image_of(stack, "Image", shop, base_image=asset).asset_hash

    before = hash_in("a")
    assert before == hash_in("b", account="123456789012", region="eu-west-1")
    assert before == hash_in("c", account="210987654321", region="cn-north-1")
    (base / "extension").write_text("#!/bin/bash\n")
    assert before != hash_in("d")


def test_images_that_are_equal_are_built_once(stack: cdk.Stack, shop: Workspace) -> None:
    for name in ("One", "Two"):
        UvWorkspaceImage(stack, name, workspace=shop, service="shop")
    assert 1 == len(docker_images(stack))


def test_a_context_is_copied_into_the_assembly(shop: Workspace, tmp_path: Path) -> None:
    """Without a context of its own for tests: as the CLI finds it."""
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "Stack")
    folder = tmp_path / "out" / source_of(stack, shop)["directory"]
    context = build_context.BuildContext.of(shop, "shop")
    assert {path: file.content.decode() for path, file in context.files.items()} == made.files(folder)


def test_no_file_of_a_context_is_in_the_assembly_twice(shop: Workspace, tmp_path: Path) -> None:
    """It is what a pipeline hands on from step to step; the shared Dockerfile is what the CDK's own copy starts from."""
    source_of(cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "Stack"), shop)
    context = build_context.BuildContext.of(shop, "shop")
    copies = Counter(
        path.name for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "Dockerfile"
    )
    ours = Counter(path.rpartition("/")[2] for path in context.files if path != "Dockerfile")
    assert ours == {name: copies[name] for name in ours}
    assert 2 == len(list((tmp_path / "out").rglob("Dockerfile")))


def test_the_hash_is_the_same_without_staging(shop: Workspace, hash_of: Callable[..., str]) -> None:
    """As unit tests have it, and `sam`."""
    assert hash_of(shop) == hash_of(shop, context={"aws:cdk:disable-asset-staging": True})


def _edit(folder: Path) -> None:
    (folder / "shop/src/shop/main.py").write_text("# another one\n")


def _edit_in_place(folder: Path) -> None:
    path = folder / "shop/src/shop/main.py"
    path.write_text(path.read_text().replace("event", "EVENT", 1))


def _add(folder: Path) -> None:
    (folder / ".venv").mkdir()


def _remove(folder: Path) -> None:
    (folder / "uv.lock").unlink()


def _make_executable(folder: Path) -> None:
    (folder / "uv.lock").chmod(0o755)


def _link(folder: Path) -> None:
    (folder / "uv.lock").rename(folder.parent / "uv.lock")
    (folder / "uv.lock").symlink_to("../uv.lock")


def _link_hard(folder: Path) -> None:
    (folder.parent / "other").hardlink_to(folder / "uv.lock")


def _link_all(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to("elsewhere")


def _make_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


@pytest.mark.parametrize("disabled", [True, False])
@pytest.mark.parametrize(
    "change",
    [_edit, _edit_in_place, _add, _remove, _make_executable, _link, _link_hard, _link_all, _make_a_file],
    ids=lambda change: change.__name__,
)
def test_a_staged_folder_is_believed_after_it_was_compared(
    shop: Workspace, tmp_path: Path, change: Callable[[Path], None], disabled: bool
) -> None:
    """Whoever has changed it since: what is deployed is what the sources say."""
    context = {"aws:cdk:disable-asset-staging": disabled}

    def synthesized() -> Path:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out"), context=context), "Stack")
        return tmp_path / "out" / str(source_of(stack, shop)["directory"])

    folder = synthesized()
    before = made.files(folder)
    change(folder)
    assert folder == synthesized()
    assert before == made.files(folder)
    assert staging.holds(folder, build_context.BuildContext.of(shop, "shop").files)


def test_a_staged_folder_that_is_right_is_left_as_it_is(shop: Workspace, tmp_path: Path) -> None:
    """A second synthesis writes nothing."""

    def synthesized() -> dict[Path, tuple[int, int]]:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "Stack")
        folder = tmp_path / "out" / source_of(stack, shop)["directory"]
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}

    assert synthesized() == synthesized()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"base_image": "public.ecr.aws/lambda/python:3.13"},
            (
                "base_image 'public.ecr.aws/lambda/python:3.13' has Python 3.13, but python_version is '3.14'; "
                "give python_version='3.13', or an image with Python 3.14"
            ),
        ),
        (
            {"base_image": "public.ecr.aws/lambda/python:3.14-x86_64"},
            (
                "base_image 'public.ecr.aws/lambda/python:3.14-x86_64' is for x86_64, but architecture is aarch64; "
                "give the tag of that machine, or one that has both"
            ),
        ),
        (
            {"base_image": "no image"},
            (
                "'no image' is not a container image; write repository:tag or repository@sha256:..., "
                "for example 'public.ecr.aws/lambda/python:3.14'"
            ),
        ),
        (
            {"base_image": 1},
            "base_image must be the name of an image, an EcrImage or a DockerImageAsset, not an object of type int",
        ),
        (
            {"builder_image": 1},
            "builder_image must be the name of an image, an EcrImage or a DockerImageAsset, not an object of type int",
        ),
        (
            {"builder_image": "python:3.13"},
            (
                "builder_image 'python:3.13' has Python 3.13, but python_version is '3.14'; the builder compiles bytecode for the "
                "image, so give one with Python 3.14"
            ),
        ),
        ({"target_folder": "app"}, "target_folder must be an absolute path below / in the image, not 'app'"),
        ({"target_folder": "/"}, "target_folder must be an absolute path below / in the image, not '/'"),
        ({"target_folder": "/a/../.."}, "target_folder must be an absolute path below / in the image, not '/a/../..'"),
        (
            {"python_platform": "linux"},
            (
                "no image can be built for the platform 'linux'; platforms are aarch64-manylinux_2_17 and the like, and "
                "aarch64-unknown-linux-musl"
            ),
        ),
        (
            {"python_platform": "x86_64-manylinux_2_28"},
            (
                "python_platform 'x86_64-manylinux_2_28' is for x86_64, but architecture is aarch64; give "
                "aarch64-manylinux_2_28, or that architecture"
            ),
        ),
        (
            {"python_platform": "aarch64-manylinux_2_26"},
            "uv has no platform with glibc 2.26; it knows: 2.17, 2.28, 2.31, 2.32, 2.33, 2.34, 2.35, 2.36, 2.37, 2.38, 2.39, 2.40",
        ),
        (
            {"python_platform": "aarch64-unknown-linux-musl"},
            (
                "the Lambda base image has glibc, but python_platform is 'aarch64-unknown-linux-musl'; give a base_image with "
                "musl, such as an Alpine one, or leave python_platform out"
            ),
        ),
        (
            {"build_from_source": "prices"},
            "build_from_source must be a list of packages' names, not 'prices'; write ['prices']",
        ),
        (
            {"build_from_source": ["prices"]},
            "build_from_source names 'prices', which is not a third-party package of shop; correct it, or take it out",
        ),
        (
            {"architecture": lambda_.Architecture.custom("riscv64")},
            "Lambda does not run on the machine 'riscv64'; machines are: aarch64, x86_64",
        ),
        ({"python_version": "3"}, "python must be a minor version such as '3.14', not '3'"),
        (
            {"python_version": "3.10"},
            (
                "prices requires Python >=3.11, which excludes the image's Python 3.10; "
                "widen requires-python and run `uv lock`, "
                "or choose another Python: `--python` of a command, `python_version` of a construct"
            ),
        ),
        ({"build_secrets": {"token": "src=/x"}}, "the build takes no secret 'token'; secrets are: credentials, netrc"),
        (
            {"build_secrets": {"netrc": "/home/me/.netrc"}},
            (
                "the build secret 'netrc' must be a file or an environment variable, as "
                "DockerBuildSecret.from_src('/path/of/file') or 'env=VARIABLE' is"
            ),
        ),
        (
            {"build_secrets": {"netrc": "src=.netrc"}},
            (
                "the build secret 'netrc' is the relative path '.netrc', which would be looked for in the build context; "
                "give an absolute path"
            ),
        ),
        ({"extras": ["fast"]}, "shop has no extra 'fast'; it has no extras"),
    ],
)
def test_what_cannot_be_built_is_refused_and_nothing_written(
    shop: Workspace, tmp_path: Path, options: Options, message: str
) -> None:
    """At synth, as the error itself and not as one of jsii's."""
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "Stack")
    with pytest.raises(WorkspaceError) as raised:
        source_of(stack, shop, **options)
    assert message == str(raised.value)
    assert [] == list((tmp_path / "out").iterdir())


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A workspace whose service needs a package that has a wheel for x86-64 and a source distribution, locked."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "fastmath", tag="cp314-cp314-manylinux_2_28_x86_64")
    sdist(wheels, "fastmath")
    needs = {"shop": 'dependencies = ["fastmath"]\n'}
    root = made.workspace(tmp_path, needs, globs=["shop"], tail='find-links = ["wheels"]\n')
    made.handler(root / "shop")
    return made.lock(root)


def test_a_package_without_a_wheel_is_refused(stack: cdk.Stack, compiled: Path) -> None:
    """By name, at synth."""
    with pytest.raises(
        WorkspaceError, match=r"^fastmath 1\.0 \(needed by shop\) has no wheel for CPython 3\.14, aarch64"
    ):
        source_of(stack, Workspace.load(compiled))


def test_a_package_without_a_wheel_may_be_built_from_source(stack: cdk.Stack, compiled: Path) -> None:
    """If it is named, in any spelling."""
    source = source_of(stack, Workspace.load(compiled), build_from_source=["FastMath"])
    assert "fastmath" == source["dockerBuildArgs"]["BUILD_FROM_SOURCE"]


def test_what_may_be_built_from_source_is_in_the_hash(compiled: Path, tmp_path: Path) -> None:
    """On x86-64, where nothing has to be."""
    hashes: set[str] = set()
    for count, names in enumerate(([], ["fastmath"])):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / f"out-{count}")), "Stack")
        source_of(stack, Workspace.load(compiled), architecture=lambda_.Architecture.X86_64, build_from_source=names)
        hashes |= docker_images(stack).keys()
    assert 2 == len(hashes)


def test_a_name_of_no_package_of_the_closure_is_refused_with_the_nearest(stack: cdk.Stack, compiled: Path) -> None:
    with pytest.raises(WorkspaceError) as raised:
        source_of(stack, Workspace.load(compiled), build_from_source=["fast-maths"])
    assert (
        "build_from_source names 'fast-maths', which is not a third-party package of shop; did you mean 'fastmath'?"
    ) == str(raised.value)


@pytest.fixture
def allowed(compiled: Path) -> Path:
    """The same workspace, whose service says that the package may be built."""
    with (compiled / "shop" / "pyproject.toml").open("a") as pyproject:
        pyproject.write('[tool.uv-workspace-function]\nbuild-from-source = ["FastMath"]\n')
    return compiled


def test_the_setting_of_the_service_is_the_default(stack: cdk.Stack, allowed: Path) -> None:
    source = source_of(stack, Workspace.load(allowed))
    assert "fastmath" == source["dockerBuildArgs"]["BUILD_FROM_SOURCE"]


def test_the_argument_replaces_the_setting(stack: cdk.Stack, allowed: Path) -> None:
    """An empty one takes it back: in the build as at synth."""
    with pytest.raises(WorkspaceError, match=r"^fastmath 1\.0 \(needed by shop\) has no wheel"):
        source_of(stack, Workspace.load(allowed), build_from_source=[])
    source = source_of(stack, Workspace.load(allowed), build_from_source=[], architecture=lambda_.Architecture.X86_64)
    assert "" == source["dockerBuildArgs"]["BUILD_FROM_SOURCE"]


def test_a_setting_that_names_no_locked_package_is_refused(stack: cdk.Stack, allowed: Path) -> None:
    edit(allowed, "shop/pyproject.toml", b'"FastMath"', b'"fastmaths"')
    with pytest.raises(WorkspaceError) as raised:
        source_of(stack, Workspace.load(allowed))
    assert (
        "shop/pyproject.toml: build-from-source of [tool.uv-workspace-function] names 'fastmaths', which is not in the lock; "
        "did you mean 'fastmath'?"
    ) == str(raised.value)


def test_a_lock_for_other_environments_is_refused(stack: cdk.Stack, tmp_path: Path) -> None:
    """uv would say so in the build; what it locked for is `environments` of [tool.uv]."""
    root = made.workspace(tmp_path, {"shop": ""}, tail="environments = [\"sys_platform == 'darwin'\"]\n")
    made.handler(root / "shop")
    workspace = Workspace.load(made.lock(root))
    with pytest.raises(WorkspaceError) as raised:
        source_of(stack, workspace)
    assert (
        "uv.lock covers only environments with sys_platform == 'darwin', so it lacks what shop needs on CPython 3.14, "
        "aarch64, glibc 2.34; add \"sys_platform == 'linux' and platform_machine == 'aarch64'\" to `environments` of [tool.uv] "
        "and run `uv lock`"
    ) == str(raised.value)


def test_a_lock_for_the_images_environment_among_others_is_taken(stack: cdk.Stack, tmp_path: Path) -> None:
    tail = "environments = [\"sys_platform == 'darwin'\", \"sys_platform == 'linux'\"]\n"
    root = made.workspace(tmp_path, {"shop": ""}, tail=tail)
    made.handler(root / "shop")
    assert "linux/arm64" == source_of(stack, Workspace.load(made.lock(root)))["platform"]


def test_the_wheels_of_the_chosen_architecture_count(stack: cdk.Stack, compiled: Path) -> None:
    assert (
        "linux/amd64"
        == source_of(stack, Workspace.load(compiled), architecture=lambda_.Architecture.X86_64)["platform"]
    )


def test_more_than_lambda_takes_is_refused(stack: cdk.Stack, compiled: Path) -> None:
    """Where the lock tells sizes."""
    edit(compiled, "uv.lock", b'_x86_64.whl" }', b'_x86_64.whl", size = 10737418241 }')
    with pytest.raises(WorkspaceError, match=r"more than the 10\.0 GiB that Lambda takes as an image"):
        source_of(stack, Workspace.load(compiled), architecture=lambda_.Architecture.X86_64)


@pytest.mark.parametrize("option", ["base_image", "builder_image", "uv_image"])
def test_a_moving_image_is_warned_of(stack: cdk.Stack, shop: Workspace, option: str) -> None:
    """The CLI builds an image once for each hash, and no hash tells what `latest` is today."""
    options: Options = {option: "example.com/image:latest"}
    image_of(stack, "Image", shop, **options)
    assert [
        (
            "example.com/image:latest is a mutable tag, so changes go undetected; pin a version or digest "
            "[ack: uv-workspace-function:moving-image]"
        )
    ] == warnings(stack)


def test_pinned_images_are_not_warned_of(stack: cdk.Stack, shop: Workspace) -> None:
    image_of(stack, "Image", shop, uv_image="ghcr.io/astral-sh/uv:0.13.9")
    assert [] == warnings(stack)


def test_a_base_asset_that_only_this_machine_finds_is_warned_of(stack: cdk.Stack, shop: Workspace, base: Path) -> None:
    """Another one fails to build once the base is pushed, unless ECR can be asked for it."""
    asset = ecr_assets.DockerImageAsset(stack, "Base", directory=str(base))
    image_of(stack, "Image", shop, base_image=asset)
    assert [
        (
            "only a machine that builds Stack/Base finds it as a base image; give Stack an account and a region (env=), "
            "so that it is found in ECR [ack: uv-workspace-function:local-base-image]"
        )
    ] == warnings(stack)


def warnings(stack: cdk.Stack) -> list[str]:
    """What the CLI would warn of."""
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(warning.entry.data) for warning in found]


OUTSIDE: list[Options] = [
    {"build_secrets": {"netrc": "env=NETRC"}},
    {"build_ssh": "default"},
    {"network_mode": ecr_assets.NetworkMode.HOST},
    {"cache_from": [ecr_assets.DockerCacheOption(type="inline")]},
    {"cache_to": ecr_assets.DockerCacheOption(type="inline")},
    {"build_args": {"HTTPS_PROXY": "http://proxy.example.com:3128"}},
]


@pytest.mark.parametrize("options", OUTSIDE, ids=lambda options: next(iter(options)))
@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_equal_images_that_are_built_otherwise_are_refused(
    stack: cdk.Stack, shop: Workspace, options: Options, first: bool
) -> None:
    """Only one of them would be, and which one is a matter of order."""
    image_of(stack, "A", shop, **(options if first else {}))
    with pytest.raises(WorkspaceError) as raised:
        image_of(cdk.NestedStack(stack, "Nested"), "B", shop, **({} if first else options))
    assert (
        f"Stack/A and Stack/Nested/B are the same image of 'shop', which is built once, but differ in {next(iter(options))}; "
        "give both the same, for example by one value of ImageOptions"
    ) == str(raised.value)


@pytest.mark.parametrize("options", OUTSIDE, ids=lambda options: next(iter(options)))
def test_equal_images_that_are_built_alike_are_one(stack: cdk.Stack, shop: Workspace, options: Options) -> None:
    image_of(stack, "A", shop, **options)
    image_of(stack, "B", shop, **options)
    assert 1 == len(docker_images(stack))


def test_images_of_two_stacks_may_be_built_otherwise(stack: cdk.Stack, shop: Workspace) -> None:
    """Each has a manifest of its own, and its own place for a cache."""
    image_of(stack, "A", shop)
    app = cdk.App.of(stack)
    assert isinstance(app, cdk.App)
    image_of(cdk.Stack(app, "Other"), "A", shop, **OUTSIDE[0])


def test_network_ssh_and_proxies_reach_the_build_and_not_the_hash(
    stack: cdk.Stack, shop: Workspace, hash_of: Callable[..., str]
) -> None:
    """They make no other image."""
    proxies = {"https_proxy": "http://proxy.example.com:3128", "NO_PROXY": "example.com"}
    options: Options = {"build_args": proxies, "build_ssh": "default", "network_mode": ecr_assets.NetworkMode.HOST}
    source = source_of(stack, shop, **options)
    assert DEFAULT_ARGUMENTS | proxies == source["dockerBuildArgs"]
    assert ("default", "host") == (source["dockerBuildSsh"], source["networkMode"])
    assert hash_of(shop) == hash_of(shop, **options)


def test_the_dockerfile_lets_every_step_that_installs_use_ssh(stack: cdk.Stack, shop: Workspace) -> None:
    dockerfile = Path(source_of(stack, shop)["directory"], "Dockerfile").read_text().replace("\\\n", "")
    steps = [line for line in dockerfile.splitlines() if line.startswith("RUN") and "install-" in line]
    assert 3 == len(steps)
    assert not [step for step in steps if "--mount=type=ssh" not in step]


def test_what_buildkit_is_told_is_in_the_hash(shop: Workspace, hash_of: Callable[..., str]) -> None:
    """A frontend, or a cache in the image, makes another one."""
    assert hash_of(shop) != hash_of(shop, build_args={"BUILDKIT_INLINE_CACHE": "1"})


@pytest.mark.parametrize("name", ["SERVICE_NAME", "BASE_IMAGE", "ANYTHING"])
def test_an_argument_that_the_build_does_not_take_is_refused(stack: cdk.Stack, shop: Workspace, name: str) -> None:
    with pytest.raises(WorkspaceError) as raised:
        source_of(stack, shop, build_args={name: "x"})
    assert (
        f"the build takes no argument {name!r}; besides its options it takes proxies (HTTP_PROXY, HTTPS_PROXY, FTP_PROXY, NO_PROXY, "
        "ALL_PROXY) and BuildKit's own (BUILDKIT_...); use the option of the image that is meant, or a base_image with the value in it"
    ) == str(raised.value)


def test_mirrors_of_the_command_line_are_read(shop: Workspace, tmp_path: Path) -> None:
    """`cdk --context` hands over text."""
    context = {"uv-workspace-function:mirrors": '{"ghcr.io": "mirror.example.com/github"}'}
    arguments = source_of(cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack"), shop)["dockerBuildArgs"]
    assert arguments["UV_IMAGE"].startswith("mirror.example.com/github/astral-sh/uv:")


def test_mirrors_of_the_options_come_first(shop: Workspace, tmp_path: Path) -> None:
    context = {"uv-workspace-function:mirrors": {"ghcr.io": "mirror.example.com/a"}}
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack")
    arguments = source_of(stack, shop, mirrors={"ghcr.io": "mirror.example.com/b"})["dockerBuildArgs"]
    assert arguments["UV_IMAGE"].startswith("mirror.example.com/b/astral-sh/uv:")
