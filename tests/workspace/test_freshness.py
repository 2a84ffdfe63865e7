"""The stale-lock check against `uv lock --check`: never an alarm where uv has none, and one where the meaning changed."""

import json
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from made import workspace
from uv_workspace_function.workspace.freshness import Stale, stale_member, stale_requirements
from uv_workspace_function.workspace.lock import Lock, LockedPackage
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv, wheel

T = TypeVar("T")
NAMES = ("alpha", "beta-beta", "gamma", "delta", "epsilon", "zeta")


@dataclass(frozen=True)
class Need:
    """One requirement of a made-up project."""

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str | None = None

    def __str__(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}" + (f" ; {self.marker}" if self.marker else "")


@dataclass(frozen=True)
class Project:
    """A made-up project that requires some of the six packages and libraries beside it."""

    dependencies: tuple[Need, ...] = ()
    optional: dict[str, tuple[Need, ...]] = field(default_factory=dict)
    requires_python: str = ">=3.11"
    sources: Mapping[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> dict[str, object]:
        lines = ["[project]", 'name = "service"', 'version = "0"', f'requires-python = "{self.requires_python}"']
        lines.append(f"dependencies = {json.dumps([*map(str, self.dependencies)])}")
        lines.append("[project.optional-dependencies]")
        lines += [f"{extra} = {json.dumps([*map(str, needs)])}" for extra, needs in self.optional.items()]
        lines += ["[tool.uv]", "package = false"]
        lines += ["[[tool.uv.index]]", 'name = "own"', 'url = "own"', 'format = "flat"', "explicit = true"]
        lines += ["[[tool.uv.index]]", 'name = "all"', 'url = "wheels"', 'format = "flat"', "default = true"]
        lines.append("[tool.uv.sources]")
        lines += [f"{name} = {source}" for name, source in self.sources.items()]
        text = "\n".join(lines)
        (root / "pyproject.toml").write_text(text)
        return tomllib.loads(text)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of the six packages and two libraries."""
    root = tmp_path_factory.mktemp("project")
    (root / "wheels").mkdir()
    for name in NAMES:
        for version in ("1.0", "2.0"):
            wheel(root / "wheels", name, version, extras=["fast", "slow"])
    for library in ("lib-one", "lib-two"):
        (root / library).mkdir()
        (root / library / "pyproject.toml").write_text(
            f'[project]\nname = "{library}"\nversion = "1.0"\n[tool.uv]\npackage = false\n'
        )
        wheel(root / "wheels", library)
    (root / "own").symlink_to("wheels")
    return root


def lock(root: Path, project: Project) -> Lock:
    (root / "uv.lock").unlink(missing_ok=True)
    project.write(root)
    uv("lock", cwd=root)
    return Lock.load(root / "uv.lock")


def ours(root: Path, project: Project, lock: Lock) -> tuple[Stale, ...]:
    service = lock.local("service")
    assert service is not None
    return stale_requirements(project.write(root), service, requires_python=lock.requires_python)


def stale_for_uv(root: Path) -> bool:
    checked = uv("lock", "--check", cwd=root, check=False)
    assert checked.returncode == 0 or "needs to be updated" in checked.stderr, checked.stderr
    return checked.returncode != 0


# every package has 1.0, which all of these allow
specifiers = st.sampled_from(["", ">=1.0", ">=1", "<3,>=1", ">=1.0, <3", "==1.*", "~=1.0", "!=1.5", "<=2", "==1.0.0"])
atoms = st.one_of(
    st.builds(
        "python_version {} '{}'".format,
        st.sampled_from(["<", "<=", "==", "!=", ">=", ">", "~="]),
        st.sampled_from(["3.8", "3.11", "3.12", "3.13"]),
    ),
    st.builds("python_full_version {} '3.12.4'".format, st.sampled_from(["<", "<=", "==", "!=", ">=", ">"])),
    st.builds("python_version {} '3.12.*'".format, st.sampled_from(["==", "!="])),
    st.builds(
        "sys_platform {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from(["linux", "darwin", "win32"])
    ),
    st.builds(
        'platform_system {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["Linux", "Darwin", "Windows"])
    ),
    st.builds("os_name {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from(["nt", "posix"])),
    st.builds("platform_machine {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from(["aarch64", "x86_64"])),
    st.sampled_from(
        [
            "implementation_name == 'cpython'",
            "platform_python_implementation != 'PyPy'",
            "'3.12' <= python_version",
            "python_version in '3.11 3.12'",
            "python_version not in '3.11, 3.12'",
            "platform_release >= '5'",
            "platform_version == ''",
            "'linux' in sys_platform",
            "sys_platform in 'linux darwin'",
            "sys_platform > 'a'",
            "implementation_version >= '3.12'",
        ]
    ),
)
markers = st.recursive(
    atoms, lambda inner: st.builds("({}) {} {}".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=4
)
extras = st.sampled_from([(), (), ("fast",), ("slow", "fast"), ("Fast", "slow")])
names = st.sampled_from([*NAMES, "Alpha", "beta_beta", "BETA.beta"])
needs = st.builds(Need, names, extras, specifiers, st.none() | markers)
projects = st.builds(
    Project,
    st.lists(needs, max_size=5).map(tuple),
    st.dictionaries(st.sampled_from(["one", "two", "Three_3"]), st.lists(needs, max_size=2).map(tuple), max_size=2),
    st.sampled_from([">=3.11", ">=3.11,<4", ">=3.11.2", "==3.11.*", "~=3.11"]),
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(project=projects, other=projects, data=st.data())
def test_there_is_no_alarm_where_uv_has_none(root: Path, project: Project, other: Project, data: st.DataObject) -> None:
    """Neither for a lock just written, nor after an edit that uv takes for none."""
    written = lock(root, project)
    assert ours(root, project, written) == ()
    edit = data.draw(st.sampled_from(["reorder", "respell", "drop", "add", "extras", "python"]))
    edited = replace(
        project,
        dependencies={
            "reorder": project.dependencies[::-1],
            "respell": tuple(replace(need, name=need.name.upper()) for need in project.dependencies),
            "drop": project.dependencies[1:],
            "add": project.dependencies + other.dependencies[:1],
        }.get(edit, project.dependencies),
        optional=other.optional if edit == "extras" else project.optional,
        requires_python=other.requires_python if edit == "python" else project.requires_python,
    )
    alarms = ours(root, edited, written)
    uv_alarm = stale_for_uv(root)
    event(f"{edit}: uv {'stale' if uv_alarm else 'fresh'}, ours {'stale' if alarms else 'fresh'}")
    assert uv_alarm or alarms == ()


# no two of these hold in the same environments, and none in all of those of `>=3.11`
TELLING_MARKERS = [
    None,
    "python_version >= '3.12'",
    "python_version < '3.12'",
    "python_full_version != '3.12.4'",
    "sys_platform == 'linux'",
    "sys_platform != 'linux' and python_version >= '3.12'",
    "platform_system == 'Windows' or os_name == 'posix' and platform_machine == 'aarch64'",
    "platform_python_implementation == 'PyPy'",
]
TELLING_SPECIFIERS = ["", ">=1", "<3", "==1.*", "~=1.0", "!=1.5", ">=1,<3"]
TELLING_EXTRAS: list[tuple[str, ...]] = [(), ("fast",), ("slow",), ("fast", "slow")]
OTHER_SOURCES = {"lib-one": '{ path = "lib-one" }', "lib-two": '{ index = "own" }'}


@st.composite
def edits(draw: st.DrawFn) -> tuple[Project, Project, str]:
    """A project, one that means something else, and what was done; every package is asked for once at most."""
    telling = [
        Need(
            name,
            draw(st.sampled_from(TELLING_EXTRAS)),
            draw(st.sampled_from(TELLING_SPECIFIERS)),
            draw(st.sampled_from(TELLING_MARKERS)),
        )
        for name in draw(st.permutations(NAMES))
    ]
    kind = draw(st.sampled_from(["add", "remove", "specifier", "extras", "marker", "to an extra", "extra", "source"]))
    libraries = (Need("lib-one"), Need("lib-two")) if kind == "source" else ()
    sources = {"lib-one": '{ path = "lib-one", editable = true }'} if kind == "source" else {}
    base = Project((*telling[:3], *libraries), {"one": tuple(telling[3:5])}, sources=sources)
    at = draw(st.integers(0, 2))
    need = base.dependencies[at]

    def put(*instead: Need) -> Project:
        return replace(base, dependencies=(*base.dependencies[:at], *instead, *base.dependencies[at + 1 :]))

    def but(values: Sequence[T], value: T) -> T:
        return draw(st.sampled_from([other for other in values if other != value]))

    match kind:
        case "add":
            return base, put(need, telling[5]), kind
        case "remove":
            return base, put(), kind
        case "specifier":
            return base, put(replace(need, specifier=but(TELLING_SPECIFIERS, need.specifier))), kind
        case "extras":
            return base, put(replace(need, extras=but(TELLING_EXTRAS, need.extras))), kind
        case "marker":
            return base, put(replace(need, marker=but(TELLING_MARKERS, need.marker))), kind
        case "to an extra":
            return base, replace(put(), optional={"one": (*base.optional["one"], need)}), kind
        case "extra":
            return base, replace(base, optional=draw(st.sampled_from([{}, {**base.optional, "new": ()}]))), kind
        case _:
            name = draw(st.sampled_from(sorted(OTHER_SOURCES)))
            changed = {} if name in base.sources else {name: OTHER_SOURCES[name]}
            kept = {key: source for key, source in base.sources.items() if key != name}
            return base, replace(base, sources=kept | changed), kind


@settings(max_examples=50, deadline=None, derandomize=True)
@given(edit=edits())
def test_an_edit_that_changes_a_requirement_raises_the_alarm(root: Path, edit: tuple[Project, Project, str]) -> None:
    project, edited, kind = edit
    event(kind)
    written = lock(root, project)
    assert ours(root, project, written) == ()
    assert ours(root, edited, written) != ()
    assert stale_for_uv(root)


RESPELLED = [
    ("beta-beta>=1.0,<3", "Beta_Beta <3.0, >=1"),
    ("beta-beta>=1", "beta.beta (>=1)"),
    ("alpha[fast,slow]", "alpha [slow, FAST]"),
    ("alpha ; python_version < '3.13'", 'alpha;python_full_version<"3.13"'),
    ("alpha ; python_version < '3.13'", "alpha ; python_version <= '3.12'"),
    ("alpha ; sys_platform == 'win32'", "alpha ; platform_system == 'Windows'"),
    ("alpha ; python_version < '3.13'", "alpha ; (python_version < '3.13') and python_version >= '3.8'"),
    ("alpha ; sys_platform == 'linux'", "alpha ; sys_platform == 'linux' or sys_platform == 'linux'"),
    ("alpha", "alpha ; python_version >= '3.11'"),
    ("lib-one", "lib_one"),
]


@pytest.mark.parametrize(("before", "after"), RESPELLED)
def test_the_same_requirement_in_other_words_raises_no_alarm(root: Path, before: str, after: str) -> None:
    """uv itself may lock again for some of these; nothing that is installed changes."""
    sources = {"lib-one": '{ path = "lib-one", editable = true }'}
    written = lock(root, Project((Need(before),), sources=sources))
    assert ours(root, Project((Need(after),), sources=sources), written) == ()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            ("alpha>=1",),
            ("alpha[fast]>=2 ; python_version >= '3.12'",),
            "asks for 'alpha[fast]>=2 ; python_version >= \"3.12\"', but uv.lock was made for 'alpha>=1'",
        ),
        (("alpha",), ("alpha", "gamma"), "asks for 'gamma', of which uv.lock knows nothing"),
        (("alpha", "gamma<3"), ("alpha",), "no longer asks for 'gamma<3', which uv.lock was made for"),
        (("lib-one",), ("lib-one @ file:///x",), "asks for 'lib-one' (by path), but uv.lock was made for 'lib-one'"),
    ],
)
def test_an_alarm_says_what_is_asked_what_was_locked_and_the_remedy(
    root: Path, before: tuple[str, ...], after: tuple[str, ...], message: str
) -> None:
    written = lock(root, Project(tuple(map(Need, before))))
    alarms = ours(root, Project(tuple(map(Need, after))), written)
    assert [*map(str, alarms)] == [f"uv.lock is stale: pyproject.toml of service {message}; run `uv lock`"]


def test_an_extra_that_the_lock_lacks_or_that_is_gone_raises_the_alarm(root: Path) -> None:
    written = lock(root, Project((), {"old": ()}))
    assert ours(root, Project((), {"new": ()}), written) == (
        Stale(package="service", declared="an extra 'new'", locked=None),
        Stale(package="service", declared=None, locked="an extra 'old'"),
    )


def test_a_python_that_the_project_no_longer_allows_raises_the_alarm(root: Path) -> None:
    written = lock(root, Project())
    assert ours(root, Project(requires_python=">=3.11,<3.15"), written) == (
        Stale(package="service", declared="Python >=3.11,<3.15", locked="Python >=3.11"),
    )
    assert stale_for_uv(root)


@pytest.mark.parametrize("requires_python", [">=3.11,!=3.11.3", ">=3.11.0", ">=3.8", ">=3.11.0rc1"])
def test_a_python_bound_that_changes_nothing_raises_no_alarm(root: Path, requires_python: str) -> None:
    """Members share one range: one of them alone cannot say that the lock's is too narrow."""
    written = lock(root, Project())
    assert ours(root, Project(requires_python=requires_python), written) == ()


def test_a_path_dependency_may_allow_fewer_pythons_than_the_lock(root: Path) -> None:
    """uv locks it all the same."""
    library = root / "lib-one" / "pyproject.toml"
    whole = library.read_text()
    narrow = whole.replace('version = "1.0"', 'version = "1.0"\nrequires-python = ">=3.11,<4"')
    library.write_text(narrow)
    try:
        written = lock(root, Project((Need("lib-one"),), sources={"lib-one": '{ path = "lib-one" }'}))
    finally:
        library.write_text(whole)
    assert written.requires_python == ">=3.11"
    locked = written.local("lib-one")
    assert locked is not None
    pyproject = tomllib.loads(narrow)
    assert stale_requirements(pyproject, locked, requires_python=">=3.11", shapes_python=False) == ()
    assert stale_requirements(pyproject, locked, requires_python=">=3.11") != ()


@pytest.mark.parametrize("kind", ["editable", "virtual"])
def test_a_package_that_asks_for_its_own_extras_means_itself(kind: str) -> None:
    """`all = ["service[fast]"]`: older locks name it with its own source."""
    extras = {"fast": ["alpha"], "all": ["service[fast]"]}
    project = {"project": {"name": "service", "optional-dependencies": extras}}
    entries: list[Mapping[str, object]] = [
        {"name": "alpha", "marker": "extra == 'fast'"},
        {"name": "service", "extras": ["fast"], "marker": "extra == 'all'", kind: "."},
    ]
    assert stale_requirements(project, _locked(entries, ["fast", "all"]), requires_python=">=3.11") == ()


def test_what_hatchling_puts_in_the_place_of_an_own_extra_is_the_same(tmp_path: Path) -> None:
    """uv asks it where something is dynamic, and it writes `all = ["service[fast]"]` as what `fast` has, without the marker."""
    text = """\
[project]
name = "service"
dynamic = ["version"]
requires-python = ">=3.11"
[project.optional-dependencies]
Fast_One = ["alpha ; python_version < '3.13'"]
all = ["service[fast-one] ; sys_platform == 'linux'", "beta"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.version]
path = "src/service/__init__.py"
[tool.uv]
no-index = true
find-links = ["wheels"]
[tool.uv.workspace]
"""
    (tmp_path / "wheels").mkdir()
    for name in ("alpha", "beta"):
        wheel(tmp_path / "wheels", name)
    (tmp_path / "src/service").mkdir(parents=True)
    (tmp_path / "src/service/__init__.py").write_text('__version__ = "1.0"\n')
    (tmp_path / "pyproject.toml").write_text(text)
    uv("lock", "--no-build-isolation", cwd=tmp_path)
    assert _alarms(tmp_path) == ()
    (tmp_path / "pyproject.toml").write_text(text.replace(', "beta"]', "]"))
    (alarm,) = _alarms(tmp_path)
    assert str(alarm).startswith("uv.lock is stale: pyproject.toml of service no longer asks for 'beta ; ")


def _alarms(root: Path) -> tuple[Stale, ...]:
    loaded = Workspace.load(root)
    return stale_member(loaded, loaded.project, loaded.member("service"))


@pytest.mark.parametrize("marker", ["'linux' in sys_platform", "python_version < '3.8'", "platform_release >= '5'"])
def test_a_requirement_that_comes_or_goes_raises_the_alarm_whatever_its_marker(root: Path, marker: str) -> None:
    """Only one that never holds for the lock's Pythons may come unnoticed: nothing would be installed for it."""
    alone, two = Project((Need("alpha"),)), Project((Need("alpha"), Need("gamma", marker=marker)))
    written = lock(root, two)
    assert ours(root, two, written) == ()
    assert ours(root, alone, written) != ()
    assert stale_for_uv(root)
    written = lock(root, alone)
    assert (ours(root, two, written) != ()) is (marker != "python_version < '3.8'")
    assert stale_for_uv(root)


def test_what_the_build_backend_knows_is_not_compared() -> None:
    """Dynamic dependencies are in the lock alone."""
    project = {"project": {"name": "service", "dynamic": ["version", "dependencies"]}}
    assert stale_requirements(project, _locked([{"name": "alpha"}]), requires_python=">=3.11") == ()


def test_static_dependencies_are_compared_beside_dynamic_extras() -> None:
    project = {"project": {"name": "service", "dynamic": ["optional-dependencies"], "dependencies": ["alpha>=2"]}}
    entries = [{"name": "alpha"}, {"name": "beta", "marker": "extra == 'one'"}]
    alarms = stale_requirements(project, _locked(entries, ["one"]), requires_python=">=3.11")
    assert alarms == (Stale(package="service", declared="'alpha>=2'", locked="'alpha'"),)


def test_a_package_without_a_project_table_is_not_compared() -> None:
    assert stale_requirements({}, _locked([{"name": "alpha"}]), requires_python=">=3.11") == ()


def test_a_lock_without_metadata_is_fresh_for_a_project_without_requirements_alone() -> None:
    """uv writes no metadata where there is nothing to say; locks of the first revision have no list of extras."""
    empty = {"project": {"name": "service", "optional-dependencies": {"one": []}}}
    assert stale_requirements(empty, _locked([]), requires_python=">=3.11") == ()
    needy = {"project": {"name": "service", "dependencies": ["alpha"]}}
    alarms = stale_requirements(needy, _locked([]), requires_python=">=3.11")
    assert alarms == (Stale(package="service", declared="'alpha'", locked=None),)


def test_a_requirement_that_cannot_be_read_is_taken_for_fresh() -> None:
    """uv read it when it locked; what of it differs cannot be said."""
    unreadable = "alpha >=1,<<2 ; nonsense"
    for project in (
        {"dependencies": [unreadable, "beta<2"]},
        {"dependencies": ["beta<2"], "optional-dependencies": {"one": [unreadable]}},
    ):
        entries = [{"name": "alpha", "specifier": ">=1"}, {"name": "beta", "specifier": "<2"}]
        assert (
            stale_requirements({"project": {"name": "service", **project}}, _locked(entries), requires_python=">=3.11")
            == ()
        )


@pytest.mark.parametrize(
    ("source", "fresh"),
    [
        ({"workspace": True}, True),
        ({"path": "../alpha"}, True),
        ({"git": "https://git.example.org/alpha"}, False),
        ({"url": "https://example.org/alpha.whl"}, False),
        ({"index": "own"}, False),
        ([{"path": "../alpha", "extra": "one"}], False),
        ([{"path": "../alpha", "marker": "sys_platform == 'linux'"}], False),
        ([{"path": "../alpha", "marker": "python_version >= '3'"}], True),
    ],
)
@pytest.mark.parametrize("place", ["member", "root"])
def test_a_source_of_another_kind_raises_the_alarm(place: str, source: object, *, fresh: bool) -> None:
    """Members inherit the root's sources."""
    sources = {"Alpha": source}
    project: dict[str, object] = {"project": {"name": "service", "dependencies": ["alpha"]}}
    if place == "member":
        project["tool"] = {"uv": {"sources": sources}}
    alarms = stale_requirements(
        project,
        _locked([{"name": "alpha", "editable": "alpha"}]),
        requires_python=">=3.11",
        root_sources=sources if place == "root" else None,
    )
    assert (alarms == ()) is fresh


def test_the_kinds_of_sources_that_uv_locks_are_known(root: Path, tmp_path: Path) -> None:
    """Each kind of source, and of direct reference, is fresh right after uv locked it."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "pyproject.toml").write_text('[project]\nname = "delta"\nversion = "1.0"\n')
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "all"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    by_path = f"zeta @ {(root / 'wheels' / 'zeta-1.0-py3-none-any.whl').as_uri()}"
    project = Project(
        (Need("alpha"), Need("gamma"), Need("delta"), Need("lib-one"), Need("lib-two"), Need(by_path)),
        {"one": (Need("epsilon"), Need("service[two]")), "two": (Need("epsilon"), Need("alpha"))},
        sources={
            "alpha": '{ index = "own" }',
            "gamma": "[{ path = 'wheels/gamma-2.0-py3-none-any.whl', marker = \"sys_platform == 'win32'\" }]",
            "delta": f'{{ git = "{repository.as_uri()}" }}',
            "lib-one": '{ path = "lib-one", editable = true }',
            "lib-two": '{ path = "lib-two", package = false }',
            "epsilon": '[{ path = "wheels/epsilon-2.0-py3-none-any.whl", extra = "one" }]',
        },
    )
    written = lock(root, project)
    service = written.local("service")
    assert service is not None
    kinds = {key for entry in service.metadata["requires-dist"] for key in entry}
    assert kinds >= {"index", "path", "git", "editable", "virtual"}
    assert ours(root, project, written) == ()


def test_a_member_of_this_repository_is_fresh() -> None:
    repository = Path(__file__).parents[2]
    written = Lock.load(repository / "uv.lock")
    for package in written.packages:
        if package.folder is not None:
            pyproject = tomllib.loads((repository / package.folder / "pyproject.toml").read_text())
            sources = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["uv"]["sources"]
            alarms = stale_requirements(
                pyproject, package, requires_python=written.requires_python, root_sources=sources
            )
            assert alarms == ()


def _locked(requires_dist: Sequence[Mapping[str, object]], extras: Sequence[str] | None = None) -> LockedPackage:
    metadata: dict[str, object] = {"requires-dist": requires_dist} if requires_dist else {}
    if extras is not None:
        metadata["provides-extras"] = extras
    return LockedPackage(
        name="service",
        version="0",
        source={"virtual": "."},
        dependencies=(),
        optional={},
        sdist=None,
        wheels=(),
        metadata=metadata,
    )


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "no-sources = true\n",
        'no-sources-package = ["Lib"]\n',
        'dependency-metadata = [{ name = "lib", version = "1", requires-dist = ["alpha"] }]\n',
        'override-dependencies = ["alpha==1.0"]\nexclude-dependencies = ["gamma"]\n',
    ],
)
@pytest.mark.parametrize("place", ["pyproject.toml", "uv.toml"])
def test_a_setting_that_changes_what_uv_reads_raises_no_alarm(
    place: str, settings: str, root: Path, tmp_path: Path
) -> None:
    """Sources that uv was told to ignore, metadata that it was told instead of a package's own."""
    workspace(
        tmp_path,
        {
            "service": 'dependencies = ["lib"]\n[tool.uv.sources]\nlib = { workspace = true }\n',
            "lib": 'dependencies = ["gamma"]\n',
        },
        globs=["service", "lib"],
        tail="" if place == "uv.toml" else f'find-links = ["wheels"]\n{settings}',
    )
    if place == "uv.toml":
        own = "exclude-dependencies" in settings
        (tmp_path / "uv.toml").write_text("no-index = true\nfind-links = ['wheels']\n" + ("" if own else settings))
    (tmp_path / "wheels").mkdir()
    for name in ("alpha", "gamma", "lib"):
        wheel(tmp_path / "wheels", name)
    uv("lock", cwd=tmp_path)
    loaded = Workspace.load(tmp_path)
    assert [stale_member(loaded, loaded.project, member) for member in loaded.members] == [(), ()]


@pytest.mark.parametrize(
    "source",
    ["{ workspace = true }", "{ path = '../lib' }", "[{ workspace = true, marker = \"sys_platform != 'win32'\" }]"],
)
def test_a_version_of_what_has_a_place_of_its_own_raises_no_alarm(source: str, root: Path, tmp_path: Path) -> None:
    """uv locks where such a package lies, and not which version was asked for."""
    member = "lib" if "workspace" in source else ""
    workspace(
        tmp_path,
        {"service": f'dependencies = ["lib>=0.1"]\n[tool.uv.sources]\nlib = {source}\n', "lib": ""},
        globs=["service", *([member] if member else [])],
        tail='find-links = ["wheels"]\n',
    )
    (tmp_path / "wheels").mkdir()
    wheel(tmp_path / "wheels", "lib")
    uv("lock", cwd=tmp_path)
    loaded = Workspace.load(tmp_path)
    assert () == stale_member(loaded, loaded.project, loaded.member("service"))
