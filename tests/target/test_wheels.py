"""The wheel check: uv says which packages it cannot install from wheels, hand-written locks say what users are told."""

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import best_wheel, check_wheels, installed, refuse_oversize, wheel_bytes
from uv_workspace_function.workspace.lock import Lock
from uv_workspace_function.workspace.locked_files import LockedFile
from uv_workspace_function.workspace.selection import Selection, select
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import sdist, uv, wheel

GIB = 1024**3
HERE = Target(python=f"3.{sys.version_info.minor}")
"""The target for this Python, since `uv sync` evaluates markers for the one that runs."""


def named(file_names: Iterable[str]) -> list[LockedFile]:
    return [LockedFile.from_dict({"url": f"https://example.org/files/{name}"}) for name in file_names]


wheel_tags = st.builds(
    "{}-{}".format,
    st.sampled_from(["cp314-cp314", "cp314-abi3", "cp39-abi3", "cp314-none", "cp313-cp313", "py3-none", "py314-none"]),
    st.sampled_from(["any", "linux_aarch64", "manylinux2014_aarch64", "musllinux_1_2_aarch64", "macosx_11_0_arm64"])
    | st.sampled_from([17, 28, 34, 35]).map("manylinux_2_{}_aarch64".format),
)


@settings(max_examples=40, derandomize=True)
@given(files=st.lists(st.tuples(wheel_tags, st.sampled_from(["", "1", "2", "10", "10b"])), min_size=1, unique=True))
def test_the_best_wheel_is_the_one_that_uv_installs(
    files: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of several wheels of one version, tags and build numbers mixed, the same one is chosen, or none."""
    folder = tmp_path_factory.mktemp("wheels")
    names = [wheel(folder, "tiny", tag=tag, build=build).name for tag, build in files]
    uv(
        *("pip", "install", "tiny", "--target", "installed", "--no-index", "--find-links", folder),
        *("--only-binary", ":all:", "--python-platform", Target().uv_platform, "--python-version", Target().python),
        cwd=folder,
        check=False,
    )
    module = folder / "installed" / "tiny.py"
    by_uv = re.findall("'(.+)'", module.read_text()) if module.exists() else []
    best = best_wheel(named(names), Target())
    assert [f"{stem}.whl" for stem in by_uv] == ([best.name] if best else [])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose packages have, or lack, every kind of wheel; locked by uv."""
    root = tmp_path_factory.mktemp("mixed")
    wheels = root / "wheels"
    wheels.mkdir()
    cp = f"cp3{sys.version_info.minor}"
    tags = {
        "abi3-older": ["cp38-abi3-manylinux2014_aarch64"],
        "abi3-newer": ["cp399-abi3-manylinux2014_aarch64"],
        "free-threaded": [f"{cp}-{cp}t-manylinux_2_17_aarch64"],
        "glibc-newer": [f"{cp}-{cp}-manylinux_2_35_aarch64"],
        "glibc-same": [f"{cp}-{cp}-manylinux_2_34_aarch64"],
        "mac-and-windows": [f"{cp}-{cp}-macosx_11_0_arm64", f"{cp}-{cp}-win_amd64"],
        "musl": [f"{cp}-{cp}-musllinux_1_2_aarch64"],
        "other-machine": [f"{cp}-{cp}-manylinux_2_17_x86_64"],
        "other-python": ["cp36-cp36m-manylinux2014_aarch64"],
        "pure": ["py2.py3-none-any"],
        "several": [f"{cp}-{cp}-win_amd64", f"{cp}-{cp}-manylinux_2_17_aarch64.manylinux2014_aarch64"],
        "windows-only": ["py3-none-win_amd64"],
        "needed-by-windows": ["py3-none-win_amd64"],
        "needed-by-extra": ["py3-none-win_amd64"],
        "not-asked-for": ["py3-none-win_amd64"],
    }
    requires = {
        "windows-only": ["needed-by-windows"],
        "pure": ["needed-by-extra ; extra == 'fast'", "not-asked-for ; extra == 'slow'"],
    }
    for name, its_tags in tags.items():
        for tag in its_tags:
            wheel(wheels, name, tag=tag, requires=requires.get(name, ()), extras=["fast", "slow"])
        if name not in ("musl", "windows-only"):
            sdist(wheels, name)
    sdist(wheels, "source-only")
    direct = [name for name in (*tags, "source-only") if name not in ("windows-only", "not-asked-for")]
    direct = [name for name in direct if not name.startswith("needed-by")]
    needs = [*direct, "pure[fast]", "windows-only ; sys_platform == 'win32'"]
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "service"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = {needs}\n'
        '[tool.uv]\nno-index = true\nfind-links = ["wheels"]\n'
    )
    uv("lock", cwd=root)
    return root


def missing_by_uv(root: Path) -> set[str]:
    """The packages that uv does not install on `HERE` without building something: it names one at a time."""
    missing: set[str] = set()
    names = sorted(Lock.load(root / "uv.lock").names - {"service"})
    wheels_only = [f"--no-build-package={name}" for name in names]  # `--no-build` would hide no-binary-package
    while True:
        left_out = [f"--no-install-package={name}" for name in missing]
        synced = uv(
            *("sync", "--dry-run", "--frozen", "--no-install-local", *wheels_only, *left_out),
            *("--python-platform", HERE.uv_platform),
            cwd=root,
            check=False,
        )
        if synced.returncode == 0:
            return missing
        named = re.search(r"`(?P<a>[a-z0-9-]+)==|Distribution `(?P<b>[a-z0-9-]+)==", synced.stderr)
        assert named, synced.stderr
        missing.add(named["a"] or named["b"])


def test_a_package_is_missing_where_uv_would_have_to_build_it(mixed: Path) -> None:
    """Markers and extras decide what is looked at; a package that only Windows needs is not."""
    by_uv = missing_by_uv(mixed)
    assert {"mac-and-windows", "musl", "needed-by-extra", "source-only"} < by_uv
    assert by_uv.isdisjoint({"windows-only", "needed-by-windows", "not-asked-for", "abi3-older", "glibc-same"})
    selection = select(Lock.load(mixed / "uv.lock"), "service")
    assert {missing.package.name for missing in check_wheels(selection, HERE)} == by_uv


def test_what_may_be_built_from_source_is_not_missing(mixed: Path) -> None:
    """Any spelling of a name counts; a package without a source cannot be allowed."""
    selection = select(Lock.load(mixed / "uv.lock"), "service")
    before = [missing.package.name for missing in check_wheels(selection, HERE)]
    after = check_wheels(selection, HERE, build_from_source=["Source_Only", "other.python", "musl"])
    assert [name for name in before if name not in ("source-only", "other-python")] == [m.package.name for m in after]


def test_a_package_whose_wheels_are_unwanted_has_to_be_built(mixed: Path, tmp_path: Path) -> None:
    """By uv's setting no-binary-package; and no package that the target does not need."""
    root = shutil.copytree(mixed, tmp_path / "w")
    with (root / "pyproject.toml").open("a") as stream:
        stream.write('no-binary-package = ["Pure", "windows-only"]\nworkspace = { members = [] }\n')
    closure = Workspace.load(root).closure("service")
    missing = {
        m.package.name: m
        for m in check_wheels(closure.selection, HERE, no_binary=closure.project.uv_settings.no_binary_package)
    }
    assert missing.keys() == missing_by_uv(root)
    assert str(missing["pure"]) == (
        "pure 1.0 (needed by service) is built from source, since no-binary-package in uv's settings names it; take it out of "
        "no-binary-package, or list 'pure' in build-from-source of the service's [tool.uv-workspace-function] (pure Python builds "
        "anywhere, compiled code where the build runs on linux/arm64 and the builder_image has a compiler)"
    )
    allowed = check_wheels(closure.selection, HERE, no_binary=["pure"], build_from_source=["pure"])
    assert missing.keys() - {m.package.name for m in allowed} == {"pure"}


def locked(tmp_path: Path, *packages: str, needs: Iterable[str] = ()) -> Selection:
    """The selection of a hand-written lock: a service that needs each of the packages, and what else it is told."""
    names = [*needs, *(re.findall(r'^name = "(.+)"', package, re.MULTILINE)[0] for package in packages)]
    edges = "".join(f'    {{ name = "{name}" }},\n' for name in names if name != "deep")
    service = f'name = "worker"\nsource = {{ editable = "." }}\ndependencies = [\n{edges}]\n'
    blocks = "".join(f"\n[[package]]\n{package}\n" for package in (service, *packages))
    (tmp_path / "uv.lock").write_text(f'version = 1\nrequires-python = ">=3.14"\n{blocks}')
    return select(Lock.load(tmp_path / "uv.lock"), "worker")


REGISTRY = 'source = { registry = "https://index.example.org/simple" }'


def files(*names: str, size: int = 1) -> str:
    entries = [f'{{ url = "https://files.example.org/{name}", hash = "sha256:0", size = {size} }}' for name in names]
    return f"wheels = [{', '.join(entries)}]"


def archive(name: str) -> str:
    return f'sdist = {{ url = "https://files.example.org/{name}", hash = "sha256:0", size = 1 }}'


def messages(selection: Selection) -> list[str]:
    return [str(missing) for missing in check_wheels(selection, Target())]


def test_a_refusal_names_the_package_the_wheels_there_are_and_the_options(tmp_path: Path) -> None:
    """The wheels nearest to the target come first, and a long list is cut."""
    wheels = files(
        *(f"fast-2.1-cp313-cp313-{platform}.whl" for platform in ("win32", "win_amd64", "macosx_11_0_arm64")),
        *(f"fast-2.1-cp313-cp313-musllinux_1_2_{machine}.whl" for machine in ("x86_64", "aarch64")),
        *(f"fast-2.1-cp313-cp313-manylinux_2_28_{machine}.whl" for machine in ("x86_64", "aarch64")),
    )
    selection = locked(tmp_path, f'name = "fast"\nversion = "2.1"\n{REGISTRY}\n{archive("fast-2.1.tar.gz")}\n{wheels}')
    assert messages(selection) == [
        (
            "fast 2.1 (needed by worker) has no wheel for CPython 3.14, aarch64, glibc 2.34; the lock has wheels for "
            "cp313-cp313-manylinux_2_28_aarch64, cp313-cp313-musllinux_1_2_aarch64, cp313-cp313-manylinux_2_28_x86_64, "
            "cp313-cp313-macosx_11_0_arm64, cp313-cp313-musllinux_1_2_x86_64 and 2 more; "
            "lock a version that has one (`uv lock --upgrade-package fast`), "
            "list 'fast' in build-from-source of the service's [tool.uv-workspace-function] ("
            "pure Python builds anywhere, compiled code where the build runs on linux/arm64 and the builder_image has a "
            "compiler), run the service on Python 3.13 (ImageOptions(python_version='3.13'), `--python 3.13` of a command), "
            "or ask its maintainers for a wheel"
        )
    ]


def test_a_package_reached_through_others_is_told_with_the_way_there(tmp_path: Path) -> None:
    middle = f'name = "middle"\nversion = "1"\n{REGISTRY}\ndependencies = [{{ name = "deep" }}]\n'
    deep = f'name = "deep"\nversion = "3"\n{REGISTRY}\n{archive("deep-3.tar.gz")}'
    selection = locked(tmp_path, middle + files("middle-1-py3-none-any.whl"), deep)
    assert messages(selection) == [
        (
            "deep 3 (needed by worker -> middle) has no wheel for CPython 3.14, aarch64, glibc 2.34; "
            "the lock has only its source; lock a version that has one (`uv lock --upgrade-package deep`), "
            "list 'deep' in build-from-source of the service's [tool.uv-workspace-function] ("
            "pure Python builds anywhere, compiled code where the build runs on linux/arm64 and the builder_image has a "
            "compiler), or ask its maintainers for a wheel"
        )
    ]


def test_a_package_without_a_source_is_not_offered_to_be_built(tmp_path: Path) -> None:
    selection = locked(
        tmp_path, f'name = "mac"\nversion = "1"\n{REGISTRY}\n' + files("mac-1-py3-none-macosx_11_0_arm64.whl")
    )
    assert messages(selection) == [
        (
            "mac 1 (needed by worker) has no wheel for CPython 3.14, aarch64, glibc 2.34; the lock has wheels for "
            "py3-none-macosx_11_0_arm64; lock a version that has one (`uv lock --upgrade-package mac`), "
            "or ask its maintainers for a wheel"
        )
    ]


def test_a_git_dependency_is_told_what_will_happen(tmp_path: Path) -> None:
    source = 'source = { git = "https://git.example.org/tool?tag=v1#0123456789abcdef" }'
    assert messages(locked(tmp_path, f'name = "tool"\nversion = "1"\n{source}')) == [
        (
            "tool 1 (needed by worker) is built from source, since it comes from "
            "https://git.example.org/tool?tag=v1#0123456789abcdef: the builder then needs git and a network; "
            "publish a wheel of it to an index, or name one by its URL or path, "
            "or list 'tool' in build-from-source of the service's [tool.uv-workspace-function] ("
            "with git in the builder_image, pure Python builds anywhere, compiled code where the build runs on linux/arm64 and the builder_image has a "
            "compiler)"
        )
    ]


@pytest.mark.parametrize("kind", ["url", "path"])
def test_an_archive_by_url_or_path_is_told_what_will_happen(kind: str, tmp_path: Path) -> None:
    where = {"url": "https://example.org/tool-1.tar.gz", "path": "vendor/tool-1.tar.gz"}[kind]
    package = f'name = "tool"\nversion = "1"\nsource = {{ {kind} = "{where}" }}\nsdist = {{ hash = "sha256:0" }}'
    assert messages(locked(tmp_path, package)) == [
        (
            f"tool 1 (needed by worker) is built from source, since {where} is no wheel; "
            "publish a wheel of it to an index, or name one by its URL or path, "
            "or list 'tool' in build-from-source of the service's [tool.uv-workspace-function] ("
            "pure Python builds anywhere, compiled code where the build runs on linux/arm64 and the builder_image has a "
            "compiler)"
        )
    ]


def test_a_wheel_by_url_or_path_is_judged_like_any_other(tmp_path: Path) -> None:
    """Such wheels are named in full: percent-encoded in a URL, as `filename` beside a path."""
    url = "https://example.org/a%2Bb/good-1%2Bcpu-py3-none-any.whl?download=1#sha256=0"
    selection = locked(
        tmp_path,
        f'name = "good"\nversion = "1+cpu"\nsource = {{ url = "{url}" }}\nwheels = [{{ url = "{url}" }}]',
        'name = "vendored"\nversion = "1"\nsource = { path = "v/vendored-1-py3-none-any.whl" }\n'
        'wheels = [{ filename = "vendored-1-py3-none-any.whl", hash = "sha256:0" }]',
        'name = "windows"\nversion = "1"\nsource = { path = "v/windows-1-py3-none-win32.whl" }\n'
        'wheels = [{ filename = "windows-1-py3-none-win32.whl", hash = "sha256:0" }]',
    )
    assert messages(selection) == [
        (
            "windows 1 (needed by worker) has no wheel for CPython 3.14, aarch64, glibc 2.34; the lock has wheels for "
            "py3-none-win32; publish a wheel of it to an index, or name one by its URL or path"
        )
    ]


@pytest.mark.parametrize("tag", ["py3..py2-none-any", "py3-none-", "-none-any", "3-none-any", "any"])
def test_a_wheel_with_a_malformed_tag_is_taken_nowhere(tmp_path: Path, tag: str) -> None:
    """Whichever packaging the workspace's lock has: older ones take such tags."""
    package = f'name = "odd"\nversion = "1"\n{REGISTRY}\n{files(f"odd-1-{tag}.whl")}'
    assert [missing.package.name for missing in check_wheels(locked(tmp_path, package), Target())] == ["odd"]


def test_a_local_package_needs_no_wheel(tmp_path: Path) -> None:
    assert messages(locked(tmp_path, 'name = "library"\nsource = { editable = "library" }')) == []


def test_what_another_platform_needs_counts_neither_as_missing_nor_as_bytes(tmp_path: Path) -> None:
    both = ["2-cp314-cp314-manylinux_2_28_aarch64.whl", "2-cp314-cp314-manylinux_2_28_x86_64.whl"]
    selection = locked(
        tmp_path,
        f'name = "both"\nversion = "2"\n{REGISTRY}\n{files(*(f"both-{name}" for name in both), size=5)}\n'
        'dependencies = [{ name = "deep", marker = "platform_machine == \'x86_64\'" }]',
        f'name = "deep"\nversion = "1"\n{REGISTRY}\n{files("deep-1-py3-none-manylinux_2_28_x86_64.whl", size=7)}',
    )
    assert wheel_bytes(selection, Target()) == {"both": 5}
    assert wheel_bytes(selection, Target(machine="x86_64")) == {"deep": 7, "both": 5}
    assert [package.name for package in installed(selection, Target())] == ["both", "worker"]
    assert messages(selection) == []


def sized(tmp_path: Path, **sizes: int) -> Selection:
    return locked(
        tmp_path,
        *(
            f'name = "{name}"\nversion = "1"\n{REGISTRY}\n{files(f"{name}-1-py3-none-any.whl", size=size)}'
            for name, size in sizes.items()
        ),
    )


def test_a_closure_larger_than_lambda_takes_is_refused_with_its_largest_packages(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as refusal:
        refuse_oversize(sized(tmp_path, torch=4 * GIB, small=1, cuda=5 * GIB, models=GIB), Target())
    assert str(refusal.value) == (
        "the wheels of worker are 10.0 GiB compressed, more than the 10.0 GiB that Lambda takes as an image; "
        "the largest are cuda 5.0 GiB, torch 4.0 GiB, models 1.0 GiB; "
        "lock smaller builds of them (CPU only, no optional data), or split the service"
    )


def test_a_closure_at_the_limit_is_not_refused(tmp_path: Path) -> None:
    refuse_oversize(sized(tmp_path, torch=4 * GIB, cuda=6 * GIB), Target())


def test_wheels_without_a_size_are_not_counted(tmp_path: Path) -> None:
    """A flat index tells none."""
    package = 'name = "flat"\nversion = "1"\nsource = { registry = "wheels" }\n'
    assert wheel_bytes(locked(tmp_path, package + 'wheels = [{ path = "flat-1-py3-none-any.whl" }]'), Target()) == {}


def test_every_service_of_this_repository_has_its_wheels() -> None:
    lock = Lock.load(Path(__file__).parents[2] / "uv.lock")
    for service in ("daily-report", "ingestion-worker", "query-api"):
        selection = select(lock, service)
        assert check_wheels(selection, Target()) == ()
        assert wheel_bytes(selection, Target())
