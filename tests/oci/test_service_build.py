"""`services build`: what a change runs, what is shared, what a build sees, and what is refused.

Covers also: builder/__main__.py, builder/files.py, cli/build_command.py, cli/builds.py,
cli/image_options.py, oci/backends.py, oci/image.py, oci/image_builds.py, oci/layer_builds.py,
oci/interpreter.py, oci/layers.py, oci/layout.py, oci/output.py, oci/request.py, oci/sbom.py,
oci/staged.py, oci/steps.py, oci/tree.py.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner
from images.shop import write_package
from images.wheels import write_wheel
from oci.bases import FILES, TO_RUN, write_base
from oci.conftest import Build, digests, reused
from running.test_signals import is_running
from uv_workspace_function.cli.build_command import command
from uv_workspace_function.cli.main import main
from uv_workspace_function.oci import output
from uv_workspace_function.oci.store import Store
from wheelhouse import uv

ALL = {"root", "heavy", "medium", "light", "local", "code"}
EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # head -c 1024 /dev/zero | sha256sum


def test_a_code_line_runs_one_step(build: Build, shop: Path) -> None:
    """All other layers are those that are kept."""
    before = build("orders")
    assert set() == reused(before)
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")
    after = build("orders")
    assert ALL - {"code"} == reused(after)
    assert {"code"} == {name for name in ALL if digests(before)[name] != digests(after)[name]}


def test_nothing_changed_runs_nothing(build: Build) -> None:
    """And the image is the same."""
    before, after = build("orders"), build("orders")
    assert ALL == reused(after)
    assert before["digest"] == after["digest"]


def test_a_build_from_scratch_elsewhere_makes_the_same_image(
    build: Build, shop: Path, cache: Path, tmp_path: Path
) -> None:
    """Another folder, another cache: no new layer, no new blob."""
    before = build("orders")
    elsewhere = Path(shutil.copytree(shop, tmp_path / "deeper" / "elsewhere"))
    other = tmp_path / "other-cache"
    other.mkdir()
    (other / "uv").symlink_to((cache / "uv").resolve(), target_is_directory=True)
    after = build("orders", workspace=elsewhere, cache=other)
    assert set() == reused(after)
    assert (before["digest"], before["layers"]) == (after["digest"], after["layers"])


def test_what_is_installed_leaves_the_cache_of_uv_as_it_is(build: Build, shop: Path, cache: Path) -> None:
    """Its files are linked, and some are changed: lists of files, bytecode of a wheel, scripts, what two packages bring."""
    stale, script = "first/__pycache__/main.cpython-314.pyc", "first-1.0.data/scripts/first"
    shared = {"first/main.py": "x = 1\n", "first/tool": "x = 1\n"}
    first = {**shared, stale: "stale", script: "#!python\n", "both.txt": "first"}
    wheels = [
        write_wheel(shop / "wheels", "first", "1.0", first),
        write_wheel(shop / "wheels", "second", "1.0", {**shared, "both.txt": "second"}, mode=0o755),
    ]
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("'prices'", "'prices', 'first', 'second'"))
    uv("lock", cwd=shop)
    build("orders")
    kept = [path for path in (cache / "uv-cache/archive-v0").rglob("*") if path.is_file()]
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                same = [path for path in kept if path.as_posix().endswith(f"/{entry.filename}")]
                found = {(path.read_bytes(), bool(path.stat().st_mode & 0o100)) for path in same}
                assert (archive.read(entry), bool(entry.external_attr >> 16 & 0o100)) in found, entry.filename
                assert len(found) <= len(wheels)


def test_services_with_equal_third_party_packages_share_them(build: Build, shop: Path) -> None:
    """`billing` has other local packages than `orders`, and the same third-party ones."""
    pyproject = shop / "services/billing/pyproject.toml"
    pyproject.write_text(
        pyproject.read_text().replace("'small'", "'stock'") + "[tool.uv.sources.stock]\nworkspace = true\n"
    )
    uv("lock", cwd=shop)
    orders, billing = build("orders"), build("billing")
    assert {"heavy", "medium", "light"} == reused(billing) & {"heavy", "medium", "light"}
    assert digests(orders)["light"] == digests(billing)["light"] != EMPTY
    assert digests(orders)["local"] != digests(billing)["local"]


def test_a_new_base_image_runs_no_step_of_ours(build: Build, tmp_path: Path) -> None:
    """Its folders are of another time, so the layers have other heads; what is in them is not made anew."""
    before = build("orders")
    newer = write_base(tmp_path / "newer", time=1_800_000_000)
    after = build("orders", f"--base-image=oci:{newer}")
    assert ALL - {"root"} == reused(after)
    fresh = build("orders", f"--base-image=oci:{newer}", "--verify")
    assert digests(after) == digests(fresh) != digests(before)
    assert after["digest"] == fresh["digest"] != before["digest"]


def test_the_guards_are_asked_again_of_a_new_base_image(build: Build, tmp_path: Path) -> None:
    """Its Python and its C library."""
    build("orders")
    other = write_base(
        tmp_path / "other", files={"var/lang/bin/python3.13": b""}, links={"var/lang/bin/python3": "python3.13"}
    )
    assert build("orders", f"--base-image=oci:{other}", code=2).startswith(
        "the base image has Python 3.13, but PYTHON_VERSION is 3.14; "
    )
    old = write_base(tmp_path / "old", files={**FILES, "usr/lib64/libc.so.6": b"GNU C Library release version 2.26.\n"})
    assert build("orders", f"--base-image=oci:{old}", code=2).startswith(
        "the base image has glibc 2.26, but wheels were"
    )


def test_verify_finds_a_package_that_is_another_one_each_time(build: Build, shop: Path, tmp_path: Path) -> None:
    """It compares what a step makes now with what is kept."""
    _use_backend(shop, f"open(src, 'a').write('x = ' + repr(open({str(tmp_path / 'moment')!r}).read()))")
    (tmp_path / "moment").write_text("1")
    build("orders", "--verify")
    build("orders", "--verify")
    (tmp_path / "moment").write_text("2")
    assert ALL == reused(build("orders"))
    assert build("orders", "--verify", code=2) == (
        "orders: install-service made a different layer than the one in the cache (code); its packages or their backends are not "
        "reproducible; without --verify the layer in the cache is used"
    )


def test_a_backend_sees_neither_variables_nor_the_home_of_who_builds(
    build: Build, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes out all that it sees."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wonderland")
    monkeypatch.setenv("GITHUB_TOKEN", "wonderland")
    monkeypatch.setenv("UV_INDEX_COMPANY_PASSWORD", "wonderland")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.aws").mkdir(parents=True)
    (tmp_path / "home/.aws/credentials").write_text("wonderland")
    seen = tmp_path / "seen"
    _use_backend(
        shop,
        "import os, json, pathlib; home = pathlib.Path.home(); aws = home / '.aws/credentials'; "
        f"open({str(seen)!r}, 'w').write(json.dumps([dict(os.environ), str(home), aws.read_text() if aws.exists() else '']))",
    )
    build("orders")
    variables, home, credentials = json.loads(seen.read_text())
    assert "wonderland" not in seen.read_text()
    assert "" == credentials
    assert str(tmp_path / "home") != home == variables["HOME"]
    assert [] == [name for name in variables if name.startswith(("AWS_", "GITHUB_", "UV_INDEX_"))]


def test_a_backend_can_read_the_passwords_of_indexes(build: Build, shop: Path, tmp_path: Path) -> None:
    """As the documentation says: it inherits where they are, and there is no sandbox. So give it a password that only reads."""
    netrc, seen = tmp_path / "netrc", tmp_path / "seen"
    netrc.write_text("machine example.com login reader password wonderland\n")
    _use_backend(shop, f"import os; open({str(seen)!r}, 'w').write(open(os.environ['NETRC']).read())")
    build("orders", netrc=netrc)
    assert netrc.read_text() == seen.read_text()


def test_without_backends_only_what_uv_builds_itself_is_built(build: Build, shop: Path) -> None:
    """`uv_build` in a range that holds uv's version runs no code."""
    for pyproject in shop.glob("*/*/pyproject.toml"):
        pyproject.write_text(
            pyproject.read_text().replace('requires = ["uv_build"]', 'requires = ["uv_build>=0.13,<0.14"]')
        )
    uv("lock", cwd=shop)
    build("orders", "--no-backends")
    _use_backend(shop, "pass")
    assert build("orders", "--no-backends", code=2).startswith(
        "orders is built by a backend that uv does not carry, which runs code; leave --no-backends out, set package = false in its "
        "[tool.uv], or have uv_build build it, in a range that holds 0.13."
    )


def test_a_package_that_compiles_code_is_refused(build: Build, shop: Path) -> None:
    """Where its backend says that what it built is for this machine alone."""
    _use_backend(shop, "pass", tag="cp314-cp314-linux_aarch64")
    answer = build("orders", code=2)
    assert answer.endswith("build this one with the engine")


def test_an_archive_is_a_layout_that_is_replaced_whole(build: Build, tmp_path: Path, shop: Path) -> None:
    """And nothing else is."""
    place = tmp_path / "out/orders.tar"
    first = build("orders", "--output", place)
    with tarfile.open(place) as archive:
        assert ["oci-layout", "index.json", "manifest.json"] == archive.getnames()[:3]
        content = archive.extractfile("index.json")
        assert content is not None
        (manifest,) = json.loads(content.read())["manifests"]
        configuration = archive.extractfile(f"blobs/{first['configuration'].replace(':', '/')}")
        assert configuration is not None
        document = json.loads(configuration.read())
    assert first["digest"] == manifest["digest"]
    assert {"architecture", "config", "created", "history", "os", "rootfs"} == document.keys()
    assert ("1980-01-01T00:00:00Z", TO_RUN) == (document["created"], document["config"])
    names = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    assert ["docker.io/library/orders:latest", "latest"] == [manifest["annotations"][name] for name in names]
    content_before = place.read_bytes()
    (shop / "services/orders/src/orders/main.py").write_text("x = 1\n")
    second = build("orders", "--output", place)
    assert first["digest"] != second["digest"]
    assert content_before != place.read_bytes()
    assert [place] == [*place.parent.iterdir()]
    place.write_text("mine")
    assert build("orders", "--output", place, code=2) == (
        f"{place} exists, and is not an image of an earlier build; it was left as it is; give another --output, or remove it"
    )
    assert "mine" == place.read_text()


def test_an_archive_has_the_name_that_it_is_given(build: Build, tmp_path: Path) -> None:
    """With a tag in any case: a port is none."""
    place = tmp_path / f"{'o' * 251}.tar"  # as long as a file's name may be
    for name, expected in (("a.example.com:5000/b", "a.example.com:5000/b:latest"), ("b:1", "docker.io/library/b:1")):
        build("orders", "--output", place, "--name", name)
        with tarfile.open(place) as archive:
            content = archive.extractfile("index.json")
            assert content is not None
            (manifest,) = json.loads(content.read())["manifests"]
        assert expected == manifest["annotations"]["io.containerd.image.name"]


def test_an_archive_can_be_a_base_image(build: Build, tmp_path: Path) -> None:
    """It is a layout as any other; files that it has already are not written again."""
    place = tmp_path / "orders.tar"
    build("orders", "--output", place)
    answer = build("orders", f"--base-image=oci:{place}")
    assert {EMPTY} == {digest for name, digest in digests(answer).items()}


def test_a_folder_is_the_task_folder(build: Build, tmp_path: Path, python_314: Path) -> None:
    """It is replaced as long as nobody changed it."""
    place = tmp_path / "orders"
    build("orders", "--format=folder", "--output", place)
    script = "import sys; sys.path.insert(0, sys.argv[1]); import orders.main, prices, heavy; print(orders.main.handler(7, None))"
    done = subprocess.run([python_314, "-S", "-B", "-c", script, place], check=True, capture_output=True, text=True)
    assert "7\n" == done.stdout
    assert {315532800} == {int(path.stat().st_mtime) for path in [place, *place.rglob("*")]}
    build("orders", "--format=folder", "--output", place)
    (place / "orders/main.py").write_text("mine")
    assert "was left as it is" in build("orders", "--format=folder", "--output", place, code=2)
    assert "mine" == (place / "orders/main.py").read_text()


def test_a_folder_that_cannot_take_its_place_leaves_the_one_before(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that was moved already."""
    place = tmp_path / "task"
    build("orders", "--format=folder", "--output", place)
    before = sorted(place.rglob("*"))
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target == place and self.name == "task":
            raise OSError(errno.EIO, "input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    message = build("orders", "--format=folder", "--output", place, code=2)
    assert message.startswith(f"{place} could not be written: input/output error; ")
    assert before == sorted(place.rglob("*"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_all_services_are_built_into_a_folder(build: Build, tmp_path: Path) -> None:
    answers = build("--all", "--output", tmp_path / "images", "--sbom", tmp_path / "sboms")
    assert ["billing", "orders", "other"] == [answer["service"] for answer in answers]
    assert {"billing.tar", "orders.tar", "other.tar"} == {path.name for path in (tmp_path / "images").iterdir()}
    assert {"billing.cdx.json", "orders.cdx.json", "other.cdx.json"} == {
        path.name for path in (tmp_path / "sboms").iterdir()
    }


def test_a_list_of_what_is_in_it_is_the_locked_closure(build: Build, tmp_path: Path, shop: Path) -> None:
    """The same bytes each time, without what only other platforms need."""
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("'prices'", "'prices', \"unused; sys_platform == 'win32'\""))
    uv("lock", cwd=shop)
    build("orders", "--sbom", tmp_path / "1.json")
    build("orders", "--sbom", tmp_path / "2.json")
    document = json.loads((tmp_path / "1.json").read_text())
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    names = ["heavy", "medium", "prices", "small", "stock", "tiny"]
    assert names == [component["name"] for component in document["components"]]
    assert "CycloneDX" == document["bomFormat"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--base-image=oci:/no/such/layout"],
            "there is not an OCI layout /no/such/layout; name the folder or the archive of one",
        ),
        (
            ["--architecture=x86_64"],
            "{base} is not for linux/amd64; it is for: linux/arm64; give another base image or architecture",
        ),
        (["--netrc=/no/netrc"], "there is no file /no/netrc; give --netrc the file with the passwords of indexes"),
        (["--uv-image=example.com/uv@sha256:" + "0" * 64], "without an engine, uv is installed from its wheel, and "),
        (
            ["--build-arg=BUILDER_IMAGE=a/b:1"],
            "the build argument BUILDER_IMAGE means nothing without an engine: the builder is ",
        ),
        (["--build-arg=PYTHN=3"], "the build knows no argument PYTHN; arguments are: BASE_IMAGE, "),
        (["--target-folder=/"], "target_folder must be an absolute path below / in the image, not '/'"),
        (["--build-arg=TARGET_FOLDER=/"], "TARGET_FOLDER is '/'; give an absolute path below /"),
        (["--build-arg=SOURCE_DATE_EPOCH=today"], "SOURCE_DATE_EPOCH is 'today'; give seconds since 1970 in digits, "),
        (["--build-arg=SOURCE_DATE_EPOCH=1_000"], "SOURCE_DATE_EPOCH is '1_000'; give seconds since 1970 in digits, "),
        (["--build-arg=SOURCE_DATE_EPOCH=253402300800"], "SOURCE_DATE_EPOCH is '253402300800'; give seconds since "),
        (["--name=Orders:1"], "'Orders:1' is not a container image; write repository:tag or "),
    ],
)
def test_what_cannot_be_built_is_refused(build: Build, base: Path, arguments: list[str], message: str) -> None:
    """Before anything is built."""
    assert build("orders", *arguments, code=2).startswith(message.replace("{base}", f"oci:{base}"))


def test_a_python_of_another_version_is_refused(build: Build) -> None:
    """Its bytecode would not be the image's."""
    other = Path("/no/python")
    assert (
        build("orders", interpreter=other, code=2)
        == "/no/python does not answer as a Python does; give another Python 3.14"
    )
    other = Path(sys.executable)
    answer = build("orders", interpreter=other, code=2)
    assert answer.startswith(
        f"{other} is cpython {'.'.join(map(str, sys.version_info[:3]))}, but bytecode is needed from CPython"
    )


def test_a_script_that_starts_a_python_is_asked_for_it_each_time(
    build: Build, shop: Path, tmp_path: Path, python_314: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's are: which one it starts is no matter of the script's content, and in a step it would find nothing."""
    script = tmp_path / "python3.14"
    script.write_text('#!/bin/sh\nexec "$CHOSEN" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CHOSEN", str(python_314))
    assert set() == reused(build("orders", interpreter=script))
    monkeypatch.setenv("CHOSEN", sys.executable)
    assert f"{script} is cpython {sys.version_info[0]}.{sys.version_info[1]}." in build(
        "orders", interpreter=script, code=2
    )


def test_a_python_is_found_from_the_folder_of_the_command(
    build: Build, tmp_path: Path, python_314: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a relative path, which is another one elsewhere, and by its name on PATH."""
    monkeypatch.chdir(python_314.parent)
    assert set() == reused(build("orders", interpreter=Path(python_314.name)))
    monkeypatch.chdir(tmp_path)
    message = f"{tmp_path / python_314.name} does not answer as a Python does; give another Python 3.14"
    assert message == build("orders", interpreter=Path(python_314.name), code=2)
    monkeypatch.setenv("PATH", str(python_314.parent), prepend=":")
    assert ALL == reused(build("orders", interpreter=Path(python_314.name)))


def test_a_python_that_may_not_be_fetched_is_a_sentence(
    shop: Path, base: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that fetches it."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(cache / "none"))
    monkeypatch.setenv("PATH", "/nowhere")
    command = ["build", "orders", f"--workspace={shop}", f"--cache={cache}", f"--base-image=oci:{base}"]
    result = CliRunner().invoke(main, command)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr == (
        "error: only Python 3.14 compiles bytecode for Python 3.14; this machine has none, and uv may not "
        "download one (UV_PYTHON_DOWNLOADS); run `uv python install 3.14`, name one with --interpreter (CDK_DOCKER: UV_WORKSPACE_DOCKER_INTERPRETER), or build an image with the engine\n"
    )


def test_files_of_a_namespace_that_a_layer_below_has_are_not_written_again(
    build: Build, shop: Path, tmp_path: Path
) -> None:
    """As BuildKit doesn't: tests/images/test_layers.py has the same with an engine."""
    write_wheel(shop / "wheels", "spaced", "1.0", {"space/__init__.py": "", "space/one.py": ""})
    write_package(shop / "libraries/space", "spaced", code="")
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(
        pyproject.read_text().replace("'prices'", "'prices', 'space'") + "[tool.uv.sources.space]\nworkspace = true\n"
    )
    uv("lock", cwd=shop)
    build("orders", "--output", tmp_path / "orders.tar")
    with tarfile.open(tmp_path / "orders.tar") as archive:
        content = archive.extractfile("manifest.json")
        assert content is not None
        (image,) = json.loads(content.read())
        names = []
        for blob in image["Layers"][1:]:
            with tarfile.open(fileobj=archive.extractfile(blob), mode="r:*") as layer:
                names += [member.name for member in layer if member.isfile()]
    assert 1 == names.count("var/task/space/__init__.py")
    assert 1 == names.count("var/task/space/main.py")


def _use_backend(shop: Path, line: str, *, tag: str = "py3-none-any") -> None:
    """Have the service built by a backend of its own, which runs a line; `src` is the module that it packs."""
    service = shop / "services/orders"
    (service / "own_backend.py").write_text(
        "import hashlib, zipfile\n"
        "def get_requires_for_build_wheel(config_settings=None):\n    return []\n"
        "def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):\n"
        "    src = 'src/orders/main.py'\n"
        f"    {line}\n"
        f"    name = 'orders-1.0.0-{tag}.whl'\n"
        "    info = 'orders-1.0.0.dist-info/'\n"
        "    files = {'orders/__init__.py': '', 'orders/main.py': open(src).read(),\n"
        "             info + 'METADATA': 'Metadata-Version: 2.1\\nName: orders\\nVersion: 1.0.0\\n',\n"
        f"             info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: {tag}\\n'}}\n"
        "    rows = ''.join(f'{n},,\\n' for n in [*files, info + 'RECORD'])\n"
        "    with zipfile.ZipFile(f'{wheel_directory}/{name}', 'w') as archive:\n"
        "        for path, text in {**files, info + 'RECORD': rows}.items():\n"
        "            archive.writestr(path, text)\n"
        "    return name\n"
    )
    pyproject = service / "pyproject.toml"
    text = pyproject.read_text()
    start = text.index("[build-system]")
    end = text.index('build-backend = "uv_build"') + len('build-backend = "uv_build"') if "uv_build" in text else -1
    own = '[build-system]\nrequires = []\nbuild-backend = "own_backend"\nbackend-path = ["."]'
    pyproject.write_text(text[:start] + own + text[end:] if end > 0 else text)
    if "own_backend.py" not in text:
        uv("lock", cwd=shop)


def test_a_whole_disk_is_said_and_leaves_nothing(
    shop: Path, base: Path, cache: Path, python_314: Path, tmp_path: Path
) -> None:
    """Of what may be written to a file no more than 5 MB: the heavy layer has ten."""
    place = tmp_path / "out/orders.tar"
    command = [
        sys.executable,
        "-m",
        "uv_workspace_function.cli.main",
        "build",
        "orders",
        f"--workspace={shop}",
        f"--cache={cache}",
    ]
    command += [f"--interpreter={python_314}", f"--base-image=oci:{base}", f"--output={place}"]
    limited = ["sh", "-c", 'ulimit -f 17000; exec "$@"', "sh", *command]
    code = "import sys; from uv_workspace_function.cli.main import main; main()"
    limited[limited.index("-m") : limited.index("build")] = ["-c", code]
    done = subprocess.run(limited, check=False, capture_output=True, text=True, env={**os.environ})
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not place.exists()
    assert [] == [*(cache / "tmp").glob("*")]


@pytest.mark.parametrize("step", ["install-third-party", "install-libraries", "install-service", "layout"])
def test_a_build_that_was_killed_is_made_anew(
    build: Build, shop: Path, base: Path, cache: Path, python_314: Path, step: str
) -> None:
    """At each of its steps. What it had started may still write: that is waited for."""
    code = "from uv_workspace_function.cli.main import main; main()"
    command = [sys.executable, "-c", code, "build", "orders", f"--workspace={shop}", f"--cache={cache}"]
    process = subprocess.Popen(
        [*command, f"--interpreter={python_314}", f"--base-image=oci:{base}"], stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not any(cache.glob(f"work/*/{step}")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.kill()
    process.wait()
    after = build("orders")
    assert [] == [*(cache / "work").iterdir()]
    assert after["digest"] == build("orders", "--verify")["digest"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda sent: sent.name)
def test_a_signal_ends_a_backend(
    shop: Path, base: Path, cache: Path, python_314: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    """One that takes its time: nobody waits for it."""
    seen = tmp_path / "seen"
    _use_backend(shop, f"import os, time; open({str(seen)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    code = "from uv_workspace_function.cli.main import main; main()"
    command = [sys.executable, "-c", code, "build", "orders", f"--workspace={shop}", f"--cache={cache}"]
    command += [f"--interpreter={python_314}", f"--base-image=oci:{base}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (seen.exists() and seen.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert (128 + sent, f"ended by {sent.name}\n") == (process.returncode, said)
    assert not is_running(int(seen.read_text()))
    assert [] == [*(cache / "work").iterdir()]


def test_who_waits_for_a_lock_waits_for_children_of_a_killed_process_too(tmp_path: Path) -> None:
    """They hold it for as long as they live."""
    code = (
        "import subprocess, sys; from pathlib import Path; from uv_workspace_function.oci.store import Store\n"
        "with Store(Path(sys.argv[1])).work_folder('orders') as (folder, lock):\n"
        "    child = subprocess.Popen(['sh', '-c', f'sleep 1; echo late > {folder}/file'], pass_fds=(lock,))\n"
        "    print('started', flush=True)\n"
        "    child.wait()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"started\n" == process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    with Store(tmp_path).work_folder("orders") as (folder, _):
        time.sleep(0.2)
        assert [] == [*folder.iterdir()]


def test_every_form_is_offered() -> None:
    """`--format` stands where nothing of this room is loaded yet: a form that is new here would not be asked for."""
    (option,) = (option for option in command.params if option.name == "form")
    assert isinstance(option.type, click.Choice)
    assert [*get_args(output.Form)] == [*option.type.choices] == [*output._KINDS]
