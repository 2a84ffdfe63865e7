"""What of a local package's folder enters a build context, and what never does.

Covers also: context/named_in_tables.py, context/private_keys.py, context/wanted.py.
"""

import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from backends import CASES, PROJECT, TEST_LIKE, build_wheels
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ignoring import RULES, git_ignores, make_tree, needs_git
from uv_workspace_function.code.layouts import layout_of
from uv_workspace_function.context.files import PackageFiles, package_files
from uv_workspace_function.context.gitignore import GitRepository
from uv_workspace_function.context.private_keys import holds_private_key
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member

UV_BUILD = PROJECT + '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
HATCHLING = PROJECT + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = PROJECT + '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
OURS = "[tool.uv-workspace-function]\n"
INIT = "src/acme_orders/__init__.py"
HEADER = "-----BEGIN PRIVATE KEY-----"
FOOTER = "-----END PRIVATE KEY-----"
KEY = f"{HEADER}\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n{FOOTER}\n"


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(root: Path, folder: str = "orders", others: tuple[str, ...] = ()) -> PackageFiles:
    pyproject = Pyproject.load(root / folder / "pyproject.toml")
    return package_files(GitRepository.at(root), member(root, folder, pyproject), [PurePosixPath(o) for o in others])


def member(root: Path, folder: str, pyproject: Pyproject) -> Member:
    return Member(name="acme-orders", folder=PurePosixPath(folder), root=root.resolve(), pyproject=pyproject)


def dropped(sources: PackageFiles) -> tuple[tuple[str, str], ...]:
    return tuple((one.path, one.reason) for one in sources.dropped)


@pytest.fixture
def orders(tmp_path: Path) -> Any:
    """The sources of a package `orders/` that has `src/acme_orders/__init__.py`, `tests/test_orders.py` and what is given."""

    def of(files: dict[str, str | bytes] | None = None, pyproject: str = UV_BUILD) -> PackageFiles:
        basic = {"pyproject.toml": pyproject, INIT: "", "tests/test_orders.py": "", "README.md": "# Orders"}
        make(tmp_path, {f"orders/{path}": content for path, content in {**basic, **(files or {})}.items()})
        return read(tmp_path)

    return of


def listed(sources: PackageFiles) -> list[str]:
    """The paths besides the module's `__init__.py`, relative to `orders/`."""
    return [path for path in (path.removeprefix("orders/") for path in sources.files) if path != INIT]


# What a build needs


@pytest.mark.parametrize("backend", sorted({case.backend for case in CASES}))
def test_a_wheel_built_from_the_sources_alone_is_the_same(backend: Any, tmp_path: Path) -> None:
    """Every backend makes the same wheel, byte for byte, of the whole folder and of what enters the context."""
    cases = [case for case in CASES if case.backend == backend]
    whole = [case.write(tmp_path / f"whole-{number}") for number, case in enumerate(cases)]
    staged = [stage(folder, tmp_path / f"staged-{number}") for number, folder in enumerate(whole)]
    wheels = build_wheels(backend, whole + staged)
    for case, of_whole, of_staged in zip(cases, wheels[: len(cases)], wheels[len(cases) :], strict=True):
        assert of_whole, f"{case} was not built; the message is above"
        assert of_staged == of_whole, str(case)


@pytest.mark.parametrize(
    ("where", "computed"),
    [
        ("python", "package_dir={'': HERE}, packages=find_packages(HERE)"),
        ("python/acme_orders", "package_dir={'acme_orders': HERE}, packages=['acme_orders', 'acme_orders.dist']"),
        (".", "package_dir={'acme_orders': HERE}, packages=['acme_orders', 'acme_orders.build', 'acme_orders.tests']"),
    ],
)
def test_modules_that_look_like_tests_are_sources_where_a_program_picks_the_packages(
    where: Any, computed: Any, tmp_path: Path
) -> None:
    """What nobody can read off a `setup.py` lacks no module for its name."""
    program = f"from setuptools import find_packages, setup\nHERE = {where!r}\nsetup({computed})\n"
    files = [path.removeprefix("python/acme_orders/") if where == "." else path for path in TEST_LIKE]
    whole = make(tmp_path / "whole", {**dict.fromkeys(files, "#"), "setup.py": program, "pyproject.toml": SETUPTOOLS})
    of_whole, of_staged = build_wheels("setuptools", [whole, stage(whole, tmp_path / "staged")])
    assert {"acme_orders/ab_test.py", "acme_orders/test_client.py"} <= of_whole.keys()
    assert of_staged == of_whole


PLUGIN = """
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from hatchling.plugin import hookimpl
from hatchling.version.source.plugin.interface import VersionSourceInterface

class Hook(BuildHookInterface):
    PLUGIN_NAME = "made"
    def initialize(self, version, build_data):
        build_data["force_include"][str(Path(self.root, "schemas"))] = "acme_orders/schemas"

class MetadataHook(MetadataHookInterface):
    PLUGIN_NAME = "made"
    def update(self, metadata):
        metadata["dependencies"] = Path(self.root, "needs.txt").read_text().split()

class Source(VersionSourceInterface):
    PLUGIN_NAME = "made"
    def get_version_data(self):
        return {"version": Path(self.root, "package.json").read_text()}

@hookimpl
def hatch_register_build_hook():
    return Hook

@hookimpl
def hatch_register_metadata_hook():
    return MetadataHook

@hookimpl
def hatch_register_version_source():
    return Source
"""


@pytest.mark.parametrize(
    ("tables", "dynamic"),
    [
        ("[tool.hatch.build.hooks.made]\n", ""),
        ("[tool.hatch.build.targets.wheel.hooks.made]\n", ""),
        ("[tool.hatch.metadata.hooks.made]\n", "dependencies"),
        ('[tool.hatch.version]\nsource = "made"\n', "version"),
    ],
)
def test_a_hatch_plugin_finds_every_file(
    tables: str, dynamic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever files it reads, nobody here can know: the wheel of the sources is the wheel of the folder."""
    info = {"METADATA": "Name: made\nVersion: 1\n", "entry_points.txt": "[hatch]\nmade = made_plugin\n"}
    make(tmp_path / "site", {"made_plugin.py": PLUGIN, **{f"made-1.dist-info/{k}": text for k, text in info.items()}})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    project = PROJECT if dynamic != "version" else PROJECT.replace('version = "1"\n', "")
    pyproject = HATCHLING.replace(PROJECT, project + (f'dynamic = ["{dynamic}"]\n' if dynamic else "")) + tables
    files = {
        INIT: "",
        "schemas/tests/x.json": "{}",
        "needs.txt": "six",
        "package.json": "9",
        "pyproject.toml": pyproject,
    }
    whole = make(tmp_path / "whole", {**files})
    of_whole, of_staged = build_wheels("hatchling", [whole, stage(whole, tmp_path / "staged")])
    assert of_whole
    assert of_whole != build_wheels("hatchling", [make(tmp_path / "plain", {INIT: "", "pyproject.toml": HATCHLING})])[0]
    assert of_staged == of_whole


# What the hook of hatch-polylith-bricks does, by its README: hand the bricks over to force-include, below a top namespace.
POLYLITH = """
import shutil, tomllib
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

class Hook(BuildHookInterface):
    PLUGIN_NAME = "polylith-bricks"
    def initialize(self, version, build_data):
        polylith = tomllib.loads(Path(self.root, "pyproject.toml").read_text())["tool"]["polylith"]
        top = polylith.get("build", {}).get("top-namespace") or self.config.get("top-namespace")
        for source, place in polylith["bricks"].items():
            build_data["force_include"][source] = f"{top}/{place}" if top else place

@hookimpl
def hatch_register_build_hook():
    return Hook
"""


@pytest.mark.parametrize("top", ["", "mine"])
def test_bricks_of_polylith_are_sources(top: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders that a project names in `[tool.polylith.bricks]` are its modules, at the places it gives them."""
    info = {"METADATA": "Name: made\nVersion: 1\n", "entry_points.txt": "[hatch]\nmade = made_plugin\n"}
    make(tmp_path / "site", {"made_plugin.py": POLYLITH, **{f"made-1.dist-info/{k}": text for k, text in info.items()}})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    pyproject = (
        HATCHLING.replace('"hatchling"]', '"hatchling", "hatch-polylith-bricks"]')
        + f"[tool.hatch.build.hooks.polylith-bricks]\n{f'top-namespace = {top!r}' if top else ''}\n"
        + "[tool.hatch.build.targets.wheel]\nbypass-selection = true\n"
        + '[tool.polylith.bricks]\n"../../bases/acme/api" = "acme/api"\n"../../components/acme/log" = "acme/log"\n'
    )
    bricks = ("bases/acme/api/__init__.py", "bases/acme/api/core.py", "components/acme/log/__init__.py")
    files: dict[str, str | bytes] = {
        **dict.fromkeys((*bricks, "components/acme/other/__init__.py"), ""),
        "projects/svc/pyproject.toml": pyproject,
    }
    sources = read(make(tmp_path / "whole", files), "projects/svc")
    make(tmp_path / "staged", {path: file.content for path, file in sources.files.items()})
    make(tmp_path / "staged", {"projects/svc/pyproject.toml": pyproject})
    folders = [tmp_path / "whole/projects/svc", tmp_path / "staged/projects/svc"]
    of_whole, of_staged = build_wheels("hatchling", folders)
    assert of_staged == of_whole
    modules = layout_of(Pyproject.from_dict(tomllib.loads(pyproject)), folders[0]).modules
    python = {name for name in of_whole if name.endswith(".py")}
    assert len(python) == len(bricks)
    assert {f"{module.name.replace('.', '/')}/__init__.py" for module in modules} == {n for n in python if "init" in n}
    assert sorted(sources.files) == sorted(bricks)


def test_modules_outside_the_package_are_sources(tmp_path: Path) -> None:
    """`package-dir` may lead to another folder of the workspace."""
    tables = '[tool.setuptools]\npackages = ["lib", "lib.shared"]\n[tool.setuptools.package-dir]\n'
    pyproject = f'{SETUPTOOLS}{tables}lib = "code"\n"lib.shared" = "../../shared/py"\n'
    files = ("libs/lib/code/__init__.py", "shared/py/__init__.py", "shared/py/test_x.py")
    make(tmp_path / "whole", {**dict.fromkeys(files, "#"), "shared/other.py": "", "libs/lib/pyproject.toml": pyproject})
    sources = read(tmp_path / "whole", "libs/lib")
    make(tmp_path / "staged", {path: file.content for path, file in sources.files.items()})
    make(tmp_path / "staged", {"libs/lib/pyproject.toml": pyproject})
    folders = [tmp_path / "whole/libs/lib", tmp_path / "staged/libs/lib"]
    of_whole, of_staged = build_wheels("setuptools", folders)
    assert {"lib/__init__.py", "lib/shared/test_x.py"} <= of_whole.keys()
    assert of_staged == of_whole
    assert "shared/other.py" not in sources.files


def stage(folder: Path, target: Path) -> Path:
    sources = read(folder, ".")
    target.mkdir()
    for path, file in sources.files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(file.content)
    shutil.copy(folder / "pyproject.toml", target)
    return target


def test_setuptools_scm_finds_data_files_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel has the data files that git would have listed for setuptools, and keeps what `MANIFEST.in` says."""
    monkeypatch.setenv("SETUPTOOLS_SCM_PRETEND_VERSION", "3")
    pyproject = """
        [project]
        name = "acme-orders"
        dynamic = ["version"]
        [build-system]
        requires = ["setuptools", "setuptools-scm"]
        build-backend = "setuptools.build_meta"
        [tool.setuptools_scm]
    """
    files = {
        INIT: "",
        "src/acme_orders/data/x.json": "{}",
        "src/acme_orders/data/y.bin": "",
        "pyproject.toml": pyproject,
    }
    make(tmp_path / "whole", {**files, "MANIFEST.in": "global-exclude *.bin\n"})
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path / "whole", check=True)
    of_whole, of_staged = build_wheels(
        "setuptools", [tmp_path / "whole", stage(tmp_path / "whole", tmp_path / "staged")]
    )
    assert of_staged == of_whole
    assert {"acme_orders/data/x.json", "acme_orders/data/y.bin"} & of_staged.keys() == {"acme_orders/data/x.json"}


def test_only_code_and_what_the_tables_name_enters(orders: Any) -> None:
    """A file that nothing names stays out: the tests, an undeclared readme, a script beside the package."""
    assert listed(orders({"notes.txt": "", "scripts/run.py": "", "docs/index.md": ""})) == []


@pytest.mark.parametrize(
    "pyproject",
    [
        HATCHLING
        + '[tool.hatch.build]\nexclude = ["notes.txt"]\n[tool.hatch.build.targets.sdist]\ninclude = ["docs"]\n',
        HATCHLING + '[tool.hatch.build.targets.wheel]\npackages = ["src/acme_orders"]\ndev-mode-dirs = ["docs"]\n',
        HATCHLING + '[tool.hatch.envs.docs]\npath = "docs"\n[tool.ruff]\nextend = "notes.txt"\n',
        UV_BUILD + '[tool.uv.build-backend]\nsource-include = ["docs/**"]\nwheel-exclude = ["notes.txt"]\n',
        PROJECT
        + '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
        + '[tool.poetry]\nexclude = ["notes.txt"]\ninclude = [{ path = "docs", format = "sdist" }]\n'
        + '[tool.poetry.group.docs.dependencies]\nx = { path = "docs" }\n',
        PROJECT
        + '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
        + '[tool.pdm.build]\nexcludes = ["notes.txt"]\nsource-includes = ["docs"]\n[tool.pdm.scripts]\ndoc = "docs"\n',
    ],
)
def test_what_a_wheel_does_not_hold_is_not_named(orders: Any, pyproject: str) -> None:
    """Excludes, what goes into a source distribution alone, and the tables of other tools bring in nothing."""
    assert listed(orders({"notes.txt": "", "docs/index.md": ""}, pyproject)) == []


def test_the_readme_and_licences_of_the_project_table_enter(orders: Any) -> None:
    """PEP 621's readme and PEP 639's licence globs are read by the build."""
    project = (
        PROJECT
        + 'readme = { file = "README.md", content-type = "text/markdown" }\nlicense-files = ["LICEN[CS]E*", "l/*.txt"]\n'
    )
    pyproject = UV_BUILD.replace(PROJECT, project)
    files = {"LICENSE": "", "l/MIT.txt": "", "l/sub/no.txt": "", "NOTICE": ""}
    assert listed(orders(files, pyproject)) == ["LICENSE", "README.md", "l/MIT.txt"]


def test_data_of_any_name_inside_the_package_enters(orders: Any) -> None:
    """A package may call a folder of its own `build`, `dist`, `test` or `tests`."""
    inside = [f"src/acme_orders/{name}" for name in ("build/x.py", "data.bin", "dist/y", "test/z.py", "tests/t.py")]
    assert listed(orders(dict.fromkeys(inside, ""))) == inside


def test_the_executable_bit_is_the_owners(orders: Any, tmp_path: Path) -> None:
    """Whether the owner may execute a file counts, and nothing else of its mode."""
    make(tmp_path, {"orders/src/acme_orders/run": "", "orders/src/acme_orders/group": ""})
    (tmp_path / "orders/src/acme_orders/run").chmod(0o700)
    (tmp_path / "orders/src/acme_orders/group").chmod(0o655)
    files = orders().files
    assert {path: file.executable for path, file in files.items() if file.executable} == {
        "orders/src/acme_orders/run": True
    }


# What never enters


@pytest.mark.parametrize(
    ("path", "shown", "reason"),
    [
        (".env", ".env", "can hold secrets"),
        (".env.production", ".env.production", "can hold secrets"),
        (".envrc", ".envrc", "can hold secrets"),
        (".venv/lib/x.py", ".venv/", "a virtual environment"),
        ("any_name/pyvenv.cfg", "any_name/", "a virtual environment"),
        ("node_modules/x/index.js", "node_modules/", "installed by npm, not a source"),
        ("cdk.out/manifest.json", "cdk.out/", "written by cdk synth"),
        ("key.pem", "key.pem", "holds a private key"),
    ],
)
def test_what_never_enters_is_listed(orders: Any, path: Any, shown: Any, reason: Any) -> None:
    """What may be missed inside an importable package is left out and said."""
    sources = orders({f"src/acme_orders/{path}": KEY})
    assert listed(sources) == []
    assert dropped(sources) == ((f"orders/src/acme_orders/{shown}", reason),)


NEVER = "git's or a tool's own, and never a source"


@pytest.mark.parametrize(
    ("path", "shown", "reason"),
    [
        ("x.pyc", "x.pyc", "bytecode, which the build makes of sources"),
        ("x.pyo", "x.pyo", "bytecode, which the build makes of sources"),
        (".git/config", ".git/", NEVER),
        (".cache/x", ".cache/", NEVER),
        (".mypy_cache/x.json", ".mypy_cache/", NEVER),
        (".DS_Store", ".DS_Store", NEVER),
        (".coverage.host.1", ".coverage.host.1", NEVER),
        (".ipynb_checkpoints/x.ipynb", ".ipynb_checkpoints/", NEVER),
        ("acme.egg-info/PKG-INFO", "acme.egg-info/", NEVER),
        ("anything/CACHEDIR.TAG", "anything/", "a cache, by its CACHEDIR.TAG"),
        ("x.py~", "x.py~", NEVER),
        (".x.py.swp", ".x.py.swp", NEVER),
    ],
)
def test_caches_stay_out_and_are_told(orders: Any, path: str, shown: str, reason: str) -> None:
    """A module can be called so, too."""
    sources = orders({f"src/acme_orders/{path}": ""})
    assert ([], ((f"orders/src/acme_orders/{shown}", reason),)) == (listed(sources), dropped(sources))


def test_the_bytecode_that_python_itself_has_left_is_not_worth_a_line(orders: Any) -> None:
    sources = orders({"src/acme_orders/__pycache__/x.cpython-314.pyc": ""})
    assert ([], ()) == (listed(sources), sources.dropped)


def test_what_a_copied_project_has_beside_its_code_is_told(tmp_path: Path) -> None:
    """By its name alone: it can be a module."""
    make(tmp_path, {"svc/main.py": "", "svc/build/x.py": "", "svc/README.md": ""})
    pyproject = Pyproject.from_dict({"project": {"name": "svc"}})
    sources = package_files(GitRepository.at(tmp_path), member(tmp_path, "svc", pyproject))
    reason = "a test, a document or a tool by its name"
    assert (("svc/README.md", reason), ("svc/build/", reason)) == dropped(sources)


def test_nothing_forces_a_secret_in(orders: Any) -> None:
    """Neither `include` nor the backend brings in what never enters."""
    pyproject = (
        HATCHLING
        + '[tool.hatch.build.targets.wheel.force-include]\n".env" = "acme_orders/.env"\n"key.pem" = "acme_orders/k"\n'
        + OURS
        + 'include = ["**"]\n'
    )
    sources = orders({".env": "", "key.pem": KEY, "deep/.venv/x": "", "node_modules/x": ""}, pyproject)
    assert listed(sources) == ["README.md", "tests/test_orders.py"]
    assert [dropped.path for dropped in sources.dropped] == [
        "orders/.env",
        "orders/deep/.venv/",
        "orders/key.pem",
        "orders/node_modules/",
    ]


def private_keys() -> dict[str, bytes]:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    formats = serialization.PrivateFormat
    forms = {"pkcs1": formats.TraditionalOpenSSL, "pkcs8": formats.PKCS8, "openssh": formats.OpenSSH}
    keys: dict[str, Any] = {"rsa": rsa.generate_private_key(65537, 1024), "ec": ec.generate_private_key(ec.SECP256R1())}
    texts = {
        f"{name} {form}": key.private_bytes(pem, kind, plain)
        for name, key in keys.items()
        for form, kind in forms.items()
    }
    edwards = ed25519.Ed25519PrivateKey.generate()
    texts["ed25519"] = edwards.private_bytes(pem, formats.PKCS8, plain)
    texts["encrypted"] = edwards.private_bytes(pem, formats.PKCS8, serialization.BestAvailableEncryption(b"x"))
    return texts


KEYS = private_keys()
PKCS8 = KEYS["rsa pkcs8"].decode()
LEGACY_ENCRYPTED = (
    KEYS["rsa pkcs1"]
    .decode()
    .replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17F5316E2BAC89\n\n", 1)
)
OPENPGP = (
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n"
    + "\n".join(PKCS8.splitlines()[1:-1])
    + "\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"
)


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text.decode(), id=name) for name, text in KEYS.items()),
        pytest.param(PKCS8.replace("\n", "\r\n"), id="windows line ends"),
        pytest.param("subject=x\n" + PKCS8 + "more\n", id="amid other text"),
        pytest.param(json.dumps({"type": "service_account", "private_key": PKCS8}), id="json"),
        pytest.param(f"KEY = {PKCS8!r}", id="python literal"),
        pytest.param(
            "KEY = (\n" + "\n".join(f"    {line!r}" for line in PKCS8.splitlines(keepends=True)) + "\n)",
            id="python lines",
        ),
        pytest.param("key: |\n" + "".join(f"  {line}\n" for line in PKCS8.splitlines()), id="yaml block"),
        pytest.param(LEGACY_ENCRYPTED, id="rfc 1421 headers"),
        pytest.param(OPENPGP, id="openpgp"),
        pytest.param(KEY, id="a short one"),
    ],
)
def test_a_whole_private_key_is_seen(text: Any) -> None:
    """Keys as tools write them, and as people paste them into code and configuration."""
    assert holds_private_key(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"if data.startswith(b'{HEADER}'):\n    load(data)\n", id="the header alone"),
        pytest.param(f'START = "{HEADER}"\nEND = "{FOOTER}"\n', id="header and footer"),
        pytest.param(f'pem = "{HEADER}\\n" + body + "\\n{FOOTER}"', id="put together"),
        pytest.param(f'pem = f"{HEADER}\\n{{body}}\\n{FOOTER}"', id="a template"),
        pytest.param(f'pem = "{HEADER}\\nyourKey\\n{FOOTER}"', id="a placeholder"),
        pytest.param(f'"""Looks like\n{HEADER}\n...\n{FOOTER}\n"""', id="documentation"),
        pytest.param(f"{HEADER}\n{FOOTER}\n", id="no body"),
        pytest.param(PKCS8.replace("PRIVATE", "PUBLIC"), id="a public key"),
        pytest.param("\n".join(PKCS8.splitlines()[:-1]), id="no footer"),
        pytest.param(PKCS8.replace(FOOTER, "-----END EC PRIVATE KEY-----"), id="another footer"),
    ],
)
def test_a_mention_of_a_private_key_is_none(text: Any) -> None:
    """A module that only mentions a header stays."""
    assert not holds_private_key(text.encode())


@given(before=st.binary(), key=st.sampled_from(sorted(KEYS)), after=st.binary(), other=st.binary())
def test_a_private_key_is_seen_wherever_it_lies(before: Any, key: Any, after: Any, other: Any) -> None:
    """Bytes around a key do not hide it, and bytes without one are none."""
    assert holds_private_key(before + b"\n" + KEYS[key] + after)
    assert not holds_private_key(other)


# Links


def test_links_inside_the_repository_are_followed(orders: Any, tmp_path: Path) -> None:
    """A link's content is copied to where the link stands, from the package, the workspace or the repository around it."""
    make(tmp_path, {"shared/schema.json": "{}", "shared/deep/x.json": "x", "orders/data/y": "y"})
    package = make(tmp_path, {f"orders/{INIT}": ""}) / "orders/src/acme_orders"
    (package / "schema.json").symlink_to("../../../shared/schema.json")
    (package / "deep").symlink_to("../../../shared/deep")
    (package / "y").symlink_to("../../data/y")
    sources = orders()
    assert {path: sources.files[f"orders/{path}"].content for path in listed(sources)} == {
        "src/acme_orders/deep/x.json": b"x",
        "src/acme_orders/schema.json": b"{}",
        "src/acme_orders/y": b"y",
    }
    assert sources.dropped == ()


def test_a_link_may_lead_out_of_the_workspace_but_not_of_the_repository(tmp_path: Path) -> None:
    """Where the workspace is a part of a repository, that is the border."""
    workspace = make(tmp_path, {".git/HEAD": "", "shared.json": "{}", "ws/orders/pyproject.toml": UV_BUILD}) / "ws"
    make(workspace, {f"orders/{INIT}": ""})
    (workspace / "orders/src/acme_orders/shared.json").symlink_to("../../../../shared.json")
    assert listed(read(workspace)) == ["src/acme_orders/shared.json"]


@pytest.mark.parametrize("target", ["secret.txt", "folder", "missing"])
def test_a_link_out_of_the_repository_is_dropped(
    orders: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, target: Any
) -> None:
    """What lies elsewhere on the machine does not enter, file or folder, whether it exists or not."""
    elsewhere = make(tmp_path_factory.mktemp("elsewhere"), {"secret.txt": "s", "folder/secret.txt": "s"})
    package = make(tmp_path, {f"orders/{INIT}": ""}) / "orders/src/acme_orders"
    (package / "link").symlink_to(elsewhere / target)
    sources = orders()
    assert listed(sources) == []
    assert dropped(sources) == (("orders/src/acme_orders/link", "reached through a link out of the repository"),)


def test_a_file_behind_a_link_out_of_the_repository_is_dropped(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The readme that leads out through a folder is not read."""
    elsewhere = make(tmp_path_factory.mktemp("elsewhere"), {"README.md": "s"})
    pyproject = UV_BUILD.replace(PROJECT, PROJECT + 'readme = "docs/README.md"\n')
    make(tmp_path, {"orders/pyproject.toml": pyproject, f"orders/{INIT}": ""})
    (tmp_path / "orders/docs").symlink_to(elsewhere)
    sources = read(tmp_path)
    assert listed(sources) == []
    assert dropped(sources) == (("orders/docs", "reached through a link out of the repository"),)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("../../../.env", "a link to .env: can hold secrets"),
        ("../../../.venv/x", "a link to .venv/x: a virtual environment"),
        ("../../../.git/config", "a link to .git/config: git's or a tool's own, and never a source"),
        ("../../../local.json", "a link to local.json, which is ignored by .gitignore"),
        ("nothing", "a link to nothing"),
    ],
)
def test_a_link_brings_in_nothing_that_would_not_enter_itself(
    orders: Any, tmp_path: Path, target: Any, reason: Any
) -> None:
    """A link to a secret or to an ignored file is dropped like the file."""
    make(tmp_path, {".env": "", ".venv/x": "", ".git/config": "", "local.json": "", ".gitignore": "local.json"})
    make(tmp_path, {f"orders/{INIT}": ""})
    (tmp_path / "orders/src/acme_orders/link").symlink_to(target)
    assert dropped(orders()) == (("orders/src/acme_orders/link", reason),)


@pytest.mark.parametrize("target", ["link", ".", "..", "../..", "../../..", "other"])
def test_a_link_cycle_is_refused(orders: Any, tmp_path: Path, target: Any) -> None:
    """A link to itself, to a folder above it, or round by another link, is named with what to do."""
    package = make(tmp_path, {f"orders/{INIT}": ""}) / "orders/src/acme_orders"
    (package / "link").symlink_to(target)
    (package / "other").symlink_to("link")
    with pytest.raises(WorkspaceError) as raised:
        orders()
    assert str(raised.value) == (
        "orders/src/acme_orders/link is a link that leads back to itself or to a folder above it; "
        "remove it, or list it in `exclude` of [tool.uv-workspace-function] in orders/pyproject.toml"
    )


def test_two_folders_that_link_to_each_other_are_refused(orders: Any, tmp_path: Path) -> None:
    """The cycle is found where it closes."""
    package = (
        make(tmp_path, {"orders/src/acme_orders/a/x": "", "orders/src/acme_orders/b/y": ""}) / "orders/src/acme_orders"
    )
    (package / "a/link").symlink_to("../b")
    (package / "b/link").symlink_to("../a")
    with pytest.raises(
        WorkspaceError, match=r"^orders/src/acme_orders/a/link/link is a link that leads back to itself"
    ):
        orders()


def test_an_excluded_link_cycle_is_no_matter(orders: Any, tmp_path: Path) -> None:
    """The remedy that the message names works."""
    make(tmp_path, {f"orders/{INIT}": ""})
    (tmp_path / "orders/src/acme_orders/link").symlink_to("..")
    sources = orders(pyproject=UV_BUILD + OURS + 'exclude = ["link"]\n')
    assert dropped(sources) == (("orders/src/acme_orders/link", "excluded by [tool.uv-workspace-function]"),)


def test_a_cycle_where_nothing_is_wanted_is_no_matter(orders: Any, tmp_path: Path) -> None:
    """A folder that can hold no source is not gone into."""
    make(tmp_path, {"orders/docs/x": ""})
    (tmp_path / "orders/docs/link").symlink_to("..")
    assert listed(orders()) == []


def test_a_package_behind_a_link_out_of_the_repository_is_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A whole package that lies elsewhere is no local package."""
    elsewhere = make(tmp_path_factory.mktemp("elsewhere"), {"pyproject.toml": UV_BUILD, INIT: ""})
    (tmp_path / "orders").symlink_to(elsewhere)
    with pytest.raises(WorkspaceError) as raised:
        read(tmp_path)
    assert str(raised.value) == (
        f"orders/ leads to {elsewhere}, outside the repository {tmp_path}; "
        "move the package into the repository or depend on a released version of it"
    )


# What cannot be read


@contextmanager
def without_privileges() -> Any:
    """As somebody whose permissions hold: root reads everything, so root steps down."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("path", ["data.json", "folder"])
def test_an_unreadable_source_is_refused(path: Any) -> None:
    """A file or folder that cannot be read is named; a context without it would be wrong."""
    module = "orders/src/acme_orders"
    files = [f"{module}/__init__.py", f"{module}/data.json", f"{module}/folder/x"]
    # Not in `tmp_path`: its parents are closed to everybody else.
    with tempfile.TemporaryDirectory() as temporary:
        root = make(Path(temporary), {"orders/pyproject.toml": UV_BUILD, **dict.fromkeys(files, "")})
        for inside in (root, *root.rglob("*")):
            inside.chmod(0o755)
        with without_privileges():
            assert list(read(root).files) == files
        (root / module / path).chmod(0)
        with without_privileges(), pytest.raises(WorkspaceError) as raised:
            read(root)
    assert str(raised.value) == (
        f"cannot read orders/src/acme_orders/{path}: Permission denied; make it readable, or list it in `exclude` of "
        "[tool.uv-workspace-function] in orders/pyproject.toml"
    )


def test_a_pipe_is_no_file(orders: Any, tmp_path: Path) -> None:
    """Something that is neither file nor folder is dropped, and nobody waits for it."""
    make(tmp_path, {f"orders/{INIT}": ""})
    os.mkfifo(tmp_path / "orders/src/acme_orders/pipe")
    assert dropped(orders()) == (("orders/src/acme_orders/pipe", "not a regular file"),)


def test_a_name_that_is_no_text_is_refused(orders: Any, tmp_path: Path) -> None:
    """A file name that is not UTF-8 cannot stand in an image's or an asset's list of files."""
    make(tmp_path, {f"orders/{INIT}": ""})
    name = os.fsencode(tmp_path / "orders/src/acme_orders") + b"/caf\xe9"
    try:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system takes only names that are UTF-8")
    with pytest.raises(WorkspaceError) as raised:
        orders()
    assert str(raised.value) == (
        "'orders/src/acme_orders/caf\\udce9' has a name that is not UTF-8, so no image can hold it; rename it"
    )


# .gitignore


def test_what_the_repository_ignores_is_dropped_and_listed(orders: Any, tmp_path: Path) -> None:
    """By the rules alone: nested files, negation, folders; a folder is listed once."""
    make(tmp_path, {".git/HEAD": "", ".gitignore": "*.log\n/orders/src/acme_orders/generated/\n"})
    inside = {
        f"src/acme_orders/{path}": ""
        for path in ("x.log", "generated/a.py", "generated/b.py", "sub/y.txt", "sub/k.log")
    }
    sources = orders({**inside, "src/acme_orders/sub/.gitignore": "*.txt\n!k.log\n"})
    assert listed(sources) == ["src/acme_orders/sub/.gitignore", "src/acme_orders/sub/k.log"]
    assert dropped(sources) == tuple(
        (f"orders/src/acme_orders/{path}", "ignored by .gitignore") for path in ("generated/", "sub/y.txt", "x.log")
    )


def test_a_tracked_file_is_ignored_all_the_same(orders: Any, tmp_path: Path) -> None:
    """Git's index has no say, and neither have `.git/info/exclude` and a user's own excludes."""
    make(
        tmp_path,
        {".gitignore": "*_pb2.py\n", "orders/src/acme_orders/a_pb2.py": "", "orders/src/acme_orders/b.tmp": ""},
    )
    for command in (["init", "--quiet"], ["add", "--force", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / ".git/info/exclude").write_text("*.tmp\n")
    assert listed(orders()) == ["src/acme_orders/b.tmp"]


def test_include_wins_over_gitignore(orders: Any, tmp_path: Path) -> None:
    """Generated code that is ignored yet needed is asked for."""
    make(tmp_path, {".gitignore": "*_pb2.py\ngenerated/\n"})
    pyproject = UV_BUILD + OURS + 'include = ["src/**/*_pb2.py", "assets"]\n'
    files = [
        "assets/generated/deep.txt",
        "assets/x.txt",
        "src/acme_orders/a_pb2.py",
        "src/acme_orders/generated/b_pb2.py",
    ]
    sources = orders({**dict.fromkeys(files, ""), "src/acme_orders/generated/c.py": ""}, pyproject)
    assert listed(sources) == files
    assert dropped(sources) == (("orders/src/acme_orders/generated/", "ignored by .gitignore"),)


def test_what_the_backend_names_wins_over_gitignore(orders: Any, tmp_path: Path) -> None:
    """A built frontend, an artifact, a version file: the backend takes them whether git ignores them or not."""
    make(tmp_path, {".gitignore": "build/\n*_pb2.py\nVERSION\n"})
    pyproject = HATCHLING + (
        '[tool.hatch.version]\npath = "VERSION"\n[tool.hatch.build]\nartifacts = ["*_pb2.py"]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["src/acme_orders"]\n'
        '[tool.hatch.build.targets.wheel.force-include]\n"frontend/build" = "acme_orders/static"\n'
    )
    files = ["VERSION", "frontend/build/js/app.js", "src/acme_orders/a_pb2.py"]
    sources = orders({**dict.fromkeys(files, ""), "src/acme_orders/build/x": ""}, pyproject)
    assert listed(sources) == files
    assert dropped(sources) == (("orders/src/acme_orders/build/", "ignored by .gitignore"),)


def test_a_declared_module_is_not_ignored_itself(orders: Any, tmp_path: Path) -> None:
    """A rule such as Python's usual `lib/` drops no package that its tables declare there; what lies below is ruled as ever."""
    make(tmp_path, {".gitignore": "lib/\n*.log\n"})
    pyproject = UV_BUILD + '[tool.uv.build-backend]\nmodule-root = "lib"\n'
    sources = orders({"lib/acme_orders/__init__.py": "", "lib/acme_orders/x.log": ""}, pyproject)
    assert listed(sources) == ["lib/acme_orders/__init__.py"]
    assert dropped(sources) == (
        ("orders/lib/", "ignored by .gitignore"),
        ("orders/lib/acme_orders/x.log", "ignored by .gitignore"),
    )


def test_a_workspace_in_an_ignored_folder_is_a_workspace(tmp_path: Path) -> None:
    """The rules above the workspace's root do not ignore the whole of it, nor what its links lead to."""
    make(tmp_path, {".git/HEAD": "", ".gitignore": "scratch/\n", "scratch/orders/pyproject.toml": UV_BUILD})
    make(tmp_path / "scratch", {f"orders/{INIT}": "", "shared.json": ""})
    (tmp_path / "scratch/orders/src/acme_orders/shared.json").symlink_to("../../../shared.json")
    assert listed(read(tmp_path / "scratch")) == ["src/acme_orders/shared.json"]


MODULE_PATHS = st.lists(
    st.lists(st.sampled_from(("a", "b", "a.py", "b.log", "x y", "é")), min_size=1, max_size=3).map("/".join),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("checkout")


@needs_git
@settings(deadline=None)
@given(paths=MODULE_PATHS, root=RULES, inside=RULES)
def test_a_package_holds_what_git_does_not_ignore(checkout: Any, paths: Any, root: Any, inside: Any) -> None:
    """Of everything below a module, exactly what `git check-ignore --no-index` lets pass."""
    module = "orders/src/acme_orders"
    rules = {folder: lines for folder, lines in root.items() if not folder}
    rules |= {f"{module}/{folder}".rstrip("/"): lines for folder, lines in inside.items()}
    tree = make_tree(checkout, rules, [f"{module}/__init__.py", *(f"{module}/{path}" for path in paths)])
    ignored = git_ignores(checkout, sorted(tree))
    assume(not ignored & {"orders", "orders/src", module})
    pyproject = Pyproject.from_dict(tomllib.loads(UV_BUILD))
    sources = package_files(GitRepository.at(checkout), member(checkout, "orders", pyproject))
    files = {path for path, is_folder in tree.items() if not is_folder and path.startswith(f"{module}/")}
    assert set(sources.files) == files - ignored
    covered = {
        path for path in ignored & files for d in sources.dropped if (path + "/").startswith(d.path.rstrip("/") + "/")
    }
    assert covered == ignored & files


def test_an_unreadable_gitignore_is_refused() -> None:
    """Without its rules, what it ignores would enter."""
    with tempfile.TemporaryDirectory() as temporary:
        root = make(Path(temporary), {"orders/pyproject.toml": UV_BUILD, f"orders/{INIT}": "", ".gitignore": ""})
        for inside in (root, *root.rglob("*")):
            inside.chmod(0o755)
        (root / ".gitignore").chmod(0)
        with without_privileges(), pytest.raises(WorkspaceError) as raised:
            read(root)
    assert str(raised.value) == f"cannot read {os.path.realpath(root)}/.gitignore: Permission denied; make it readable"


def test_a_discovered_module_in_an_ignored_folder_is_dropped_and_listed(orders: Any, tmp_path: Path) -> None:
    """Nothing names it: what the rules say of the folder above it holds."""
    make(tmp_path, {".gitignore": "src/\n"})
    sources = orders(pyproject=SETUPTOOLS)
    assert list(sources.files) == []
    assert dropped(sources) == (
        ("orders/src/", "ignored by .gitignore"),
        ("orders/src/acme_orders/", "in a folder ignored by .gitignore"),
    )


def test_a_folder_that_the_backend_selects_is_ruled_by_gitignore(orders: Any, tmp_path: Path) -> None:
    """Selecting a folder names no file in it: hatchling itself leaves out what git ignores there."""
    make(tmp_path, {".gitignore": "raw/\n"})
    pyproject = HATCHLING + '[tool.hatch.build.targets.wheel]\nonly-include = ["src/acme_orders", "assets-1"]\n'
    sources = orders({"assets-1/x.css": "", "assets-1/raw/x.psd": "", "assets-1/tests/y": ""}, pyproject)
    assert listed(sources) == ["assets-1/tests/y", "assets-1/x.css"]
    assert dropped(sources) == (("orders/assets-1/raw/", "ignored by .gitignore"),)


# The package's own table


def test_include_and_exclude_mean_what_uv_means(orders: Any) -> None:
    """What includes is anchored, what excludes is not unless it begins with a slash, and excludes win."""
    pyproject = (
        UV_BUILD + OURS + 'include = ["data/*.json", "*.sql", "assets"]\nexclude = ["skip.json", "/assets/raw"]\n'
    )
    files = [
        "assets/deep/raw/x",
        "assets/raw/x",
        "data/a.json",
        "data/deep/b.json",
        "data/skip.json",
        "deep/x.sql",
        "x.sql",
    ]
    sources = orders({**dict.fromkeys(files, ""), "src/acme_orders/skip.json": ""}, pyproject)
    assert listed(sources) == ["assets/deep/raw/x", "data/a.json", "x.sql"]
    reason = "excluded by [tool.uv-workspace-function]"
    assert dropped(sources) == tuple(
        (f"orders/{path}", reason) for path in ("assets/raw/", "data/skip.json", "src/acme_orders/skip.json")
    )


LEADS_OUT = (
    "'../*.md' in `{}` of [tool.uv-workspace-function] leads out of the package's folder; "
    "globs are relative to it and stay below it, and what lies elsewhere is included by its path"
)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('include = ["../*.md"]', LEADS_OUT.format("include")),
        ('exclude = ["../*.md"]', LEADS_OUT.format("exclude")),
        ('include = ["../x"]', "`include` of [tool.uv-workspace-function] names '../x', which does not exist"),
        ('include = ["[x"]', "malformed glob '[x' in [tool.uv-workspace-function]"),
    ],
)
def test_a_wrong_glob_is_refused(orders: Any, table: Any, message: Any) -> None:
    """The file, the key and the value are named."""
    with pytest.raises(WorkspaceError) as raised:
        orders(pyproject=UV_BUILD + OURS + table + "\n")
    assert str(raised.value) == f"orders/pyproject.toml: {message}"


# Other folders


def test_members_below_a_package_are_left_to_themselves(tmp_path: Path) -> None:
    """A root that is a package has its members below it, and theirs are not its sources, whatever is included."""
    pyproject = HATCHLING + OURS + 'include = ["**/*.json"]\n'
    make(
        tmp_path, {"pyproject.toml": pyproject, INIT: "", "x.json": "", "services/orders/y.json": "", "lib/z.json": ""}
    )
    sources = read(tmp_path, ".", others=("services/orders", "lib/none"))
    assert list(sources.files) == ["lib/z.json", INIT, "x.json"]


@pytest.mark.parametrize("hook", ["", '[tool.hatch.build.targets.wheel.hooks.custom]\npath = "x.json"\n'])
def test_modules_in_folders_of_members_are_sources_of_the_root_that_ships_them(tmp_path: Path, hook: str) -> None:
    """Its wheel has them; what else lies in the members' folders is theirs, though a hook may read anything of the root's own."""
    packages = '[tool.hatch.build.targets.wheel]\npackages = ["core/src/acme", "lib/base/src/acme"]\n'
    shipped = {"core/src/acme/core/__init__.py": "", "lib/base/src/acme/base.py": ""}
    more = {
        f"{member}/{name}": ""
        for member in ("core", "lib/base")
        for name in ("pyproject.toml", "data/x", "src/other.py")
    }
    make(tmp_path, {"pyproject.toml": HATCHLING + packages + hook, "x.json": "", **shipped, **more})
    sources = read(tmp_path, ".", others=("core", "lib/base"))
    assert sorted(shipped) == [path for path in sources.files if path != "x.json"]


def test_a_project_with_its_own_lock_is_left_to_itself(tmp_path: Path) -> None:
    """Whether it is known as another local package or not: a context has one lock."""
    project = PROJECT.replace("acme-orders", "root")
    make(
        tmp_path,
        {"pyproject.toml": project, "main.py": "", "tool/uv.lock": "", "tool/pyproject.toml": "", "tool/x.py": ""},
    )
    sources = read(tmp_path, ".")
    assert list(sources.files) == ["main.py"]
    assert dropped(sources) == (("tool/", "a project with a lock of its own"),)


PDM = PROJECT + '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
FOUND = SETUPTOOLS + '[tool.setuptools.packages.find]\nwhere = ["src"]\n'
DATA = '[tool.setuptools.package-data]\nacme_orders = ["**/*"]\n'


@pytest.mark.parametrize(
    ("backend", "pyproject"),
    [("setuptools", SETUPTOOLS + DATA), ("setuptools", FOUND + DATA), ("pdm", PDM), ("uv", UV_BUILD)],
    ids=["setuptools discovers", "setuptools finds", "pdm", "uv_build"],
)
@pytest.mark.parametrize("project", ["src/acme_orders", "src/acme_orders/templates/app"])
def test_a_lock_below_an_importable_package_is_package_data(
    backend: str, pyproject: str, project: str, tmp_path: Path
) -> None:
    """The backend ships a template of a project like any other file, so the wheel of the sources is the same."""
    files = {f"{project}/{name}": "" for name in ("uv.lock", "pyproject.toml", "x.tmpl")}
    whole = make(tmp_path / "whole", {"pyproject.toml": pyproject, INIT: "", "README.md": "# Orders", **files})
    of_whole, of_staged = build_wheels(backend, [whole, stage(whole, tmp_path / "staged")])
    assert of_staged == of_whole
    assert {path.removeprefix("src/") for path in files} <= of_whole.keys()


def test_a_lock_without_a_project_is_a_file(tmp_path: Path) -> None:
    """Only with a `pyproject.toml` beside it does it make a folder another project."""
    make(tmp_path, {"pyproject.toml": PROJECT, "main.py": "", "tool/uv.lock": "", "tool/x.py": ""})
    assert list(read(tmp_path, ".").files) == ["main.py", "tool/uv.lock", "tool/x.py"]


def test_a_file_named_outside_the_package_enters_at_its_place(tmp_path: Path) -> None:
    """A backend may take a file from elsewhere in the workspace."""
    pyproject = HATCHLING + (
        '[tool.hatch.build.targets.wheel.force-include]\n"../shared/schemas" = "acme_orders/schemas"\n'
        '"../LICENSE" = "acme_orders/LICENSE"\n'
    )
    make(tmp_path, {".gitignore": "LICENSE", "LICENSE": "", "shared/schemas/x.json": "", "shared/y.json": ""})
    make(tmp_path, {"orders/pyproject.toml": pyproject, f"orders/{INIT}": ""})
    assert list(read(tmp_path).files) == ["LICENSE", f"orders/{INIT}", "shared/schemas/x.json"]


def test_what_a_setup_py_reads_elsewhere_is_included_by_its_path(tmp_path: Path) -> None:
    """A file or a folder, and above `.gitignore`: no table says what a program reads."""
    pyproject = SETUPTOOLS + OURS + 'include = ["../VERSION", "./../shared/schemas", "data/*"]\n'
    make(tmp_path, {".gitignore": "VERSION", "VERSION": "", "shared/schemas/x.json": "", "shared/y.json": ""})
    make(tmp_path, {"orders/pyproject.toml": pyproject, f"orders/{INIT}": "", "orders/data/x": ""})
    assert list(read(tmp_path).files) == ["VERSION", "orders/data/x", f"orders/{INIT}", "shared/schemas/x.json"]


def test_a_file_named_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    """A context cannot hold it."""
    root = make(tmp_path, {"x.json": ""}) / "workspace"
    pyproject = HATCHLING + '[tool.hatch.build.targets.wheel.force-include]\n"../../x.json" = "acme_orders/x.json"\n'
    make(root, {"orders/pyproject.toml": pyproject, f"orders/{INIT}": ""})
    with pytest.raises(WorkspaceError) as raised:
        read(root)
    assert str(raised.value) == (
        "orders/pyproject.toml names '../../x.json', which lies outside the workspace's root; "
        "a build context can hold only what lies below it: move it there"
    )


def test_the_file_that_a_build_writes_is_left_out(orders: Any) -> None:
    """A checkout in which a build has run holds an old version file; the build of the image writes its own."""
    pyproject = (
        '[project]\nname = "acme-orders"\ndynamic = ["version"]\n[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n'
        'build-backend = "hatchling.build"\n[tool.hatch.build.hooks.vcs]\nversion-file = "src/acme_orders/_version.py"\n'
    )
    sources = orders({"src/acme_orders/_version.py": "version = '1.dev3+g123'"}, pyproject)
    assert listed(sources) == []
    assert dropped(sources) == (("orders/src/acme_orders/_version.py", "written by the build itself"),)


# Where the backend can put anything into the wheel


def test_everything_is_a_source_where_the_backend_can_take_anything(orders: Any) -> None:
    """An unknown backend gets all but what never enters, and in its own folder tests and the output of builds."""
    pyproject = PROJECT + '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'
    wanted = [".cargo/config.toml", "Cargo.lock", "Cargo.toml", "README.md", "rust/lib.rs", "rust/tests/x.rs"]
    unwanted = [
        "uv.lock",
        "build/x",
        "conftest.py",
        "dist/x.whl",
        ".github/x",
        "target/CACHEDIR.TAG",
    ]
    assert listed(orders(dict.fromkeys([*wanted, *unwanted], ""), pyproject)) == wanted


def test_everything_is_a_source_where_setup_py_decides(orders: Any) -> None:
    """What a `setup.py` reads, nobody knows but itself."""
    files = {"setup.py": "from setuptools import setup\nsetup(packages=find())\n", "requirements/base.txt": ""}
    assert listed(orders(files, SETUPTOOLS)) == ["README.md", "requirements/base.txt", "setup.py"]


def test_a_project_that_is_no_package_is_its_own_folder(orders: Any, tmp_path: Path) -> None:
    """It is copied: the modules and the data beside them; with a src folder, that folder alone."""
    pyproject = '[project]\nname = "acme-orders"\nversion = "1"\n'
    assert listed(orders({"src/config.json": "", "main.py": ""}, pyproject)) == ["src/config.json"]
    shutil.rmtree(tmp_path / "orders/src")
    make(tmp_path, {"orders/test_main.py": "", "orders/templates/x.html": ""})
    assert listed(read(tmp_path)) == ["main.py", "templates/x.html"]


COPIED = '[project]\nname = "acme-orders"\nversion = "1"\n'
NO_SOURCES = (
    *("README.md", "CHANGELOG.rst", "LICENSE", "Makefile", "Dockerfile", "dev.Dockerfile", "compose.yaml", "tox.ini"),
    *(
        "docs/index.md",
        "docs/conf.py",
        "scripts/run.py",
        "scripts/run.sh",
        "integration_tests/test_x.py",
        "coverage.xml",
    ),
    *("integration_tests/__init__.py", "tests_integration/x.py", "tests/x.py", "conftest.py", "test_x.py"),
    *("notebooks/x.ipynb", ".vscode/settings.json", ".editorconfig", "setup.cfg", "requirements-dev.txt"),
)
LAYOUTS = {
    "modules in its own folder": (
        *(
            "main.py",
            "prices.csv",
            "templates/x.html",
            "templates/docs/README.md",
            "lib/x.py",
            "lib/x.json",
            "history.json",
        ),
        *("templates/tests/x.html", "templates/deep/uv.lock"),
    ),
    "packages in its own folder": (
        "acme/__init__.py",
        "acme/README.md",
        "acme/tests/data.json",
        "space/x.py",
        "space/x.json",
    ),
    "a src folder": ("src/acme/__init__.py", "src/acme/x.json", "src/x.csv", "src/docs/x"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_a_copied_project_the_modules_with_their_data_enter(layout: str, tmp_path: Path) -> None:
    """Documents, tests and tools beside them do not; what `include` names does."""
    files = LAYOUTS[layout]
    make(tmp_path, {"orders/pyproject.toml": COPIED, **{f"orders/{path}": "" for path in (*files, *NO_SOURCES)}})
    assert listed(read(tmp_path)) == sorted(files)
    included = COPIED + OURS + 'include = ["scripts/*.sh", "README.md"]\n'
    make(tmp_path, {"orders/pyproject.toml": included})
    assert listed(read(tmp_path)) == sorted([*files, "README.md", "scripts/run.sh"])


@pytest.mark.parametrize(
    "files",
    [
        {"scripts/__init__.py": ""},
        {"main.py": "def handler(e, c):\n    from scripts.run import run\n", "scripts/run.py": ""},
    ],
    ids=["it is a package", "it is imported"],
)
def test_a_folder_named_like_tools_that_is_imported_enters(files: dict[str, str | bytes], tmp_path: Path) -> None:
    """A name is only a hint."""
    make(tmp_path, {"orders/pyproject.toml": COPIED, **{f"orders/{path}": text for path, text in files.items()}})
    assert listed(read(tmp_path)) == sorted(files)


def test_data_beside_packages_of_a_copied_project_is_nobodys(tmp_path: Path) -> None:
    """No module lies beside it, as in a project that is built; `include` names it."""
    files = {f"orders/{path}": "" for path in ("acme/__init__.py", "prices.csv", "templates/x.html")}
    make(tmp_path, {"orders/pyproject.toml": COPIED, **files})
    assert listed(read(tmp_path)) == ["acme/__init__.py"]


# Two checkouts


def test_two_checkouts_have_the_same_sources(
    orders: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Another place, umask, age and order of the files on disk change nothing."""
    files = {f"src/acme_orders/{name}": name for name in ("a.py", "B.py", "é.txt", "sub/x.py", "run")}
    first = orders({**files, "LICENSE": ""}, SETUPTOOLS)
    second = tmp_path_factory.mktemp("elsewhere") / "deep"
    shutil.copytree(tmp_path, second)
    for path in second.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (0, 0))
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self) -> Any:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert (other := read(second)).files == first.files
    assert list(other.files) == list(first.files)


def test_no_folder_is_listed_that_can_hold_no_source(orders: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The cost is that of the sources: a huge folder beside them is not even listed."""
    seen = []
    scandir = os.scandir

    def watched(path: Any) -> Any:
        seen.append(os.path.basename(path))  # noqa: PTH119
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    beside = dict.fromkeys((".venv/x", "node_modules/x", "cdk.out/x", "docs/x", "tests/x"), "")
    orders({**beside, "src/acme_orders/node_modules/x": ""}, HATCHLING)
    assert seen == ["orders", "src", "acme_orders"]
