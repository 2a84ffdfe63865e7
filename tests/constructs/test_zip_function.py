"""`UvWorkspaceZipFunction`: what is synthesized, what changes its asset's hash, and what the CDK CLI runs when it publishes.

Covers also: cli/zip_asset_command.py, constructs/context_warnings.py, constructs/function_parts.py, constructs/service_archive.py,
constructs/zip_options.py.
"""

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import made
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import pipelines
from aws_cdk.assertions import Annotations, Match, Template
from click.testing import CliRunner
from images import twins
from uv_workspace_function import (
    FunctionDefaults,
    ImageOptions,
    UvWorkspaceFunction,
    UvWorkspaceZipFunction,
    Workspace,
    ZipOptions,
)
from uv_workspace_function.cli import zip_asset_command
from uv_workspace_function.cli.main import main
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.insight.cloud_assembly import image_assets, service_assets
from uv_workspace_function.oci import zip_builds
from uv_workspace_function.oci.compression import COMPRESSOR
from uv_workspace_function.target import managed_runtime
from uv_workspace_function.target.managed_runtime import ARCHIVE_FORMAT
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.closure import Closure


def functions(stack: cdk.Stack) -> list[Mapping[str, Any]]:
    """The properties of each function in a stack."""
    found = Template.from_stack(stack).find_resources("AWS::Lambda::Function")
    return [resource["Properties"] for resource in found.values()]


def archives(folder: Path) -> dict[str, list[str]]:
    """The commands of an assembly that make archives, by the asset's hash."""
    (document,) = folder.glob("*.assets.json")
    files = json.loads(document.read_text())["files"]
    return {key: file["source"]["executable"] for key, file in files.items() if "executable" in file["source"]}


def test_it_is_a_function_on_the_managed_runtime(stack: cdk.Stack, shop: Workspace) -> None:
    """For arm64, with the service's own handler; what the CDK takes passes through, layers among it."""
    layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Layer", "arn:aws:lambda:eu-west-1:1:layer:x:1")
    UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop", memory_size=512, layers=[layer])
    (function,) = functions(stack)
    told = {name: function[name] for name in ("Architectures", "Handler", "Layers", "MemorySize", "Runtime")}
    assert told == {
        "Architectures": ["arm64"],
        "Handler": "shop.main.handler",
        "Layers": ["arn:aws:lambda:eu-west-1:1:layer:x:1"],
        "MemorySize": 512,
        "Runtime": "python3.14",
    }


def test_role_and_log_group_are_those_of_an_image_function(shop: Workspace, tmp_path: Path) -> None:
    """Resource by resource, but for the function itself."""

    def others(kind: type) -> dict[str, Any]:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / kind.__name__)), "Stack")
        kind(stack, "Fn", workspace=shop, service="shop", tracing=lambda_.Tracing.ACTIVE, log_group_name="/shop")
        resources = Template.from_stack(stack).to_json()["Resources"]
        return {key: each for key, each in resources.items() if each["Type"] != "AWS::Lambda::Function"}

    assert others(UvWorkspaceFunction) == others(UvWorkspaceZipFunction)


def test_a_given_log_group_is_its_own(stack: cdk.Stack, shop: Workspace) -> None:
    group = logs.LogGroup(stack, "Logs")
    function = UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop", log_group=group)
    assert stack.resolve(group.log_group_name) == stack.resolve(function.log_group.log_group_name)
    Template.from_stack(stack).resource_count_is("AWS::Logs::LogGroup", 1)


def test_defaults_reach_both_kinds_of_functions(stack: cdk.Stack, shop: Workspace) -> None:
    """Each takes its own value of how it is built."""
    FunctionDefaults.of(stack).set(
        memory_size=1024, image=ImageOptions(python_version="3.12"), archive=ZipOptions(python_version="3.13")
    )
    UvWorkspaceFunction(stack, "Image", workspace=shop, service="shop")
    UvWorkspaceZipFunction(stack, "Zip", workspace=shop, service="shop", archive=ZipOptions(include_bytecode=False))
    both = functions(stack)
    assert [1024, 1024] == [function["MemorySize"] for function in both]
    assert [None, "python3.13"] == [function.get("Runtime") for function in both]


def test_functions_of_one_service_share_their_archive(stack: cdk.Stack, shop: Workspace) -> None:
    """Whatever their handlers are."""
    UvWorkspaceZipFunction(stack, "Sales", workspace=shop, service="shop")
    UvWorkspaceZipFunction(stack, "Returns", workspace=shop, service="shop", handler="shop.returns.handler")
    one, two = functions(stack)
    assert one["Code"] == two["Code"]
    assert ["shop.main.handler", "shop.returns.handler"] == [one["Handler"], two["Handler"]]


def digest(root: Path, outdir: Path, service: str = "shop", **options: Any) -> str:
    """The hash of a service's archive."""
    stack = cdk.Stack(cdk.App(outdir=str(outdir)), "Stack")
    UvWorkspaceZipFunction(stack, "Fn", workspace=Workspace.load(root), service=service, **options)
    cdk.App.of(stack).synth()  # type: ignore[union-attr]
    (key,) = archives(outdir)
    shutil.rmtree(outdir)
    return key


Edit = Callable[[Path], object]


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (lambda root: (root / "shop/src/shop/main.py").write_text("def handler(event, context): return 2\n"), True),
        (lambda root: (root / "prices/src/prices/__init__.py").write_text("PRICE = 1\n"), True),
        (lambda root: (root / "shop/src/shop/data.txt").write_text("x"), True),
        (lambda root: (root / "shop/src/shop/main.py").chmod(0o755), True),
        (lambda root: (root / "unrelated/src/unrelated/__init__.py").write_text("X = 1\n"), False),
        (lambda root: (root / "README.md").write_text("hello\n"), False),
        (lambda root: made.lock(made.member(root / "newcomer").parent), False),
        (lambda root: os.utime(root / "shop/src/shop/main.py", (0, 0)), False),
    ],
    ids=["code", "a library", "a data file", "a mode bit", "another service", "a readme", "a new member", "a time"],
)
def test_the_hash_changes_with_what_is_in_the_archive(
    shop_root: Path, tmp_path: Path, edit: Edit, changes: bool
) -> None:
    """Laws 3 and 4, as for images."""
    root = Path(shutil.copytree(shop_root, tmp_path / "repository"))
    before = digest(root, tmp_path / "out")
    edit(root)
    assert changes == (before != digest(root, tmp_path / "out"))


def test_the_hash_changes_with_what_decides_the_bytes_besides(shop_root: Path, tmp_path: Path) -> None:
    """And with nothing that doesn't: the folder of the workspace, memory, where a secret lies."""
    changing: list[dict[str, Any]] = [
        {},
        {"archive": ZipOptions(python_version="3.13")},
        {"archive": ZipOptions(include_bytecode=False)},
        {"architecture": lambda_.Architecture.X86_64},
    ]
    found = {digest(shop_root, tmp_path / "out", **options) for options in changing}
    assert len(changing) == len(found)
    elsewhere = Path(shutil.copytree(shop_root, tmp_path / "elsewhere"))
    same: dict[str, Any] = {"memory_size": 256, "archive": ZipOptions(build_secrets={"netrc": "src=/somewhere/netrc"})}
    assert digest(elsewhere, tmp_path / "other", **same) in found


def test_the_hash_knows_how_archives_are_written() -> None:
    """What writes them is in another room, which the constructs don't load."""
    assert f"{zip_builds.FORMAT}, {COMPRESSOR}" == ARCHIVE_FORMAT


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine that publishes: a cache of its own, and a Python of the target's version on PATH."""
    cache = tmp_path / "xdg"
    uv = tmp_path_factory.getbasetemp() / "uv-of-the-image"
    uv.mkdir(exist_ok=True)
    (cache / "uv-workspace-function").mkdir(parents=True)
    (cache / "uv-workspace-function/uv").symlink_to(uv, target_is_directory=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{twins.interpreter().parent}")
    return tmp_path


@pytest.fixture
def assembly(shop: Workspace, machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cloud assembly of a zip function, synthesized into a folder of the current one."""
    (machine / "work").mkdir()
    monkeypatch.chdir(machine / "work")
    app = cdk.App(outdir=str(machine / "work/cdk.out"))
    UvWorkspaceZipFunction(cdk.Stack(app, "Stack"), "Fn", workspace=shop, service="shop")
    app.synth()
    return machine / "work/cdk.out"


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As the CDK CLI runs it: no shell, no input."""
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_synth_builds_nothing(assembly: Path, machine: Path) -> None:
    """The build context is there, and the cache has nothing of a build; the command names no folder above this one."""
    (command,) = archives(assembly).values()
    cached = {path.name for path in (machine / "xdg/uv-workspace-function").iterdir()}
    assert set() == cached - {"uv", "pythons"}, "what was there, and what uv knows of Pythons, whom synth asks"
    assert (assembly / command[command.index("--context") + 1] / "uv.lock").is_file()
    assert "cdk.out" == command[command.index("--assembly") + 1]


def test_what_the_cli_runs_prints_the_archive_s_path_and_nothing_else(assembly: Path, machine: Path) -> None:
    """From the folder of the synth, from the assembly (where CDK Pipelines runs it), and from anywhere by a variable."""
    (command,) = archives(assembly).values()
    first = run(command, assembly.parent)
    assert (0, "") == (first.returncode, first.stderr)
    archive = Path(first.stdout.removesuffix("\n"))
    with zipfile.ZipFile(archive) as found:
        assert {"shop/main.py", "shop/__pycache__/main.cpython-314.pyc", "prices/__init__.py"} <= {*found.namelist()}
    elsewhere = machine / "another job"
    shutil.move(assembly.parent, elsewhere)
    assert first.stdout == run(command, elsewhere / "cdk.out").stdout
    moved = run(command, machine, UV_WORKSPACE_FUNCTION_ASSEMBLY=str(elsewhere / "cdk.out"))
    assert (first.stdout, "") == (moved.stdout, moved.stderr)


def test_an_unchanged_archive_is_not_built_again(assembly: Path, machine: Path) -> None:
    """Its second run writes no content anew: a content that is added takes another inode."""
    (command,) = archives(assembly).values()
    first = run(command, assembly.parent)
    before = {path: path.stat().st_ino for path in (machine / "xdg").rglob("blobs/*/*")}
    again = run(command, assembly.parent)
    assert (0, first.stdout) == (again.returncode, again.stdout)
    assert before == {path: path.stat().st_ino for path in (machine / "xdg").rglob("blobs/*/*")}


def test_an_assembly_that_is_not_there_is_told(assembly: Path, machine: Path) -> None:
    (command,) = archives(assembly).values()
    done = run(command, machine)
    assert (2, "") == (done.returncode, done.stdout)
    name = command[command.index("--context") + 1]
    assert (
        f"error: the build context {name} is neither in {machine / 'cdk.out'} nor in {machine}; run the CDK CLI in the folder that it ran in at "
        "synth, or set UV_WORKSPACE_FUNCTION_ASSEMBLY to the cloud assembly's folder\n"
    ) == done.stderr


def test_the_program_on_path_is_taken_where_the_synth_s_python_is_not(assembly: Path, machine: Path) -> None:
    """Another job has another environment, and CodeBuild has none of ours: then it says what to install."""
    (command,) = archives(assembly).values()
    command[3] = "/another/machine/.venv/bin/python"
    assert 0 == run(command, assembly.parent).returncode
    bare = machine / "bin"
    bare.mkdir()
    (bare / "sh").symlink_to("/bin/sh")
    done = run(command, assembly.parent, PATH=str(bare))
    assert (2, "") == (done.returncode, done.stdout)
    assert re.fullmatch(
        r"error: what makes the archive is neither in /another/machine/\.venv/bin/python nor on PATH; install "
        r"'uv-workspace-function\[oci\]==[\d.]+' where assets are published \(docs/zip-functions\.md\)\n",
        done.stderr,
    ), done.stderr


def test_a_context_of_another_version_is_refused(assembly: Path) -> None:
    """The program that makes the archive has to be the one that wrote its context."""
    (command,) = archives(assembly).values()
    context = assembly / command[command.index("--context") + 1]
    builder = context / ".uv-workspace-function/builder/layer.py"
    builder.write_text("older\n")
    done = run(command, assembly.parent)
    assert (2, "") == (done.returncode, done.stdout)
    assert "was made by another version of uv-workspace-function than the one that runs" in done.stderr


def edited(context: Path) -> None:
    """Code that somebody changed after synth."""
    (context / "shop/src/shop/main.py").write_text("def handler(event, context): return 3\n")


def without_executable_bits(context: Path) -> None:
    """What an artifact of GitHub Actions makes of a tree."""
    for path in context.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def without_a_file(context: Path) -> None:
    """An artifact without hidden files, and the like."""
    (context / "shop/src/shop/returns.py").unlink()


@pytest.mark.parametrize("damaged", [edited, without_executable_bits, without_a_file])
def test_a_context_that_is_not_the_synth_s_is_refused(
    shop_root: Path, machine: Path, damaged: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its archive would be published under the hash of another one, and stay."""
    root = Path(shutil.copytree(shop_root, machine / "repository"))
    (root / "shop/src/shop/tool.sh").write_text("#!/bin/sh\n")
    (root / "shop/src/shop/tool.sh").chmod(0o755)
    monkeypatch.chdir(machine)
    app = cdk.App(outdir=str(machine / "cdk.out"))
    UvWorkspaceZipFunction(cdk.Stack(app, "Stack"), "Fn", workspace=Workspace.load(root), service="shop")
    app.synth()
    (command,) = archives(machine / "cdk.out").values()
    name = command[command.index("--context") + 1]
    damaged(machine / "cdk.out" / name)
    done = run(command, machine)
    assert (
        f"error: the build context {name} is not the one that the synth wrote; synthesize again; where another job did, have it hand over the "
        "cloud assembly as a tar, which keeps executable bits\n"
    ) == done.stderr
    assert (2, "") == (done.returncode, done.stdout)


@pytest.mark.parametrize("variable", ["UV_WORKSPACE_DOCKER_NO_BACKENDS", "UV_WORKSPACE_DOCKER_IMAGES"])
def test_a_job_that_may_run_no_backend_runs_none(
    shop_root: Path, machine: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of zip functions as little as of images: such a job has credentials."""
    root = Path(shutil.copytree(shop_root, machine / "repository"))
    pyproject = root / "prices/pyproject.toml"
    pyproject.write_text(
        re.sub(
            r"requires = .*\nbuild-backend = .*",
            'requires = ["hatchling"]\nbuild-backend = "hatchling.build"',
            pyproject.read_text(),
        )
    )
    monkeypatch.chdir(machine)
    app = cdk.App(outdir=str(machine / "cdk.out"))
    UvWorkspaceZipFunction(cdk.Stack(app, "Stack"), "Fn", workspace=Workspace.load(root), service="shop")
    app.synth()
    (command,) = archives(machine / "cdk.out").values()
    done = run(command, machine, **{variable: str(machine)})
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("error: prices is built by a backend that uv does not carry, which runs code; ")


def test_variables_name_the_cache_and_the_interpreter(assembly: Path, machine: Path) -> None:
    """Those of the CDK CLI's other program, which messages name."""
    (command,) = archives(assembly).values()
    (machine / "cache").mkdir()
    (machine / "cache/uv").symlink_to((machine / "xdg/uv-workspace-function/uv").resolve(), target_is_directory=True)
    cache = str(machine / "cache")
    wrong = run(command, assembly.parent, UV_WORKSPACE_DOCKER_CACHE=cache, UV_WORKSPACE_DOCKER_INTERPRETER="/bin/false")
    assert "error: /bin/false does not answer as a Python does; give another Python 3.14\n" == wrong.stderr
    done = run(command, assembly.parent, UV_WORKSPACE_DOCKER_CACHE=cache)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(f"{machine}/cache/blobs/")


def test_cdk_pipelines_publish_it_with_what_is_installed_there(
    shop: Workspace, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their asset step runs in the assembly: an install command puts the program there."""
    monkeypatch.chdir(machine)
    app = cdk.App(outdir=str(machine / "pipeline.out"))
    stack = cdk.Stack(app, "Pipeline", env=cdk.Environment(account="333333333333", region="eu-west-1"))
    source = pipelines.CodePipelineSource.connection("shop/shop", "main", connection_arn="arn:aws:x:y:z:1:2")
    install = cdk.aws_codebuild.BuildSpec.from_object(
        {"phases": {"install": {"commands": ["pip install 'uv-workspace-function[oci]'"]}}}
    )
    made = pipelines.CodePipeline(
        stack,
        "Pipeline",
        cross_account_keys=True,
        synth=pipelines.ShellStep("Synth", input=source, commands=["uv run --frozen python app.py"]),
        asset_publishing_code_build_defaults=pipelines.CodeBuildOptions(partial_build_spec=install),
    )
    stage = cdk.Stage(app, "Production", env=cdk.Environment(account="222222222222", region="eu-west-1"))
    UvWorkspaceZipFunction(cdk.Stack(stage, "Shop"), "Shop", workspace=shop, service="shop")
    made.add_stage(stage)
    made.build_pipeline()
    template = json.dumps(Template.from_stack(stack).to_json())
    assert "pip install 'uv-workspace-function[oci]'" in template
    (command,) = archives(machine / "pipeline.out/assembly-Production").values()
    done = run(command, machine / "pipeline.out")
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"archive": ZipOptions(python_version="3.15")},
            (
                "Lambda has no managed runtime for Python 3.15; it has: 3.10, 3.11, 3.12, 3.13, 3.14; give one of these, or take an image, whose base "
                "image brings its own Python"
            ),
        ),
        (
            {"architecture": lambda_.Architecture.custom("riscv64")},
            "Lambda does not run on the machine 'riscv64'; machines are: aarch64, x86_64",
        ),
        (
            {"image": ImageOptions()},
            (
                "image= does not work for a function from a zip archive; it is for a function from an image (UvWorkspaceFunction); write "
                "archive=ZipOptions(...)"
            ),
        ),
        (
            {"runtime": lambda_.Runtime.PYTHON_3_14},
            (
                "runtime= does not work for a function from a zip archive; the runtime is that of the Python version: write "
                "archive=ZipOptions(python_version='3.14')"
            ),
        ),
        ({"runtime_sdk": True}, "runtime_sdk= is an option of the archive; write archive=ZipOptions(runtime_sdk=...)"),
        (
            {"archive": ImageOptions()},
            (
                "the options of an archive must be ZipOptions, not an object of type ImageOptions; write ZipOptions(python_version='3.14') and the "
                "like"
            ),
        ),
        (
            {"archive": ZipOptions(build_secrets={"netrc": "env=NETRC"})},
            "the build secret 'netrc' is a variable, and for an archive it has to be a file; give DockerBuildSecret.from_src('/path/of/file')",
        ),
        (
            {"handler": "shop.main.gone"},
            None,
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_work_is_refused_at_synth(
    stack: cdk.Stack, shop: Workspace, options: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    """And nothing is written."""
    with pytest.raises(WorkspaceError) as refused:
        UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop", **options)
    if message is None:
        assert "shop.main.gone" in str(refused.value)
    else:
        assert message == str(refused.value)
    assert [] == [*(tmp_path / "cdk.out").rglob("*")]


def test_equal_archives_with_other_secrets_are_refused(stack: cdk.Stack, shop: Workspace) -> None:
    """A stack has them once, so one's secrets would be lost; equal ones in another spelling are fine."""
    one = ZipOptions(build_secrets={"netrc": "src=/a/netrc"})
    UvWorkspaceZipFunction(stack, "One", workspace=shop, service="shop", archive=one)
    same = ZipOptions(build_secrets={"netrc": "type=file,source=/a/netrc"})
    UvWorkspaceZipFunction(stack, "Same", workspace=shop, service="shop", archive=same)
    other = ZipOptions(python_version="3.13", build_secrets={"netrc": "src=/b/netrc"})
    UvWorkspaceZipFunction(stack, "Other", workspace=shop, service="shop", archive=other)
    message = (
        "Stack/One and Stack/None are the same archive of 'shop', which is built once, but differ in build_secrets; give both the same, for "
        "example by one value of ZipOptions"
    )
    with pytest.raises(WorkspaceError) as refused:
        UvWorkspaceZipFunction(stack, "None", workspace=shop, service="shop")
    assert message == str(refused.value)
    assert len(archives_of(stack)) == 2
    nested = cdk.NestedStack(stack, "Nested")
    with pytest.raises(WorkspaceError, match=r"^Stack/One and Stack/Nested/Fn are the same archive of 'shop'"):
        UvWorkspaceZipFunction(nested, "Fn", workspace=shop, service="shop")


def archives_of(stack: cdk.Stack) -> dict[str, list[str]]:
    """The commands that make a stack's archives, by the asset's hash."""
    app = cdk.App.of(stack)
    assert app is not None
    return archives(Path(app.synth().directory))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("src=/home/env=prod/netrc", "/home/env=prod/netrc"),
        ("type=file,source=/src=1/netrc", "/src=1/netrc"),
        ("source=/a,src=/b", "/a,src=/b"),
    ],
)
def test_a_secret_s_path_is_taken_whole(stack: cdk.Stack, shop: Workspace, value: str, path: str) -> None:
    """Whatever words are in it."""
    options = ZipOptions(build_secrets={"netrc": value})
    UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop", archive=options)
    (command,) = archives_of(stack).values()
    assert path == command[command.index("--netrc") + 1]


def test_a_context_that_cannot_be_written_is_an_error_of_ours(shop: Workspace, tmp_path: Path) -> None:
    """Not one of the JavaScript that the CDK is written in."""
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out")), "Stack")
    (tmp_path / "cdk.out/zip-functions").write_text("in the way")
    with pytest.raises(WorkspaceError, match=r"cdk\.out/zip-functions/shop-"):
        UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop")


@pytest.mark.parametrize("construct", [UvWorkspaceFunction, UvWorkspaceZipFunction])
def test_a_function_reads_its_closure_once(
    construct: type[UvWorkspaceFunction | UvWorkspaceZipFunction],
    stack: cdk.Stack,
    shop: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service passes the workspace's room once on its way to an asset, handler and name included."""
    asked: list[str] = []
    read = Workspace.closure

    def noted(workspace: Workspace, name: str, extras: Iterable[str] = ()) -> Closure:
        asked.append(name)
        return read(workspace, name, extras)

    monkeypatch.setattr(Workspace, "closure", noted)
    construct(stack, "Fn", workspace=shop, service="Shop")
    assert ["Shop"] == asked


@pytest.mark.parametrize("construct", [UvWorkspaceFunction, UvWorkspaceZipFunction])
def test_an_assembly_that_cannot_be_written_is_an_error_of_ours(
    construct: type[UvWorkspaceFunction | UvWorkspaceZipFunction], shop: Workspace, tmp_path: Path
) -> None:
    gone = cdk.Stack(cdk.App(outdir=str(tmp_path / "gone")), "Stack")
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").write_text("in the way")
    with pytest.raises(WorkspaceError) as refused:
        construct(gone, "Fn", workspace=shop, service="shop")
    expected = f"the cloud assembly {tmp_path}/gone cannot be written: file exists"
    assert (expected, "make its folder writable, or give another one (cdk synth --output)") == refused.value.args


def test_an_unknown_option_is_a_type_error(stack: cdk.Stack, shop: Workspace) -> None:
    message = (
        r"^UvWorkspaceZipFunction\(\) got an unexpected keyword argument 'memroy_size'; did you mean 'memory_size'\?$"
    )
    with pytest.raises(TypeError, match=message):
        UvWorkspaceZipFunction(stack, "Fn", workspace=shop, service="shop", memroy_size=512)  # type: ignore[call-arg]


def test_what_hardly_fits_is_a_warning_at_synth_and_what_can_not_is_refused(
    stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the wheels' sizes in this repository's lock."""
    workspace = Workspace.load(Path(__file__).parents[2])
    monkeypatch.setattr(managed_runtime, "ARCHIVE_LIMIT", 50 * 1024**2)
    UvWorkspaceZipFunction(stack, "Fits", workspace=workspace, service="daily-report")
    text = Match.string_like_regexp(
        r"the wheels of daily-report are \d+ MB packed, some \d+ MB unpacked with bytecode, and Lambda takes 50 MB of an archive; the largest are "
        r"botocore \d+ MB, .*\. The build tells whether it fits; take an image \(UvWorkspaceFunction\), or lock smaller builds of them.*"
    )
    Annotations.from_stack(stack).has_warning("/Stack/Fits", text)
    monkeypatch.setattr(managed_runtime, "ARCHIVE_LIMIT", 20 * 1024**2)
    with pytest.raises(
        WorkspaceError,
        match=r"^the wheels of daily-report are \d+ MB packed, and Lambda takes 20 MB of an archive unpacked; ",
    ):
        UvWorkspaceZipFunction(stack, "Large", workspace=workspace, service="daily-report")


def test_checks_know_its_service_and_its_target(shop: Workspace, shop_root: Path, tmp_path: Path) -> None:
    """`services check --cdk-out` takes it for deployed, for the Python and processor that it has."""
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    options = {"archive": ZipOptions(python_version="3.13"), "architecture": lambda_.Architecture.X86_64}
    UvWorkspaceZipFunction(cdk.Stack(app, "Stack"), "Fn", workspace=shop, service="shop", **options)  # type: ignore[arg-type]
    app.synth()
    assert () == image_assets(tmp_path / "cdk.out")
    (found,) = service_assets(tmp_path / "cdk.out")
    assert ("shop", "3.13", "x86_64") == (found.service, found.target(Target()).python, found.target(Target()).machine)
    assert [] == not_deployed(shop_root, tmp_path / "cdk.out")
    empty = cdk.App(outdir=str(tmp_path / "empty"))
    cdk.Stack(empty, "Stack")
    empty.synth()
    assert ["shop"] == not_deployed(shop_root, tmp_path / "empty")


def not_deployed(root: Path, assembly: Path) -> list[str]:
    """The services that the gate finds in no stack."""
    command = ["check", f"--workspace={root}", f"--cdk-out={assembly}", "--format=json"]
    result = CliRunner().invoke(main, command)
    return [each["member"] for each in json.loads(result.stdout)["findings"] if each["code"] == "UWF010"]


def test_the_hidden_command_needs_its_options(machine: Path) -> None:
    """A call by hand is answered in words."""
    done = run(["uv-workspace-function", "zip-asset"], machine)
    assert 2 == done.returncode
    assert "Missing option '--assembly'" in done.stderr
    assert zip_asset_command.command.hidden
