"""`services build --format zip`: the files of the image's task folder, the same bytes everywhere, within what Lambda takes.

Covers also: cli/zip_archives.py, oci/runtime.py, target/managed_runtime.py.
"""

import json
import random
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from images.shop import write_package
from images.wheels import write_wheel
from oci.conftest import Build
from uv_workspace_function.cli.main import main
from uv_workspace_function.context.arguments import build_arguments
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import zip_builds
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target import managed_runtime
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

EPOCH = (1980, 1, 1, 0, 0, 0)


def in_zip(archive: Path) -> dict[str, tuple[int, bytes]]:
    """Permissions and content of each file."""
    with zipfile.ZipFile(archive) as found:
        return {
            entry.filename: (entry.external_attr >> 16 & 0o777, found.read(entry.filename))
            for entry in found.infolist()
        }


def in_image(archive: Path) -> Mapping[str, tuple[int, bytes]]:
    """Those of an image's task folder, layer over layer."""
    files = {}
    with tarfile.open(archive) as layout:
        manifest = layout.extractfile("manifest.json")
        assert manifest is not None
        ((_, layers),) = re.findall(rb'"(Layers)":\[(.*?)\]', manifest.read())
        for blob in layers.decode().replace('"', "").split(",")[1:]:
            with tarfile.open(fileobj=layout.extractfile(blob), mode="r:*") as layer:
                for member in layer:
                    if stream := layer.extractfile(member):
                        files[member.name.removeprefix("var/task/")] = (member.mode, stream.read())
    return files


def test_it_has_the_files_of_the_image(build: Build, base: Path, tmp_path: Path) -> None:
    """Names, permissions and bytes, bytecode among them."""
    build("orders", "--format=zip", "--output", tmp_path / "orders.zip", f"--cache={tmp_path / 'of-zip'}")
    build("orders", f"--base-image=oci:{base}", "--output", tmp_path / "orders.tar")
    found = in_zip(tmp_path / "orders.zip")
    assert in_image(tmp_path / "orders.tar") == found
    assert {
        "orders/main.py",
        "orders/__pycache__/main.cpython-314.pyc",
        "heavy/data.bin",
        "stock/__init__.py",
    } <= found.keys()
    # PEP 552: by the source's hash, which is not compared
    flags = {content[4:8] for path, (_, content) in found.items() if path.endswith(".pyc")}
    assert {b"\1\0\0\0"} == flags


def test_two_builds_in_two_places_have_the_same_bytes(build: Build, shop: Path, cache: Path, tmp_path: Path) -> None:
    """Another folder, another cache, another order on disk; of one time, in one order."""
    one = build("orders", "--format=zip", "--output", tmp_path / "one.zip")
    elsewhere = Path(shutil.copytree(shop, tmp_path / "deeper" / "elsewhere"))
    other = tmp_path / "other-cache"
    other.mkdir()
    (other / "uv").symlink_to((cache / "uv").resolve(), target_is_directory=True)
    two = build("orders", "--format=zip", "--output", tmp_path / "two.zip", workspace=elsewhere, cache=other)
    assert (False, False) == (one["reused"], two["reused"])
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert one["digest"] == two["digest"]
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {EPOCH} == {entry.date_time for entry in archive.infolist()}
        assert sorted(archive.namelist(), key=str.encode) == archive.namelist()


def test_its_handler_runs_in_a_clean_folder(build: Build, tmp_path: Path, python_314: Path) -> None:
    """By the target's Python, as it was unpacked: no module is compiled again, whatever the time of its source."""
    build("orders", "--format=zip", "--output", tmp_path / "orders.zip")
    with zipfile.ZipFile(tmp_path / "orders.zip") as archive:
        archive.extractall(tmp_path / "task")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import orders.main, prices, heavy; print(orders.main.handler(7, None))"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "task").rglob("*.pyc")}
    done = subprocess.run(
        [python_314, "-S", "-v", "-c", script, tmp_path / "task"], check=True, capture_output=True, text=True
    )
    assert "7\n" == done.stdout
    assert f"code object from '{tmp_path / 'task/orders/__pycache__/main.cpython-314.pyc'}'" in done.stderr.replace(
        '"', "'"
    )
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "task").rglob("*.pyc")}


def test_an_unchanged_service_is_not_built_again(build: Build, shop: Path, tmp_path: Path) -> None:
    """And a line of code makes another archive."""
    one = build("orders", "--format=zip")
    two = build("orders", "--format=zip", "--output", tmp_path / "orders.zip")
    assert (False, True) == (one["reused"], two["reused"])
    assert one["digest"] == two["digest"]
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")
    three = build("orders", "--format=zip", "--output", tmp_path / "orders.zip")
    assert (False, True) == (three["reused"], one["digest"] != three["digest"])
    assert [tmp_path / "orders.zip"] == [*tmp_path.glob("*.zip")]


def test_all_services_are_built_into_a_folder(build: Build, tmp_path: Path) -> None:
    answers = build("--all", "--format=zip", "--output", tmp_path / "zips")
    assert ["billing", "orders", "other"] == [answer["service"] for answer in answers]
    assert {"billing.zip", "orders.zip", "other.zip"} == {path.name for path in (tmp_path / "zips").iterdir()}


def test_what_is_there_and_is_none_of_ours_stays(build: Build, tmp_path: Path) -> None:
    place = tmp_path / "orders.zip"
    place.write_text("mine")
    assert build("orders", "--format=zip", "--output", place, code=2) == (
        f"{place} exists, and is not a zip archive of an earlier build; it was left as it is; give another --output, or remove it"
    )
    assert "mine" == place.read_text()


def with_sdk(shop: Path) -> None:
    """Wheels of the names that the runtime has, needed as the real ones need each other; `orders` needs boto3."""
    for name, needs in {
        "boto3": ["botocore", "jmespath", "s3transfer"],
        "s3transfer": ["botocore"],
        "botocore": ["jmespath", "python-dateutil", "urllib3"],
        "jmespath": [],
        "python-dateutil": ["six"],
        "six": [],
        "urllib3": [],
        "requests": ["urllib3"],
        "pynamodb": ["botocore"],
    }.items():
        module = name.replace("-", "_")
        files: dict[str, str | bytes] = {f"{module}/__init__.py": f"NAME = {name!r}\n"}
        write_wheel(shop / "wheels", name, "1.0", files, requires=needs)
    needing(shop, "boto3")


def sized(shop: Path) -> None:
    """Have the lock tell the wheels' sizes, as it does for those of an index."""
    lock = shop / "uv.lock"
    lock.write_text(
        re.sub(
            r'\{ path = "([^"]+\.whl)"',
            lambda found: f"{found[0]}, size = {(shop / 'wheels' / found[1]).stat().st_size}",
            lock.read_text(),
        )
    )


def needing(shop: Path, *more: str) -> None:
    pyproject = shop / "services/orders/pyproject.toml"
    names = ["heavy", "medium", "prices", *more]
    pyproject.write_text(re.sub(r"(?m)^dependencies = .*$", f"dependencies = {names}", pyproject.read_text()))
    uv("lock", cwd=shop)


def modules(archive: Path) -> set[str]:
    return {path.partition("/")[0] for path in in_zip(archive) if not path.startswith("_")}


SDK = {"boto3", "botocore", "s3transfer", "jmespath", "python_dateutil", "six", "urllib3"}


def test_the_runtime_s_sdk_stays_out_when_the_user_says_so(build: Build, shop: Path, tmp_path: Path) -> None:
    """With its metadata and its bytecode, and nothing besides; what others need, stays."""
    with_sdk(shop)
    build("orders", "--format=zip", "--output", tmp_path / "whole.zip")
    less = build("orders", "--format=zip", "--runtime-sdk", "--output", tmp_path / "less.zip")
    assert sorted(name.replace("_", "-") for name in SDK) == less["left_out"]
    metadata = {f"{name}-1.0.dist-info" for name in SDK}
    assert modules(tmp_path / "whole.zip") - modules(tmp_path / "less.zip") == SDK | metadata
    assert modules(tmp_path / "less.zip") >= {"orders", "heavy", "prices"}
    needing(shop, "boto3", "requests")
    less = build("orders", "--format=zip", "--runtime-sdk", "--output", tmp_path / "less.zip")
    assert "urllib3" not in less["left_out"]
    assert {"requests", "urllib3"} <= modules(tmp_path / "less.zip")


def test_a_list_of_what_is_in_it_has_nothing_that_is_left_out(build: Build, shop: Path, tmp_path: Path) -> None:
    """Neither as a component nor as what one needs; it replaces an earlier one whole."""
    with_sdk(shop)
    (tmp_path / "orders.json").write_text("earlier")
    (tmp_path / "other-name.json").hardlink_to(tmp_path / "orders.json")
    build("orders", "--format=zip", "--runtime-sdk", "--sbom", tmp_path / "orders.json")
    document = json.loads((tmp_path / "orders.json").read_text())
    names = {component["name"] for component in document["components"]}
    assert set() == names & {name.replace("_", "-") for name in SDK}
    assert {"heavy", "medium", "prices"} <= names
    assert "boto" not in json.dumps(document["dependencies"])
    assert "earlier" == (tmp_path / "other-name.json").read_text()
    (tmp_path / "folder").mkdir()
    assert build("orders", "--format=zip", "--sbom", tmp_path / "folder", code=2) == (
        f"{tmp_path / 'folder'} could not be written: is a directory; nothing of it was left; make room, or give another --sbom"
    )


def run_of(shop: Path, cache: Path, python: Path, left_out: Collection[str] = (), **more: str) -> zip_builds.Zip:
    """The archive of `orders`, by a request that no option of a command can make."""
    context = BuildContext.of(Workspace.load(shop), "orders")
    arguments = {**build_arguments(context, Target(), {}, mirrors={}), **more}
    request = Request(context=StagedContext.of(context), platform="linux/arm64", arguments=arguments)
    (found,) = zip_builds.run(Store(cache), [request], Options(interpreter=python), left_out={"orders": left_out})
    return found


def test_an_archive_is_never_empty(shop: Path, cache: Path, python_314: Path) -> None:
    """Its files are those of the task folder that was built, whichever that is."""
    usual = run_of(shop, cache, python_314)
    assert usual.files == run_of(shop, cache, python_314, TARGET_FOLDER="/x").files > 0
    everything = ["heavy", "medium", "orders", "prices", "small", "stock", "tiny"]
    with pytest.raises(WorkspaceError) as refused:
        run_of(shop, cache, python_314, everything)
    assert (
        "the archive of orders would be empty: every file of it is of a package that is left to the runtime; leave fewer packages out"
    ) == str(refused.value)


def test_an_sdk_that_a_package_needs_stays_whole(shop: Path, build: Build, tmp_path: Path) -> None:
    """Half of it from the runtime, half of it locked, is what nobody has tried."""
    with_sdk(shop)
    needing(shop, "boto3", "pynamodb")
    less = build("orders", "--format=zip", "--runtime-sdk", "--output", tmp_path / "less.zip")
    assert [] == less["left_out"]
    assert modules(tmp_path / "less.zip") >= SDK


def test_an_archive_over_the_limit_is_refused_after_the_build_to_the_byte(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the packages that take most, and nothing written."""
    answer = build("orders", "--format=zip")
    store = tmp_path / "cache/records/zips"
    shutil.rmtree(store)
    monkeypatch.setattr(zip_builds, "ARCHIVE_LIMIT", answer["unpacked"])
    assert answer["digest"] == build("orders", "--format=zip")["digest"]
    shutil.rmtree(store)
    monkeypatch.setattr(zip_builds, "ARCHIVE_LIMIT", answer["unpacked"] - 1)
    assert build("orders", "--format=zip", "--output", tmp_path / "orders.zip", code=2) == (
        "the archive of orders is 11 MB unpacked, and Lambda takes 11 MB; the largest are heavy 9.5 MB, medium 1.9 MB; "
        "take an image (UvWorkspaceFunction), or lock smaller builds of them"
    )
    assert not (tmp_path / "orders.zip").exists()


def test_wheels_over_the_limit_are_refused_before_anything_is_built(
    build: Build, shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As they are downloaded: unpacked they are larger still."""
    sized(shop)
    monkeypatch.setattr(managed_runtime, "ARCHIVE_LIMIT", 11 * 1024**2)
    assert build("orders", "--format=zip", code=2) == (
        "the wheels of orders are 11 MB packed, and Lambda takes 11 MB of an archive unpacked; the largest are heavy 9.5 MB, medium 1.9 MB; "
        "take an image (UvWorkspaceFunction), or lock smaller builds of them"
    )
    assert not (tmp_path / "cache/blobs").exists()


def test_what_will_hardly_fit_is_warned_of(
    shop: Path, cache: Path, python_314: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an estimate, of which the build then knows better."""
    sized(shop)
    monkeypatch.setattr(managed_runtime, "ARCHIVE_LIMIT", 20 * 1024**2)
    command = [
        "build",
        "orders",
        "--format=zip",
        f"--workspace={shop}",
        f"--cache={cache}",
        f"--interpreter={python_314}",
    ]
    result = CliRunner().invoke(main, command)
    assert 0 == result.exit_code, result.output
    assert (
        "note: the wheels of orders are 11 MB packed, some 46 MB unpacked with bytecode, and Lambda takes 20 MB of an archive; the largest are "
        "heavy 9.5 MB, medium 1.9 MB. The build tells whether it fits; take an image (UvWorkspaceFunction), or lock smaller builds of them\n"
    ) == result.stderr
    assert re.fullmatch(
        r"orders  sha256:[0-9a-f]{64}\n  12\.0 MB, 12\.0 MB unpacked, for python3\.14\n", result.stdout
    ), result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--python=3.15"],
            (
                "error: Lambda has no managed runtime for Python 3.15; it has: 3.10, 3.11, 3.12, 3.13, 3.14; give one of these, or take an "
                "image, whose base image brings its own Python\n"
            ),
        ),
        (
            ["--base-image=a/b:1"],
            "Error: --base-image is for an image: an archive is unpacked on Lambda's own runtime\n",
        ),
        (["--snap-start"], "Error: --snap-start is for an image: an archive is unpacked on Lambda's own runtime\n"),
        (
            ["--architecture=riscv64"],
            "Error: Invalid value for '--architecture': 'riscv64' is not one of 'arm64', 'x86_64'.\n",
        ),
        (
            ["--build-arg=TARGET_FOLDER=/x"],
            ("Error: --build-arg TARGET_FOLDER is for an image: an archive is unpacked on Lambda's own runtime\n"),
        ),
        (
            ["--build-arg=PYTHON_PLATFORM=aarch64-unknown-linux-musl"],
            ("Error: --build-arg PYTHON_PLATFORM is for an image: an archive is unpacked on Lambda's own runtime\n"),
        ),
        (
            ["--format=image", "--runtime-sdk"],
            "Error: --runtime-sdk is for --format zip: an image brings its own boto3 or its base image's\n",
        ),
    ],
)
def test_what_an_archive_has_no_use_for_is_refused(shop: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["build", "orders", f"--workspace={shop}", "--format=zip", *arguments])
    assert 2 == result.exit_code
    assert result.stderr.endswith(message)


def test_a_package_that_needs_a_compiler_is_refused(build: Build, shop: Path, tmp_path: Path) -> None:
    """A wheel for another machine is none for this one, and nothing is written."""
    noise = random.Random(2)
    write_wheel(
        shop / "wheels", "fast", "1.0", {"fast/__init__.py": noise.randbytes(9).hex()}, tag="cp314-cp314-win_amd64"
    )
    write_package(shop / "services/quick", "fast", code="import fast\n")
    uv("lock", cwd=shop)
    answer = build("quick", "--format=zip", "--output", tmp_path / "quick.zip", code=2)
    assert answer.startswith(
        "fast 1.0 (needed by quick) has no wheel for CPython 3.14, aarch64, glibc 2.34; the lock has wheels for "
    )
    assert not (tmp_path / "quick.zip").exists()
