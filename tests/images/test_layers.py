"""What a change sends again, and that nothing else does: on a small monorepo of local wheels."""

import base64
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from images.engine import LAYERS, Engine, Image
from images.shop import build, stage, write_package
from images.wheels import write_wheel
from wheelhouse import uv

KIB = 1024
# 1980-01-01, the time of every file in every layer.
TIME = 315532800
THIRD_PARTY = ("root", "heavy", "medium", "light")


@pytest.fixture(scope="module")
def before(engine: Engine, original: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of `orders` before any change."""
    return build(engine, original, "orders", tmp_path_factory.mktemp("before") / "context")


def _changed(before: Image, after: Image) -> set[str]:
    return {name for name in LAYERS if before.stored.digests[name] != after.stored.digests[name]}


def _steps(log: str) -> Mapping[str, bool]:
    """The builder's steps by name, and whether BuildKit took them from its cache."""
    lines = log.splitlines()
    names = {
        line.partition(" ")[0]: line.split('"')[-2] for line in lines if '"-m", "builder"' in line and line[0] == "#"
    }
    return {name: f"{number} CACHED" in lines for number, name in names.items()}


def test_a_code_line_is_one_new_layer_and_runs_one_step(
    engine: Engine, shop: Path, before: Image, tmp_path: Path
) -> None:
    """A code line of the service makes one new layer of under 64 KiB, and every other digest stays."""
    (shop / "services/orders/src/orders/main.py").write_text(
        f"def handler(event, context):\n    return {uuid4().hex!r}\n"
    )
    after = build(engine, shop, "orders", tmp_path / "context")
    assert _changed(before, after) == {"code"}
    assert after.stored.layers["code"].size < 64 * KIB
    assert _steps(after.log) == {
        "split-inputs": False,
        "install-third-party": True,
        "install-libraries": True,
        "install-service": False,
        "check-layout": True,
    }


def test_a_library_line_leaves_the_third_party_layers(
    engine: Engine, shop: Path, before: Image, tmp_path: Path
) -> None:
    """A code line of a library two steps away makes one new layer."""
    (shop / "libraries/stock/src/stock/__init__.py").write_text("LEFT = 4\n")
    after = build(engine, shop, "orders", tmp_path / "context")
    assert _changed(before, after) == {"local"}
    assert _steps(after.log)["install-third-party"]


def test_a_small_bump_leaves_the_heavy_layers(engine: Engine, shop: Path, before: Image, tmp_path: Path) -> None:
    """A new version of a small package sends the light layer and no other."""
    write_wheel(shop / "wheels", "small", "1.1", {"small/__init__.py": "VERSION = '1.1'\n"}, requires=["tiny"])
    uv("lock", "--upgrade-package", "small", cwd=shop)
    after = build(engine, shop, "orders", tmp_path / "context")
    assert _changed(before, after) == {"light"}
    assert after.python("import small; print(small.VERSION)", "--workdir=/var/task") == "1.1\n"


def test_another_archive_of_the_same_version_is_seen(engine: Engine, shop: Path, before: Image, tmp_path: Path) -> None:
    """The lock has no hash of a wheel in a folder, and uv's cache knows it by name and version, in whatever workspace."""
    write_wheel(shop / "wheels", "tiny", "1.0", {"tiny.py": "VERSION = 'another'\n"})
    after = build(engine, shop, "orders", tmp_path / "context")
    assert _changed(before, after) == {"light"}
    assert after.python("import tiny; print(tiny.VERSION)", "--workdir=/var/task") == "another\n"


def test_a_new_package_moves_no_other(engine: Engine, shop: Path, before: Image, tmp_path: Path) -> None:
    """A package that comes goes to its own stratum; those that were there stay where they are."""
    write_wheel(shop / "wheels", "also", "1.0", {"also/__init__.py": "", "also/data.bin": os.urandom(3_000_000)})
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['also', 'heavy', "))
    uv("lock", cwd=shop)
    after = build(engine, shop, "orders", tmp_path / "context")
    # The service's own metadata names what it requires.
    assert _changed(before, after) == {"medium", "code"}


def test_a_change_elsewhere_builds_nothing(engine: Engine, shop: Path, before: Image, tmp_path: Path) -> None:
    """Another service that requires one more package changes the lock, and no byte of this image."""
    lock = (shop / "uv.lock").read_bytes()
    write_package(shop / "services/newcomer", "unused", "tiny", code="")
    uv("lock", cwd=shop)
    assert (shop / "uv.lock").read_bytes() != lock
    after = build(engine, shop, "orders", tmp_path / "context")
    assert after.stored.digest == before.stored.digest
    assert all(_steps(after.log).values())


def test_a_version_of_the_service_leaves_the_packages_alone(
    engine: Engine, shop: Path, before: Image, tmp_path: Path
) -> None:
    """A new version of the service, in pyproject.toml and uv.lock, installs no third-party package again."""
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "1.0.0"', 'version = "1.0.1"'))
    uv("lock", cwd=shop)
    after = build(engine, shop, "orders", tmp_path / "context")
    assert _changed(before, after) == {"code"}
    assert _steps(after.log)["install-third-party"]


def test_services_with_equal_packages_share_their_layers(
    engine: Engine, original: Path, before: Image, tmp_path: Path
) -> None:
    """A service that needs the same third-party packages has the same layers of them, digest by digest."""
    other = build(engine, original, "billing", tmp_path / "context")
    assert [other.stored.digests[name] for name in THIRD_PARTY] == [before.stored.digests[name] for name in THIRD_PARTY]
    assert other.stored.digests["code"] != before.stored.digests["code"]


def test_two_cold_builds_in_two_places_are_equal(
    engine: Engine, original: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The digests of all layers and of the manifest depend on no place, time, mode or cache."""
    first, arguments = stage(original, "orders", tmp_path / "one")
    second = Path(shutil.copytree(first, tmp_path_factory.mktemp("elsewhere") / "deeper" / "two"))
    for path in [second, *second.rglob("*")]:
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(path.stat().st_mode & ~0o022 | 0o020)
    images = [
        engine.build(folder, arguments | {"SOURCE_DATE_EPOCH": str(TIME)}, "--no-cache", platform=engine.native)
        for folder in (first, second)
    ]
    assert not any(_steps(images[1].log).values())
    assert images[0].stored.digests == images[1].stored.digests
    assert images[0].stored.digest == images[1].stored.digest


def test_files_that_packages_share_have_one_mode(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Two wheels bring the same 300 files, executable in one of them: which one is there, uv leaves to chance for each file."""
    files = {f"shared/s{n}": "#!/bin/sh\n" if n % 2 else "x\n" for n in range(300)}
    for name, mode in (("plain", 0o100644), ("executable", 0o100755)):
        write_wheel(shop / "wheels", name, "1.0", files, mode=mode)
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['plain', 'executable', 'heavy', "))
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    images = [
        engine.build(context, arguments, "--no-cache-filter=third-party", platform=engine.native) for _ in range(5)
    ]
    assert len({tuple(image.stored.digests.items()) for image in images}) == 1
    members = images[0].stored.layers["light"].members
    modes = {path: members[f"var/task/{path}"].mode for path in files}
    assert modes == {path: 0o755 if text.startswith("#!") else 0o644 for path, text in files.items()}


def test_a_namespace_that_packages_make_in_words_of_their_own(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """uv leaves to chance whose `__init__.py` and whose stray licence is there; in the image it is the same one each time."""
    idiom = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)"
    for name, text in (("ns-one", idiom), ("ns-two", f"{idiom}  # type: ignore\n"), ("ns-three", "")):
        files = {"ns/__init__.py": text, f"ns/{name[3:]}.py": "", "LICENSE.txt": name, "share/ns/x.txt": name}
        write_wheel(shop / "wheels", name, "1.0", files)
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['ns-one', 'ns-two', 'ns-three', 'heavy', "))
    uv("lock", cwd=shop)
    context, arguments = stage(shop, "orders", tmp_path / "context")
    images = [engine.build(context, arguments, "--no-cache", platform=engine.native) for _ in range(2)]
    assert images[0].stored.digests == images[1].stored.digests
    check = (
        "import ns.one, ns.two, ns.three, importlib.metadata as m; print(m.version('ns-two'), len(m.files('ns-two')))"
    )
    assert images[0].python(check, "--workdir=/var/task") == "1.0 5\n"
    stored = images[0].stored.files
    assert stored["var/task/LICENSE.txt"] == b"ns-one"
    rows = [row.split(",") for row in stored["var/task/ns_two-1.0.dist-info/RECORD"].decode().split()]
    (digest,) = [digest for path, digest, _ in rows if path == "ns/__init__.py"]
    content = hashlib.sha256(stored["var/task/ns/__init__.py"]).digest()
    assert digest == "sha256=" + base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_names_that_an_archive_has_records_for(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """Of no ASCII, and longer than plain archives take, in a wheel and in a local package; a build without an engine makes the same."""
    long = "/".join(["deep" * 20] * 3)
    names = ("grüße.txt", "数据/ファイル.txt", f"{'n' * 120}.txt", f"{long}/{'m' * 90}.txt", f"{'d' * 96}/x.txt")
    write_wheel(shop / "wheels", "odd", "1.0", {"odd/__init__.py": "", **{f"odd/{name}": name for name in names}})
    pyproject = shop / "services/orders/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['odd', 'heavy', "))
    for name in names:
        place = shop / "services/orders/src/orders" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    uv("lock", cwd=shop)
    files = build(engine, shop, "orders", tmp_path / "context").stored.files
    for folder in ("odd", "orders"):
        assert {name: name.encode() for name in names} == {n: files[f"var/task/{folder}/{n}"] for n in names}


def test_a_file_that_a_layer_below_has_is_not_written_again(engine: Engine, shop: Path, tmp_path: Path) -> None:
    """As packages of one namespace bring it; a build without an engine makes the same."""
    write_wheel(shop / "wheels", "spaced", "1.0", {"space/__init__.py": "", "space/one.py": ""})
    write_package(shop / "libraries/space", "spaced", code="")
    pyproject = shop / "services/orders/pyproject.toml"
    table = "[tool.uv.sources.space]\nworkspace = true\n"
    pyproject.write_text(pyproject.read_text().replace("['heavy', ", "['space', 'heavy', ") + table)
    uv("lock", cwd=shop)
    layers = build(engine, shop, "orders", tmp_path / "context").stored.layers
    assert ["light"] == [name for name, layer in layers.items() if "var/task/space/__init__.py" in layer.files]


def test_every_entry_has_one_time_and_plain_modes(before: Image) -> None:
    """Files belong to root, are 0644 or 0755, and are of 1980."""
    for layer in before.stored.layers.values():
        for path, member in layer.members.items():
            if path == "var":
                continue  # the base image's own folder, as it is there
            assert (member.uid, member.gid, member.mtime) == (0, 0, TIME), path
            assert oct(member.mode) == oct(0o755 if member.isdir() else 0o644), path


def test_an_image_holds_its_closure_and_nothing_else(before: Image) -> None:
    """By hand: what each package of the closure consists of, and the bytecode of each module."""
    modules = {
        "heavy": ["heavy/__init__", "heavy/data.bin"],
        "medium": ["medium/__init__", "medium/data.bin"],
        "light": ["small/__init__", "tiny"],
        "local": ["stock/__init__", "stock/main", "prices/__init__", "prices/main"],
        "code": ["orders/__init__", "orders/main"],
    }
    versions = {
        "heavy": ["heavy-1.0"],
        "medium": ["medium-1.0"],
        "light": ["small-1.0", "tiny-1.0"],
        "local": ["prices-1.0.0", "stock-1.0.0"],
        "code": ["orders-1.0.0"],
    }
    for layer, names in modules.items():
        expected = {
            f"{version}.dist-info/{file}" for version in versions[layer] for file in ("METADATA", "RECORD", "WHEEL")
        }
        for name in names:
            folder, _, stem = name.rpartition("/")
            compiled = f"{folder}/__pycache__/{stem}.cpython-314.pyc".removeprefix("/")
            expected |= {name} if "." in name else {f"{name}.py", compiled}
        assert {path.removeprefix("var/task/") for path in before.stored.layers[layer].files} == expected
    assert before.stored.layers["root"].files == {}
