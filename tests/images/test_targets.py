"""What an image can be built on and for: without emulation, for other bases and folders, with and without options."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from images.engine import LAMBDA_BASE, BuildFailedError, Engine, Image
from images.shop import build, stage, write_package, write_shop
from images.wheels import write_wheel
from uv_workspace_function.context.arguments import build_arguments
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

DOCKERFILE = Path(__file__).parents[2] / "infra/uv_workspace_function/Dockerfile"
EMULATION = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
TIME = 315532800


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small monorepo, with a service that needs nothing and one that uv does not build."""
    root = write_shop(tmp_path_factory.mktemp("shop") / "repository")
    write_package(root / "services/lonely", code="ALONE = True\n")
    plain = root / "services/plain"
    plain.mkdir()
    (plain / "pyproject.toml").write_text(
        '[project]\nname = "plain"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["prices"]\n[project.optional-dependencies]\nmore = ["unused"]\n'
        "[tool.uv.sources.prices]\nworkspace = true\n"
    )
    (plain / "main.py").write_text("import prices\n\n\ndef handler(event, context):\n    return prices.PRICE\n")
    (plain / "table.csv").write_text("1,2\n")
    write_wheel(root / "vendor", "vendored", "1.0", {"vendored.py": "HERE = True\n"})
    vendoring = root / "services/vendoring"
    write_package(vendoring, "vendored", code="import vendored\n")
    text = (vendoring / "pyproject.toml").read_text()
    path = 'path = "../../vendor/vendored-1.0-py3-none-any.whl"'
    (vendoring / "pyproject.toml").write_text(text.replace("workspace = true", path))
    uv("lock", cwd=root)
    return root


@pytest.fixture(scope="module")
def orders(engine: Engine, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """An image with all defaults."""
    return build(engine, shop, "orders", tmp_path_factory.mktemp("orders") / "context")


def test_the_stages_of_the_image_run_nothing() -> None:
    """On the image's own platform there are instructions that copy, and one that labels; all others name the builder's."""
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    parents = {text.partition("\n")[0].rpartition(" AS ")[2]: text.split()[0] for text in stages}
    of_the_target = {"base"}
    while (
        grown := {name for name, parent in parents.items() if parent in of_the_target or "runtime-" in parent}
        - of_the_target
    ):
        of_the_target |= grown
    instructions = {
        line.split()[0]
        for text in stages
        for line in text.partition("\n")[2].splitlines()
        if text.partition("\n")[0].rpartition(" AS ")[2] in of_the_target and re.match(r"[A-Z]+ ", line)
    }
    assert of_the_target == {"base", "runtime-off", "runtime-allow", "runtime"}
    assert instructions == {"ARG", "COPY", "LABEL"}


def test_a_base_image_without_programs_will_do(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """For arm64, on a base of one empty file: there is nothing that could run, so nothing of the target ran."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "python3.14").touch()
    (base / "Dockerfile").write_text("FROM scratch\nCOPY python3.14 /var/lang/bin/\n")
    name = engine.build(base, {}, platform="linux/arm64").name
    image = build(engine, shop, "orders", tmp_path / "context", platform="linux/arm64", BASE_IMAGE=name)
    assert "var/task/orders/main.py" in image.stored.files
    assert image.stored.config["architecture"] == "arm64"
    # The base has no /var/task, so it comes with the image, with the time of everything else.
    assert image.stored.layers["root"].members["var/task"].mtime == TIME


@contextmanager
def _emulation_off() -> Iterator[None]:
    EMULATION.write_text("0")
    try:
        yield
    finally:
        EMULATION.write_text("1")


def test_an_arm64_image_is_built_with_emulation_switched_off(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """On another processor, where no arm64 program can run, and with nothing in the cache."""
    if engine.native == "linux/arm64":
        pytest.skip("this machine runs arm64 programs itself; the test needs another processor")
    if os.environ.get("CI") != "true":
        pytest.skip("it switches emulation off for the whole machine; set CI=true where nobody else needs it")
    context, arguments = stage(shop, "orders", tmp_path / "context")
    if not EMULATION.exists():
        engine.build(context, arguments, "--no-cache")
        return
    run = ["docker", "run", "--rm", "--platform=linux/arm64", "--entrypoint=python3", LAMBDA_BASE, "-c", ""]
    with _emulation_off():
        refused = subprocess.run(run, capture_output=True, text=True, check=False)
        image = engine.build(context, arguments, "--no-cache")
    assert "exec format error" in refused.stderr
    assert image.python("import orders.main; print(orders.ORDERS)", "--workdir=/var/task") == "none yet\n"


def test_a_service_that_needs_nothing(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """No package, no library: its code alone."""
    image = build(engine, shop, "lonely", tmp_path / "context")
    assert {name for name, layer in image.stored.layers.items() if layer.files} == {"code"}
    assert image.python("import lonely.main, lonely; print(lonely.ALONE)", "--workdir=/var/task") == "True\n"


def test_a_service_that_uv_does_not_build(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """No build system: its folder is copied, data and all; an extra that is asked for is installed."""
    image = build(engine, shop, "plain", tmp_path / "context")
    assert {path.removeprefix("var/task/") for path in image.stored.layers["code"].files} == {
        *("main.py", "__pycache__/main.cpython-314.pyc", "table.csv"),
    }
    assert image.python("import main; print(main.handler(0, 0))", "--workdir=/var/task") == "2\n"
    assert "var/task/unused.py" not in image.stored.files


def test_a_copied_library_for_another_platform_is_left_out(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """As one that uv installs would be."""
    root = Path(shutil.copytree(shop, tmp_path / "repository"))
    for name, marker in {"shim": "sys_platform == 'win32'", "kept": "sys_platform == 'linux'"}.items():
        write_package(root / "libraries" / name, code="")
        with (root / "libraries" / name / "pyproject.toml").open("a") as stream:
            stream.write("[tool.uv]\npackage = false\n")
        pyproject = root / "services/lonely/pyproject.toml"
        text = pyproject.read_text().replace("dependencies = [", f'dependencies = ["{name} ; {marker}", ')
        pyproject.write_text(f"{text}[tool.uv.sources.{name}]\nworkspace = true\n")
    uv("lock", cwd=root)
    image = build(engine, root, "lonely", tmp_path / "context")
    assert {path.split("/")[2] for path in image.stored.layers["local"].files} == {"kept"}


def test_extras_of_the_service_are_installed(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """By the build argument, as the construct gives it."""
    context, arguments = stage(shop, "plain", tmp_path / "context", extras=["more"])
    assert arguments["SERVICE_EXTRAS"] == "more"
    image = engine.build(context, arguments, platform=engine.native)
    assert "var/task/unused.py" in image.stored.layers["light"].files


def test_a_wheel_in_the_repository_is_third_party(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """A path dependency on a wheel is in a third-party layer, though uv counts it among the local packages."""
    image = build(engine, shop, "vendoring", tmp_path / "context")
    assert "var/task/vendored.py" in image.stored.layers["light"].files
    assert image.python("import vendoring, vendored; print(vendored.HERE)", "--workdir=/var/task") == "True\n"


def test_a_processor_that_lambda_lacks_is_refused(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Before anything was installed for it."""
    folder, arguments = stage(shop, "lonely", tmp_path / "context")
    with pytest.raises(BuildFailedError) as caught:
        engine.build(folder, {**arguments, "TARGETARCH": "riscv64"}, platform=engine.native)
    assert (
        "error: no Lambda runs on linux/riscv64; build for one of linux/amd64, linux/arm64, or give PYTHON_PLATFORM"
    ) in str(caught.value)


def test_a_builder_with_another_python_is_refused(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """It would compile bytecode that the image takes no notice of."""
    folder, arguments = stage(shop, "lonely", tmp_path / "context")
    images = {"BASE_IMAGE": LAMBDA_BASE, "BUILDER_IMAGE": LAMBDA_BASE}
    with pytest.raises(BuildFailedError) as caught:
        engine.build(folder, {**arguments, **images, "PYTHON_VERSION": "3.13"}, platform=engine.native)
    assert (
        "error: the builder's python3 is Python 3.14, but PYTHON_VERSION is 3.13; give a BUILDER_IMAGE with Python 3.13"
    ) in str(caught.value)


def test_folders_above_the_target_keep_their_owner_and_mode(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """A user's home, and a folder that all may write to: to copy a folder onto one gives it another owner."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "Dockerfile").write_text(
        f"FROM {LAMBDA_BASE}\nRUN mkdir -p /home/app /srv/real && chmod 700 /home/app && chown 1000:1000 /home/app && "
        "chmod 1777 /srv && ln -s real /srv/link\nUSER 1000\n"
    )
    name = engine.build(base, {}, platform=engine.native).name
    show = "import os; print([(oct(s.st_mode & 0o7777), s.st_uid, s.st_gid) for s in map(os.stat, {})])"
    for target, folders, expected in (
        ("/home/app/src", ["/home", "/home/app"], [("0o755", 0, 0), ("0o700", 1000, 1000)]),
        (
            "/srv/link/sub/deep",
            ["/srv", "/srv/real", "/srv/real/sub"],
            [("0o1777", 0, 0), ("0o755", 0, 0), ("0o755", 0, 0)],
        ),
    ):
        image = build(
            engine, shop, "lonely", tmp_path / target.replace("/", "-"), BASE_IMAGE=name, TARGET_FOLDER=target
        )
        seen = engine.docker("run", "--rm", "--user=0", "--entrypoint=python3", image.name, "-c", show.format(folders))
        assert seen == f"{expected}\n"
        assert (
            engine.docker(
                "run", "--rm", f"--workdir={target}", "--entrypoint=python3", image.name, "-c", "import lonely"
            )
            == ""
        )


def test_what_a_builder_image_says_of_its_python_changes_nothing(
    engine: Engine, shop: Path, orders: Image, tmp_path: Path
) -> None:
    """Nor what it says to uv for another project: the layers are the same, docstrings in the bytecode and all."""
    folder = tmp_path / "builder"
    folder.mkdir()
    said = (
        "PYTHONOPTIMIZE=2 PYTHONSAFEPATH=1 UV_NO_SOURCES=1 UV_NO_SYNC=1 UV_PROJECT=/elsewhere UV_WORKING_DIR=/elsewhere"
    )
    said += " UV_NO_INSTALL_LOCAL=1 UV_NO_INSTALL_WORKSPACE=1 UV_NO_INSTALL_PROJECT=1 UV_NO_EDITABLE=0 UV_EXCLUDE_NEWER=2020-01-01"
    (folder / "Dockerfile").write_text(f"FROM {LAMBDA_BASE}\nENV {said}\n")
    name = engine.build(folder, {}, platform=engine.native).name
    image = build(engine, shop, "orders", tmp_path / "context", BUILDER_IMAGE=name)
    assert image.stored.digests == orders.stored.digests


def test_a_plain_container(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Another base image and another folder, of which the base has no part: the same service, run by its module."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "Dockerfile").write_text(f'FROM {LAMBDA_BASE}\nENTRYPOINT []\nCMD ["python3"]\n')
    name = engine.build(base, {}, platform=engine.native).name
    context, arguments = stage(shop, "orders", tmp_path / "context")
    arguments |= {"BASE_IMAGE": name, "TARGET_FOLDER": "/srv/app/site"}
    # BuildKit's cache takes folders that differ in their times alone for equal.
    image = engine.build(context, arguments, "--no-cache-filter=layout,runtime-off", platform=engine.native)
    assert {path.rpartition("/site/")[0] for path in image.stored.files} == {"srv/app"}
    assert {path: member.mtime for path, member in image.stored.layers["root"].members.items()} == dict.fromkeys(
        ("srv", "srv/app", "srv/app/site"), TIME
    )
    assert image.stored.config["config"].get("Entrypoint") in (None, [])
    options = ["--rm", "--read-only", "--network=none", "--workdir=/srv/app/site", image.name]
    shown = engine.docker("run", *options, "python3", "-c", "import orders; print(orders.__cached__, orders.PRICE)")
    assert shown == "/srv/app/site/orders/__pycache__/__init__.cpython-314.pyc 2\n"


def test_no_bytecode_where_none_is_wanted(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """INCLUDE_BYTECODE=0."""
    image = build(engine, shop, "orders", tmp_path / "context", INCLUDE_BYTECODE="0")
    assert [path for path in image.stored.files if path.endswith(".pyc") or "__pycache__" in path] == []


def test_snap_start_is_a_label_and_no_layer(engine: Engine, shop: Path, orders: Image, tmp_path: Path) -> None:
    """Without the argument there is no such label, not even an empty one."""
    label = "com.amazonaws.lambda.feature.snapstart"
    assert label not in (orders.stored.config["config"].get("Labels") or {})
    image = build(engine, shop, "orders", tmp_path / "context", SNAP_START="allow")
    assert image.stored.config["config"]["Labels"][label] == "Allow"
    assert image.stored.digests == orders.stored.digests


def test_every_image_can_come_from_a_mirror(engine: Engine, shop: Path, orders: Image, tmp_path: Path) -> None:
    """Nothing asks the registries of the defaults, and the layers are the same."""
    mirrors = {"public.ecr.aws": "mirror.example.com/aws", "ghcr.io": "mirror.example.com/github"}
    context = BuildContext.of(Workspace.load(shop), "orders")
    context.write(tmp_path / "context")
    arguments = build_arguments(context, Target(python="3.14", machine="aarch64"), {}, mirrors=mirrors)
    images = {name: value for name, value in arguments.items() if name.endswith("_IMAGE")}
    for name in set(images.values()):
        mirror = max((mirror for mirror in mirrors.values() if name.startswith(mirror)), key=len)
        (original,) = (origin + name.removeprefix(mirror) for origin, known in mirrors.items() if known == mirror)
        engine.docker("tag", original, name)
        engine.made.append(name)
    image = engine.build(tmp_path / "context", arguments, platform=engine.native)
    assert set(re.findall(r"^#\d+ \[\w+ 1/\d+\] FROM ([^@\s]+)", image.log, re.MULTILINE)) == set(images.values())
    assert image.stored.digests == orders.stored.digests


def test_the_image_says_nothing_of_how_it_is_started(orders: Image, engine: Engine, tmp_path: Path) -> None:
    """Entry point, command, user, folder and environment are the base image's."""
    (tmp_path / "Dockerfile").write_text(f"FROM {LAMBDA_BASE}\n")
    base = engine.build(tmp_path, {}, platform=engine.native)
    assert orders.stored.config["config"] == base.stored.config["config"]
