"""The builder's parts, on workspaces and environments made by hand: what each layer depends on, and what goes where.

Covers also: builder/bytecode.py, builder/compiled.py, builder/distributions.py, builder/home.py, builder/install.py,
builder/layer.py, builder/markers.py, builder/strata.py, builder/workspace.py.
"""

import csv
import importlib.util
import marshal
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images.wheels import write_wheel
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from uv_workspace_function.builder import bytecode, layer, markers
from uv_workspace_function.builder.compiled import refuse_compiled
from uv_workspace_function.builder.distributions import Distribution, File, installed
from uv_workspace_function.builder.errors import BuildError
from uv_workspace_function.builder.home import Home
from uv_workspace_function.builder.install import rebuilding
from uv_workspace_function.builder.strata import strata
from uv_workspace_function.builder.workspace import LocalPackage, Workspace
from wheelhouse import uv

LOCK = """
version = 1

[[package]]
name = "orders"
version = "2.0.0"
source = { editable = "services/orders" }
dependencies = [
    { name = "prices" },
    { name = "six" },
]

[package.optional-dependencies]
reports = [
    { name = "charts", extra = ["fast"] },
]

[[package]]
name = "prices"
version = "1.0.0"
source = { editable = "libraries/prices" }
dependencies = [
    { name = "stock" },
]

[[package]]
name = "stock"
source = { virtual = "libraries/stock" }

[[package]]
name = "charts"
version = "1.0.0"
source = { directory = "libraries/charts" }

[package.optional-dependencies]
fast = [
    { name = "vendored" },
]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://example.com/simple" }

[[package]]
name = "vendored"
version = "1"
source = { path = "vendor/vendored-1-py3-none-any.whl" }
"""


def _write(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def _paths(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A context as it is staged, with a bit of everything."""
    return _write(
        tmp_path / "context",
        {
            "Dockerfile": "",
            ".uv-workspace-function/builder/__main__.py": "",
            ".uv-workspace-function/build-env.json": "{}",
            "pyproject.toml": "[tool.uv.workspace]\n",
            "uv.lock": LOCK,
            "uv.toml": "no-index = true\n",
            "vendor/vendored-1-py3-none-any.whl": "wheel",
            "services/orders/pyproject.toml": '[project]\nname = "orders"\nversion = "2.0.0"\n',
            "services/orders/src/orders/main.py": "",
            "services/orders/nested/charts.txt": "",
            "services/orders/src/orders/template/uv.lock": "",
            "libraries/prices/pyproject.toml": '[project]\nversion = "1.0.0"\nname = "prices"\n',
            "libraries/prices/src/prices/__init__.py": "",
            "libraries/stock/pyproject.toml": "",
            "libraries/stock/stock.py": "",
        },
    )


def test_a_service_is_found_by_any_spelling_of_its_name(repository: Path) -> None:
    """As uv takes them."""
    for spelling in ("orders", "Orders", "ORDERS"):
        assert Workspace.read(repository, spelling).service.folder == PurePosixPath("services/orders")


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("", "SERVICE_NAME is empty; give the service's name with --build-arg SERVICE_NAME=NAME"),
        ("a;b", "SERVICE_NAME is 'a;b', which no package can be named; give the service's package name"),
        ("-a", "SERVICE_NAME is '-a', which no package can be named; give the service's package name"),
        ("six", "uv.lock has no local package 'six'; it has: charts, orders, prices, stock"),
    ],
)
def test_a_service_that_is_none_is_refused(repository: Path, service: str, message: str) -> None:
    """With what there is."""
    with pytest.raises(BuildError) as caught:
        Workspace.read(repository, service)
    assert str(caught.value) == message


def test_a_standalone_project_is_found_below_the_root(tmp_path: Path) -> None:
    """Its paths are relative to its own folder, and lead out of it."""
    lock = """
[[package]]
name = "legacy"
source = { editable = "." }
dependencies = [{ name = "logging" }]
[[package]]
name = "logging"
source = { directory = "../common/logging" }
"""
    root = _write(tmp_path, {"services/legacy/uv.lock": lock, "services/common/logging/pyproject.toml": ""})
    workspace = Workspace.read(root, "legacy")
    assert workspace.project == PurePosixPath("services/legacy")
    assert workspace.local["logging"].folder == PurePosixPath("services/common/logging")

    data = "services/legacy/src/legacy/templates"
    _write(root, {f"{data}/a/uv.lock": "{{ not a lock }}", f"{data}/b/uv.lock": lock.replace("legacy", "other")})
    assert Workspace.read(root, "legacy").project == PurePosixPath("services/legacy")

    shutil.rmtree(root / data)
    _write(root, {"services/other/uv.lock": lock})
    with pytest.raises(BuildError) as caught:
        Workspace.read(root, "legacy")
    assert str(caught.value) == (
        "the build context needs one uv.lock, at its root or below; found: services/legacy/uv.lock, services/other/uv.lock"
    )


def test_a_closure_follows_requirements_and_the_extras_asked_for(repository: Path) -> None:
    """The service's own extras, and those that edges ask for."""
    workspace = Workspace.read(repository, "orders")
    assert workspace.closure([], "aarch64") == {"orders", "prices", "stock", "six"}
    assert workspace.closure(["reports"], "aarch64") == {"orders", "prices", "stock", "six", "charts", "vendored"}


def test_a_closure_holds_what_the_target_needs(tmp_path: Path) -> None:
    """Markers hold for copied packages, too."""
    lock = """
[[package]]
name = "a"
source = { editable = "a" }
dependencies = [
    { name = "everywhere", marker = "sys_platform == 'linux' and python_full_version >= '3.11'" },
    { name = "on-arm", marker = "platform_machine == 'aarch64'" },
    { name = "on-windows", marker = "sys_platform == 'win32'" },
]
"""
    workspace = Workspace.read(_write(tmp_path, {"uv.lock": lock}), "a")
    assert workspace.closure([], "aarch64") == {"a", "everywhere", "on-arm"}
    assert workspace.closure([], "x86_64") == {"a", "everywhere"}


_VERSION = st.sampled_from(["3.9", "3.11", "3.11.7", "3.12", "3.14", "3.14.1", "4"])
_ANY_VERSION = st.sampled_from(["python_version", "python_full_version"])
_COMPARED = st.one_of(
    st.builds("{} {} '{}'".format, _ANY_VERSION, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), _VERSION),
    st.builds("{} {} '3.{}.*'".format, _ANY_VERSION, st.sampled_from(["==", "!="]), st.integers(9, 14)),
    st.builds(
        "{} {} '{}'".format,
        st.sampled_from(["sys_platform", "platform_system", "platform_machine", "os_name", "implementation_name"]),
        st.sampled_from(["==", "!="]),
        st.sampled_from(["linux", "Linux", "win32", "aarch64", "x86_64", "posix", "cpython"]),
    ),
    st.builds(
        "'{}' {} sys_platform".format, st.sampled_from(["linux", "win", "lin"]), st.sampled_from(["in", "not in"])
    ),
)
_MARKERS = st.recursive(
    _COMPARED, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=6
)


@settings(max_examples=300, derandomize=True)
@given(marker=_MARKERS)
def test_a_marker_holds_as_it_does_for_packaging(marker: str) -> None:
    """Which is what pip and uv go by."""
    environment = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "aarch64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "python_version": "{}.{}".format(*sys.version_info),
        "python_full_version": "{}.{}.{}".format(*sys.version_info),
    }
    assert markers.holds(marker, "aarch64") == Marker(marker).evaluate(environment)


_CLAUSES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.sampled_from(["", " "]),
    st.sampled_from(["3", "3.11", "3.11.7", "3.12", "3.14", "4", "3.15.0"]),
) | st.sampled_from(["==3.11.*", "==3.14.*", "!=3.11.*", "== 3.*"])


@settings(max_examples=200)
@given(clauses=st.lists(_CLAUSES, max_size=3))
def test_a_python_is_allowed_as_it_is_for_packaging(clauses: list[str]) -> None:
    """Which is what pip and uv go by."""
    assert markers.allows(",".join(clauses)) == SpecifierSet(",".join(clauses)).contains(
        "{}.{}.{}".format(*sys.version_info)
    )


@pytest.mark.parametrize("wanted", ["", "~=3.2", "===3.2", "nonsense"])
def test_a_python_of_which_nothing_is_known_is_allowed(wanted: str) -> None:
    """It was asked before there was a build context, by what knows all such words."""
    assert markers.allows(wanted)


@pytest.mark.parametrize("marker", ["extra == 'x'", "platform_release < '5'", "nonsense (", "python_version ~= '3.1'"])
def test_a_marker_that_is_not_understood_holds(marker: str) -> None:
    """A package too many does less harm than one too few."""
    assert markers.holds(marker, "aarch64")


def test_each_layer_depends_on_its_part_of_the_context(repository: Path, tmp_path: Path) -> None:
    """Definitions and vendored wheels for third-party packages; all but the service's code for libraries."""
    definitions, libraries = tmp_path / "definitions", tmp_path / "libraries"
    Workspace.read(repository, "orders").split(definitions=definitions, libraries=libraries)
    expected = {
        *("pyproject.toml", "uv.lock", "uv.toml", "vendor/vendored-1-py3-none-any.whl"),
        *("services/orders/pyproject.toml", "libraries/prices/pyproject.toml", "libraries/stock/pyproject.toml"),
    }
    assert _paths(definitions) == expected
    assert _paths(libraries) == expected | {
        *("Dockerfile", ".uv-workspace-function/build-env.json"),
        *("libraries/prices/src/prices/__init__.py", "libraries/stock/stock.py"),
    }


def test_definitions_do_not_tell_the_versions_of_local_packages(repository: Path, tmp_path: Path) -> None:
    """A version bump of a service or library installs no third-party package again; those keep their versions."""
    definitions = tmp_path / "definitions"
    Workspace.read(repository, "orders").split(definitions=definitions, libraries=tmp_path / "libraries")
    assert (definitions / "uv.lock").read_text() == LOCK.replace('version = "2.0.0"\n', "", 1).replace(
        'name = "prices"\nversion = "1.0.0"\n', 'name = "prices"\n', 1
    ).replace('name = "charts"\nversion = "1.0.0"\n', 'name = "charts"\n', 1)
    assert (definitions / "services/orders/pyproject.toml").read_text() == '[project]\nname = "orders"\nversion = "0"\n'
    assert (
        definitions / "libraries/prices/pyproject.toml"
    ).read_text() == '[project]\nversion = "0"\nname = "prices"\n'
    assert (repository / "uv.lock").read_text() == LOCK


def test_a_nested_package_owns_its_files(repository: Path) -> None:
    """A library in the service's folder is not the service's code."""
    lock = (repository / "uv.lock").read_text().replace('"libraries/charts"', '"services/orders/nested"')
    (repository / "uv.lock").write_text(lock)
    workspace = Workspace.read(repository, "orders")
    workspace.split(definitions=repository.parent / "d", libraries=repository.parent / "l")
    assert "services/orders/nested/charts.txt" in _paths(repository.parent / "l")
    assert "services/orders/src/orders/main.py" not in _paths(repository.parent / "l")


def test_a_virtual_package_is_its_sources(tmp_path: Path) -> None:
    """The content of src/, or else of the folder; in a staged context also what was included beside src/."""
    lock = '[[package]]\nname = "app"\nsource = { virtual = "." }\n[[package]]\nname = "lib"\nsource = { editable = "lib" }\n'
    files = {"uv.lock": lock, "pyproject.toml": "", "Dockerfile": "", "lib/lib.py": "", "notes/a.txt": ""}
    flat = _write(tmp_path / "flat", {**files, "main.py": "", "app/uv.toml": ""})
    workspace = Workspace.read(flat, "app")
    assert {str(path) for path, _ in workspace.importable_files(workspace.service)} == {
        *("main.py", "app/uv.toml", "notes/a.txt"),
    }
    by_hand = _write(tmp_path / "src", {**files, "src/app/main.py": ""})
    workspace = Workspace.read(by_hand, "app")
    assert dict(workspace.importable_files(workspace.service)) == {
        PurePosixPath("app/main.py"): by_hand / "src/app/main.py"
    }
    _write(by_hand, {".uv-workspace-function/builder/x.py": ""})
    assert {str(path) for path, _ in workspace.importable_files(workspace.service)} == {"app/main.py", "notes/a.txt"}


def test_a_build_is_made_anew_by_its_time_or_by_name(tmp_path: Path) -> None:
    """uv's cache of built packages looks at pyproject.toml's time, unless `cache-keys` tell it to look elsewhere."""
    root = _write(
        tmp_path,
        {
            "uv.lock": '[[package]]\nname = "a"\nsource = { editable = "a" }\n',
            "a/pyproject.toml": "",
            "b/pyproject.toml": '[tool.uv]\ncache-keys = [{ file = "x" }]\n',
            "c/setup.py": "",
        },
    )
    os.utime(root / "a/pyproject.toml", (1, 1))
    packages = [LocalPackage(name=name, folder=PurePosixPath(name), virtual=False) for name in "abc"]
    options = rebuilding(Workspace.read(root, "a"), packages)
    assert options == ["--reinstall-package=b", "--reinstall-package=c"]
    assert (root / "a/pyproject.toml").stat().st_mtime > 1


def _environment(root: Path, files: Mapping[str, str], records: Mapping[str, str]) -> Path:
    """An environment as uv makes one: files below `site-packages`, and the list of files of each distribution."""
    site = "lib/python3.14/site-packages"
    _write(root, {f"{site}/{path}": text for path, text in files.items()})
    _write(root, {f"{site}/{name}.dist-info/RECORD": text for name, text in records.items()})
    return root


def test_what_only_tells_of_the_build_is_left_out(tmp_path: Path) -> None:
    """Where a package came from, when it was built, bytecode of others, and launchers that name a path of the builder."""
    info = "demo-1.dist-info"
    environment = _environment(
        tmp_path,
        {
            "_virtualenv.pth": "",
            "_virtualenv.py": "",
            "demo/__init__.py": "",
            "demo/__pycache__/__init__.cpython-314.pyc": "",
            "demo/direct_url.json": "its own",
            **{f"{info}/{name}": "" for name in ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED")},
            f"{info}/METADATA": "",
            f"{info}/entry_points.txt": "[console_scripts]\nDemo = demo:main\n[other]\nx = demo\n",
            "../../../bin/Demo": "#!launcher",
            "../../../bin/demo-tool": f"#!{tmp_path}/bin/python3\nimport demo\n",
            "../../../bin/python3": "",
            "../../../share/demo/notes.txt": "",
        },
        {
            "demo-1": "".join(
                f"{path},sha256=x,0\n"
                for path in (
                    *("demo/__init__.py", "demo/__pycache__/__init__.cpython-314.pyc", "demo/direct_url.json"),
                    *(f"{info}/{name}" for name in ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED")),
                    *(f"{info}/{name}" for name in ("METADATA", "entry_points.txt", "RECORD", "missing")),
                    *("../../../bin/Demo", "../../../bin/demo-tool", "../../../share/demo/notes.txt"),
                )
            )
        },
    )
    (demo,) = installed(environment)
    assert demo.name == "demo"
    assert {str(path) for path in demo.files} == {
        *("demo/__init__.py", "demo/direct_url.json", "bin/demo-tool", "share/demo/notes.txt"),
        *(f"{info}/{name}" for name in ("METADATA", "RECORD", "entry_points.txt")),
    }
    layer.place([demo], tmp_path / "layer")
    assert (tmp_path / "layer/bin/demo-tool").read_text() == "#!/usr/bin/env python3\nimport demo\n"
    record = (tmp_path / f"layer/{info}/RECORD").read_text()
    rows = {path: (digest, size) for path, digest, size in csv.reader(record.splitlines())}
    assert list(rows) == [str(path) for path in sorted(demo.files)]
    assert rows["demo/__init__.py"] == ("sha256=x", "0")
    assert rows[f"{info}/RECORD"] == ("", "")
    # printf '#!/usr/bin/env python3\nimport demo\n' | openssl dgst -sha256 -binary | basenc --base64url
    assert rows["bin/demo-tool"] == ("sha256=rmS0ZfbMydYOcqnorvoIhdwZopZnaolYhk3f8WTvy14", "35")


def test_files_that_no_record_lists_stay_with_their_package(tmp_path: Path) -> None:
    """uv installs what is in a wheel, whatever its RECORD says."""
    environment = _environment(
        tmp_path,
        {"demo/__init__.py": "", "demo/forgotten.py": "", "other.py": "", "_virtualenv.py": ""},
        {"demo-1": "demo/__init__.py,,\n", "other-1": "other.py,,\n"},
    )
    demo, other = installed(environment)
    assert PurePosixPath("demo/forgotten.py") in demo.files
    assert PurePosixPath("demo/forgotten.py") not in other.files


def test_a_file_outside_of_its_environment_is_refused(tmp_path: Path) -> None:
    """A RECORD that names another's file could move it into the image."""
    environment = _environment(tmp_path / "e", {"demo.py": ""}, {"demo-1": "../../../../secret,,\n"})
    (tmp_path / "secret").touch()
    with pytest.raises(BuildError, match=r"^demo-1.dist-info lists '../../../../secret' as its own"):
        installed(environment)


def _sized(name: str, size: int, folder: Path) -> Distribution:
    path = _write(folder, {f"{name}.bin": ""}) / f"{name}.bin"
    os.truncate(path, size)
    environment = _environment(folder / name, {}, {f"{name}-1": f"{name}.bin,,\n"})
    path.rename(environment / f"lib/python3.14/site-packages/{name}.bin")
    return installed(environment)[0]


def test_a_stratum_is_a_matter_of_the_package_alone(tmp_path: Path) -> None:
    """Whatever comes and goes beside it, a package stays in its layer."""
    sizes = {"big": 4_000_000, "biggish": 3_900_000, "mid": 250_000, "small": 240_000, "tiny": 999}
    packages = [_sized(name, size, tmp_path) for name, size in sizes.items()]
    together = {name: [d.name for d in members] for name, members in strata(packages).items()}
    assert together == {"heavy": ["big"], "medium": ["biggish", "mid"], "light": ["small", "tiny"]}
    for package in packages:
        alone = {name: [d.name for d in members] for name, members in strata([package]).items()}
        assert alone == {name: [n for n in members if n == package.name] for name, members in together.items()}


def test_a_module_is_compiled_for_good(tmp_path: Path) -> None:
    """Unchecked-hash bytecode, made in chunks by several processes; what doesn't compile is left as it is."""
    files = {f"demo/m{number}.py": f"VALUE = {number}\n" for number in range(600)}
    _write(tmp_path, {**files, "demo/broken.py": "print 'old'\n", "demo/null.py": "\0", "demo/data.txt": ""})
    every = [PurePosixPath(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")]
    assert [*bytecode.compile_modules("/var/task", {tmp_path: [every]})] == [tmp_path]
    compiled = {path for path in _paths(tmp_path) if path.endswith(".pyc")}
    assert len(compiled) == 600
    source = tmp_path / "demo/m7.py"
    content = Path(importlib.util.cache_from_source(str(source))).read_bytes()
    assert content[:4] == importlib.util.MAGIC_NUMBER
    # PEP 552: bit 0 says hash-based, bit 1 that the source is to be checked.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert content[8:16] == importlib.util.source_hash(source.read_bytes())
    assert marshal.loads(content[16:]).co_filename == "/var/task/demo/m7.py"


def test_a_layer_is_told_when_its_modules_are_compiled(tmp_path: Path) -> None:
    """The one without modules at once, the first of the others before the last one's are begun."""
    last = _write(
        tmp_path / "last", {f"m{number}.py": "\n".join(f"v{n} = {n}" for n in range(400)) for number in range(500)}
    )
    first = _write(tmp_path / "first", {"a.py": ""})
    none = _write(tmp_path / "none", {"data.txt": ""})
    of = {folder: [[PurePosixPath(path.name) for path in folder.iterdir()]] for folder in (first, last, none)}
    told = {folder: len([*last.rglob("*.pyc")]) for folder in bytecode.compile_modules("/var/task", of)}
    assert [*told] == [none, first, last]
    assert told[none] == 0
    assert told[first] < 500 == told[last]
    assert (first / "__pycache__").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a process the children of others")
def test_what_others_leave_behind_is_not_taken_for_a_compiler(tmp_path: Path) -> None:
    """A container's first process is given children that it never had, and their ends."""
    for name in ("a", "b"):
        _write(tmp_path / name, {f"m{number}.py": "" for number in range(300)})
    program = """
import ctypes, os, sys, time
from pathlib import Path, PurePosixPath
from uv_workspace_function.builder import bytecode
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
for end in (0, 1):
    if os.fork() == 0:
        if os.fork():
            os._exit(0)
        time.sleep(0.05)
        os._exit(end)
    os.wait()
folders = [Path(sys.argv[1], name) for name in ("a", "b")]
layers = {folder: [[PurePosixPath(path.name) for path in folder.iterdir()]] for folder in folders}
assert [*bytecode.compile_modules("/var/task", layers)] == folders
assert all(len([*folder.rglob("*.pyc")]) == 300 for folder in folders)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, cwd=tmp_path)


def test_everything_in_a_layer_has_one_time_and_plain_modes(tmp_path: Path) -> None:
    """Whatever the umask was; a program stays one."""
    root = _write(tmp_path / "layer", {"a/b.py": "", "run": ""})
    (root / "a/b.py").chmod(0o600)
    (root / "run").chmod(0o777)
    (root / "a").chmod(0o700)
    (root / "link").symlink_to("run")
    layer.normalize(root)
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in [root, *root.rglob("*")] if not path.is_symlink()}
    assert modes == {"layer": "0o755", "a": "0o755", "b.py": "0o644", "run": "0o755"}
    assert {path.lstat().st_mtime for path in [root, *root.rglob("*")]} == {315532800}


@pytest.mark.parametrize("folder", ["a folder", "x" * 140])
def test_a_script_whose_interpreter_a_shell_starts(tmp_path: Path, folder: str) -> None:
    """uv writes it so where the environment's path has a blank, or is longer than a kernel takes."""
    write_wheel(tmp_path, "demo", "1", {"demo.py": "", "demo-1.data/scripts/demo-tool": "#!python\nimport demo\n"})
    environment = tmp_path / folder
    uv("venv", "--quiet", environment, cwd=tmp_path)
    wheel = tmp_path / "demo-1-py3-none-any.whl"
    uv("pip", "install", "--no-index", "--python", environment / "bin/python", wheel, cwd=tmp_path)
    assert (environment / "bin/demo-tool").read_text().startswith("#!/bin/sh\n'''exec' ")
    (demo,) = installed(environment)
    assert demo.files[PurePosixPath("bin/demo-tool")].source.read_text() == "#!/usr/bin/env python3\nimport demo\n"


def test_folders_of_another_home_are_given_by_options() -> None:
    """Without options it is the Dockerfile's."""
    home = Home.given(["--workspace=/tmp/a b", "--layers=/tmp/l"])
    assert (home.workspace, home.layers, home.is_container) == (Path("/tmp/a b"), Path("/tmp/l"), False)
    assert Home.given([]).is_container


def _built(folder: Path, name: str, *tags: str) -> Distribution:
    wheel = PurePosixPath(f"{name}-1.dist-info/WHEEL")
    source = folder / name
    source.write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
    return Distribution(name=name, record=wheel.with_name("RECORD"), files={wheel: File.at(source)})


def test_what_was_compiled_on_a_machine_is_refused(tmp_path: Path) -> None:
    """And nothing else: neither a wheel of an index, nor what is for any machine, nor what nobody built here."""
    name = "ujson-1-cp314-cp314-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    lock = {"package": [{"name": "ujson", "wheels": [{"url": f"https://example.com/{name}"}]}]}
    tags = ("cp314-cp314-manylinux_2_17_x86_64", "cp314-cp314-manylinux2014_x86_64")
    distributions = [
        _built(tmp_path, "ujson", *tags),
        _built(tmp_path, "orders", "py2-none-any", "py3-none-any"),
        _built(tmp_path, "numpy", "cp314-cp314-manylinux_2_28_x86_64"),
    ]
    refuse_compiled(distributions, lock, built={"ujson", "orders"})
    with pytest.raises(BuildError) as caught:
        refuse_compiled(distributions, {}, built={"ujson", "orders"})
    assert str(caught.value) == (
        "ujson compiles code, and was compiled for cp314-cp314-manylinux2014_x86_64, cp314-cp314-manylinux_2_17_x86_64 on this "
        "machine, whose C library and compiler nobody has chosen; build this one with the engine"
    )
