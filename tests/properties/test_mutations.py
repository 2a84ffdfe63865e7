"""What changes a build context and an image's hash, and what doesn't: one real workspace, one kind of edit at a time.

Laws 3 and 4 by name; `tests/properties` holds them for edits and workspaces that nobody thought of.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from uv_workspace_function import ImageOptions, UvWorkspaceImage, Workspace
from uv_workspace_function.context import build_context
from uv_workspace_function.context.build_context import BuildContext
from wheelhouse import uv, wheel

Edit = Callable[[Path], None]

# api needs models, models needs base: two steps. rival and other pin `fought` to versions that exclude each other.
FILES = {
    "pyproject.toml": """
        [dependency-groups]
        dev = ["devtool"]
        [tool.ruff]
        line-length = 100
        [tool.uv]
        no-index = true
        find-links = ["wheels"]
        constraint-dependencies = ["used<9", "unused<9"]
        build-constraint-dependencies = ["a-backend<9"]
        conflicts = [[{ package = "other" }, { package = "rival" }]]
        [tool.uv.workspace]
        members = ["apps/*", "libs/*"]
        """,
    "README.md": "# The shop\n",
    "tests/test_all.py": "def test(): ...\n",
    "apps/api/pyproject.toml": """
        [project]
        name = "api"
        version = "1.0"
        description = "The API"
        readme = "README.md"
        license-files = ["LICENSE"]
        requires-python = ">=3.11"
        dependencies = ["models", "used", "vendored"]
        [project.optional-dependencies]
        fast = ["unused"]
        [project.scripts]
        api = "api.main:handler"
        [dependency-groups]
        dev = ["devtool"]
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        [tool.uv.sources]
        models = { workspace = true }
        vendored = { path = "../../vendor/vendored-1.0-py3-none-any.whl" }
        [tool.ruff]
        line-length = 100
        [tool.uv-workspace-function]
        handler = "api.main.handler"
        include = ["templates/*.txt"]
        """,
    "apps/api/README.md": "# The API\n",
    "apps/api/LICENSE": "Do what you like.\n",
    "apps/api/templates/mail.txt": "Dear all\n",
    "apps/api/tests/test_api.py": "def test(): ...\n",
    "apps/api/src/api/__init__.py": "",
    "apps/api/src/api/main.py": "def handler(event, context):\n    return event\n",
    "apps/api/src/api/run.sh": "#!/bin/sh\n",
    "apps/api/src/api/data.json": "{}\n",
    "libs/models/pyproject.toml": """
        [project]
        name = "models"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["base"]
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        [tool.uv.sources]
        base = { workspace = true }
        """,
    "libs/models/src/models/__init__.py": "",
    "libs/base/pyproject.toml": """
        [project]
        name = "base"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["shared"]
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        """,
    "libs/base/src/base/__init__.py": "",
    "libs/spare/pyproject.toml": """
        [project]
        name = "spare"
        version = "1.0"
        requires-python = ">=3.11"
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        """,
    "libs/spare/src/spare/__init__.py": "",
    "apps/other/pyproject.toml": """
        [project]
        name = "other"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["base", "shared", "unused", "fought<2"]
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        [tool.uv.sources]
        base = { workspace = true }
        """,
    "apps/other/src/other/__init__.py": "",
    "apps/rival/pyproject.toml": """
        [project]
        name = "rival"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["base", "fought>=2"]
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        [tool.uv.sources]
        base = { workspace = true }
        """,
    "apps/rival/src/rival/__init__.py": "",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace as it was, locked by uv."""
    root = tmp_path_factory.mktemp("original") / "shop"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(re.sub("^ {8}", "", text.lstrip("\n"), flags=re.MULTILINE))
    (root / "apps/api/src/api/run.sh").chmod(0o755)
    for folder in ("wheels", "vendor"):
        (root / folder).mkdir()
    for name in ("used", "unused", "devtool", "shared", "never-locked", "deep"):
        wheel(root / "wheels", name, requires=["deep"] if name == "used" else [])
    for name in ("fought", "argued"):
        for version in ("1.0", "2.0"):
            wheel(root / "wheels", name, version)
    wheel(root / "vendor", "vendored")
    uv("lock", cwd=root)
    return root


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Path:
    """A copy to be edited."""
    return Path(shutil.copytree(original, tmp_path / "shop"))


def asset_hash(root: Path, outdir: Path, **options: Any) -> str:
    """The hash of the service's image, which the CDK CLI takes for its tag."""
    stack = cdk.Stack(cdk.App(outdir=str(outdir)), "Stack")
    own = {name: options.pop(name) for name in ("architecture", "snap_start", "target_folder") if name in options}
    image = ImageOptions(**options)
    return UvWorkspaceImage(
        stack, "Image", workspace=Workspace.load(root), service="api", options=image, **own
    ).asset_hash


@pytest.fixture(scope="module")
def before(original: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The digest of the context and the hash of the image as they were."""
    digest = BuildContext.of(Workspace.load(original), "api").digest
    return digest, asset_hash(original, tmp_path_factory.mktemp("out"))


def after(root: Path, tmp_path: Path) -> tuple[str, str]:
    """The same after an edit, which uv has locked."""
    uv("lock", cwd=root)
    return BuildContext.of(Workspace.load(root), "api").digest, asset_hash(root, tmp_path / "out")


# Edits


def put(path: str, text: str = "changed\n") -> Edit:
    def edit(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return edit


def append(path: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        (root / path).write_text((root / path).read_text() + text)

    return edit


def swap(path: str, old: str, new: str) -> Edit:
    """Replace text, which must be there."""

    def edit(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Path) -> None:
        for one in edits:
            one(root)

    return edit


def add_wheel(name: str, version: str, **options: Any) -> Edit:
    return lambda root: void(wheel(root / "wheels", name, version, **options))


def lock_upgraded(name: str) -> Edit:
    return lambda root: void(uv("lock", "--upgrade-package", name, cwd=root))


def void(_: object) -> None:
    """Edits give nothing back."""


def member(folder: str, name: str, more: str = "") -> Edit:
    module = f"{folder}/src/{name.replace('-', '_')}/__init__.py"
    text = f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.11"\n{more}'
    return both(put(f"{folder}/pyproject.toml", text), put(module, ""))


OTHER, API, ROOT = "apps/other/pyproject.toml", "apps/api/pyproject.toml", "pyproject.toml"
BUILT = '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'

UNRELATED: dict[str, Edit] = {
    "another service's code": put("apps/other/src/other/__init__.py"),
    "another service's requirement": swap(OTHER, '"unused"', '"unused", "devtool"'),
    "another service's requirement that nobody had before": swap(OTHER, '"unused"', '"unused", "never-locked"'),
    "another service's requirement of a package of ours": swap(OTHER, '"unused"', '"unused", "used>=1"'),
    "another service's requirement is gone": swap(OTHER, '"unused", ', ""),
    "another service's version": swap(OTHER, 'version = "1.0"', 'version = "2.0"'),
    "another service's description": swap(OTHER, "[project]", '[project]\ndescription = "Another"'),
    "another service's build settings": append(OTHER, '[tool.uv.build-backend]\nmodule-name = "other"\n'),
    "another service's Python": swap(OTHER, ">=3.11", ">=3.11.4"),
    "another service's fork": swap("apps/rival/pyproject.toml", "fought>=2", "fought>=2,<3"),
    "another service's package upgraded": both(add_wheel("unused", "2.0"), lock_upgraded("unused")),
    "another service's folder": both(
        lambda root: void((root / "apps/other").rename(root / "apps/another")),
        lambda root: (root / "uv.lock").unlink(),
    ),
    "another conflict": both(
        append("libs/spare/pyproject.toml", '[project.optional-dependencies]\na = ["argued<2"]\nb = ["argued>=2"]\n'),
        swap(
            ROOT,
            "conflicts = [",
            'conflicts = [[{ package = "spare", extra = "a" }, { package = "spare", extra = "b" }], ',
        ),
    ),
    "a library of others": put("libs/spare/src/spare/__init__.py"),
    "a member added": member("libs/new", "new", 'dependencies = ["never-locked", "shared"]\n' + BUILT),
    "a member added that needs this service": member(
        "apps/new", "new", 'dependencies = ["api"]\n[tool.uv.sources]\napi = { workspace = true }\n' + BUILT
    ),
    "a member added that needs this service, by a source of the root's": both(
        member("apps/new", "new", 'dependencies = ["api"]\n' + BUILT),
        swap(ROOT, "[tool.uv.workspace]", "[tool.uv.sources]\napi = { workspace = true }\n[tool.uv.workspace]"),
    ),
    "a source of the root's that nobody uses": append(
        ROOT,
        '[tool.uv.sources]\nnever-locked = { path = "vendor/none" }\ndeep = { git = "https://example.org/deep" }\n',
    ),
    "a source of the root's for others": append(
        ROOT, '[tool.uv.sources]\nunused = { path = "wheels/unused-1.0-py3-none-any.whl" }\n'
    ),
    "a root's own project that needs this service": swap(
        ROOT,
        "[tool.ruff]",
        '[project]\nname = "the-shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["api"]\n'
        "[tool.uv.sources]\napi = { workspace = true }\n[tool.ruff]",
    ),
    "a member removed": lambda root: shutil.rmtree(root / "libs/spare"),
    "a member renamed": swap("libs/spare/pyproject.toml", 'name = "spare"', 'name = "thrift"'),
    "the root's group": swap(ROOT, '"devtool"', '"devtool", "never-locked"'),
    "the root's readme": put("README.md"),
    "the root's tests": put("tests/test_more.py"),
    "the root's tool tables": swap(ROOT, "line-length = 100", "line-length = 120\n[tool.mypy]\nstrict = true"),
    "the root's own project": swap(
        ROOT, "[tool.ruff]", '[project]\nname = "the-shop"\nversion = "1"\nrequires-python = ">=3.11"\n[tool.ruff]'
    ),
    "the service's group": swap(API, 'dev = ["devtool"]', 'dev = ["never-locked"]'),
    "the service's linter": swap(API, "line-length = 100", "line-length = 120"),
    "the service's handler": swap(API, "api.main.handler", "api.main:other"),
    "the service's tests": put("apps/api/tests/test_api.py"),
    "comments and blank lines": both(
        append(API, "\n\n# a comment\n"),
        append("libs/base/pyproject.toml", "# another\n"),
        swap(API, 'name = "api"', "name     = 'api'   # its name"),
        append(ROOT, "\n# a third\n"),
    ),
    "a constraint for others": swap(ROOT, '"unused<9"', '"unused<8"'),
    "an override for others": swap(ROOT, "no-index", 'override-dependencies = ["unused==1.0"]\nno-index'),
    "an index for others": swap(
        ROOT,
        "[tool.uv.workspace]",
        '[[tool.uv.index]]\nname = "o"\nurl = "vendor"\nformat = "flat"\nexplicit = true\n[tool.uv.workspace]',
    ),
    "a wheel for nobody": add_wheel("for-nobody", "1.0"),
    "settings of publishing": swap(ROOT, "no-index", 'publish-url = "https://example.org"\nno-index'),
    "caches and environments": both(
        put(".env", "SECRET=1\n"),
        put("apps/api/.env", "SECRET=1\n"),
        put("apps/api/src/api/__pycache__/main.cpython-311.pyc"),
        put("apps/api/.venv/lib/site.py"),
        put("cdk.out/manifest.json"),
        put(".git/HEAD"),
        put("node_modules/x/index.js"),
    ),
    "other settings of the repository": both(
        put(".github/workflows/ci.yml"), put(".python-version", "3.12\n"), put("Makefile")
    ),
}

RELATED: dict[str, Edit] = {
    "the service's code": put("apps/api/src/api/main.py", "def handler(event, context): ...\n"),
    "the service's code, by one byte": append("apps/api/src/api/main.py", " "),
    "a new module": put("apps/api/src/api/new.py"),
    "a module removed": lambda root: (root / "apps/api/src/api/data.json").unlink(),
    "a data file": put("apps/api/src/api/data.json"),
    "a data file of a type of its own": put("apps/api/src/api/prices.parquet"),
    "a mode bit": lambda root: (root / "apps/api/src/api/run.sh").chmod(0o644),
    "a file that is included": put("apps/api/templates/mail.txt"),
    "the readme": put("apps/api/README.md"),
    "the licence": put("apps/api/LICENSE"),
    "a library": put("libs/models/src/models/__init__.py"),
    "a library two steps away": put("libs/base/src/base/__init__.py"),
    "a library's version": swap("libs/base/pyproject.toml", 'version = "1.0"', 'version = "2.0"'),
    "a library's requirement": swap("libs/base/pyproject.toml", '"shared"', '"shared", "never-locked"'),
    "a library that is not installed any more": append("libs/models/pyproject.toml", "[tool.uv]\npackage = false\n"),
    "the service's version": swap(API, 'version = "1.0"', 'version = "2.0"'),
    "the service's description": swap(API, "The API", "An API"),
    "the service's requirement": swap(API, '"used"', '"used", "never-locked"'),
    "the service's requirement is gone": swap(API, '"models", ', ""),
    "a marker": swap(API, '"used"', "\"used ; python_version >= '3.12'\""),
    "the service's Python": swap(API, ">=3.11", ">=3.11.4"),
    "an entry point": swap(API, "api.main:handler", "api.main:run"),
    "a source": both(
        lambda root: void(shutil.copy(root / "wheels/used-1.0-py3-none-any.whl", root / "vendor")),
        swap(API, "[tool.uv.sources]", '[tool.uv.sources]\nused = { path = "../../vendor/used-1.0-py3-none-any.whl" }'),
    ),
    "a source of the root's that the service reads": both(
        lambda root: void(shutil.copy(root / "wheels/used-1.0-py3-none-any.whl", root / "vendor")),
        append(ROOT, '[tool.uv.sources]\nused = { path = "vendor/used-1.0-py3-none-any.whl" }\n'),
    ),
    "a source of the root's for the service's build": append(
        ROOT, '[tool.uv.sources]\nuv_build = { url = "https://example.org/uv_build-0.13.9-py3-none-any.whl" }\n'
    ),
    "a locked version": both(add_wheel("used", "2.0", requires=["deep"]), lock_upgraded("used")),
    "a locked version two steps away": both(add_wheel("deep", "2.0"), lock_upgraded("deep")),
    "a locked hash": both(
        lambda root: void(wheel(root / "vendor", "vendored", text="changed = 1\n")),
        lambda root: (root / "uv.lock").unlink(),
    ),
    "uv.toml": put("uv.toml", 'no-index = true\nfind-links = ["wheels"]\nindex-strategy = "unsafe-best-match"\n'),
    "an index": swap(ROOT, "[tool.uv.workspace]", '[[tool.uv.index]]\nurl = "vendor"\nformat = "flat"\n[tool.uv.workspace]'),
    "a constraint of ours": swap(ROOT, '"used<9"', '"used<8"'),
    "a build constraint": swap(ROOT, '"a-backend<9"', '"a-backend<8"'),
    "the build backend": swap(API, 'requires = ["uv_build"]', 'requires = ["uv_build<99"]'),
    "build settings": append(API, "[tool.uv.build-backend]\nsource-exclude = []\n"),
    "settings of a tool that nobody knows": append("libs/base/pyproject.toml", "[tool.somebodys]\nx = 1\n"),
    "settings of a build": swap(ROOT, "no-index", "no-build-package = ['used']\nno-index"),
}  # fmt: skip

OPTIONS: dict[str, dict[str, Any]] = {
    "the architecture": {"architecture": lambda_.Architecture.X86_64},
    "the base image": {"base_image": "example.org/python:3.14"},
    "the Python": {"python_version": "3.13"},
    "uv's version": {"uv_image": "example.org/uv:0.13.8"},
    "the bytecode": {"include_bytecode": False},
    "the service's extras": {"extras": ["fast"]},
    "SnapStart": {"snap_start": True},
    "what is built from source": {"build_from_source": ["used"]},
    "the target folder": {"target_folder": "/srv"},
}


@pytest.mark.parametrize("kind", UNRELATED)
def test_a_change_elsewhere_keeps_the_context_and_the_hash(
    kind: str, shop: Path, before: tuple[str, str], tmp_path: Path
) -> None:
    UNRELATED[kind](shop)
    assert after(shop, tmp_path) == before


@pytest.mark.parametrize("kind", RELATED)
def test_a_change_inside_changes_the_context_and_the_hash(
    kind: str, shop: Path, before: tuple[str, str], tmp_path: Path
) -> None:
    RELATED[kind](shop)
    digest, image = after(shop, tmp_path)
    assert digest != before[0]
    assert image != before[1]


@pytest.mark.parametrize("kind", OPTIONS)
def test_an_option_of_the_image_changes_its_hash(
    kind: str, original: Path, before: tuple[str, str], tmp_path: Path
) -> None:
    assert asset_hash(original, tmp_path / "out", **OPTIONS[kind]) != before[1]


@pytest.mark.parametrize("path", ["main.py", "table.csv", "new.py", "lib/deep/x.py"])
@pytest.mark.parametrize(
    "other", ["README.md", "Makefile", "Dockerfile", "docs/x.md", "scripts/x.py", "integration_tests/x.py"]
)
def test_a_service_that_is_copied_changes_with_its_code_alone(path: str, other: str, shop: Path) -> None:
    """One that no backend builds: documents, tools and tests beside its modules are none of its image's."""
    both(
        put("apps/plain/pyproject.toml", '[project]\nname = "plain"\nversion = "1"\nrequires-python = ">=3.11"\n'),
        *(put(f"apps/plain/{name}", "") for name in ("README.md", "main.py", "table.csv", "lib/deep/x.py")),
    )(shop)
    uv("lock", cwd=shop)
    digests = []
    for edit in (put("apps/plain/README.md", ""), put(f"apps/plain/{other}"), put(f"apps/plain/{path}")):
        edit(shop)
        digests.append(BuildContext.of(Workspace.load(shop), "plain").digest)
    assert digests[0] == digests[1] != digests[2]


def test_an_extra_changes_the_context(original: Path, before: tuple[str, str]) -> None:
    assert BuildContext.of(Workspace.load(original), "api", extras=["fast"]).digest != before[0]


@pytest.mark.parametrize("part", ["Dockerfile", "builder/__main__.py"])
def test_the_build_itself_changes_the_context_and_the_hash(
    part: str, shop: Path, before: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release of ours builds another image, so it must not be taken for the same one."""
    ours = tmp_path / "ours"
    shutil.copytree(Path(build_context.__file__).parents[1], ours)
    append(part, "\n# changed\n")(ours)
    monkeypatch.setattr(build_context, "_HERE", ours)
    digest, image = after(shop, tmp_path)
    assert digest != before[0]
    assert image != before[1]


def test_two_checkouts_have_one_context(original: Path, tmp_path: Path) -> None:
    """In another place, under another umask, time zone and locale, with other times and in another order of files."""
    checkout = tmp_path / "quite" / "another place"
    umask = os.umask(0o077)
    try:
        for path in sorted(original.rglob("*"), reverse=True):
            copy = checkout / path.relative_to(original)
            if path.is_dir():
                copy.mkdir(parents=True, exist_ok=True)
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
                if path.stat().st_mode & 0o100:
                    copy.chmod(0o700)
                os.utime(copy, (time.time() - 10**8, 10**9))
    finally:
        os.umask(umask)
    assert (checkout / "uv.lock").stat().st_mode & 0o777 == 0o600

    outcomes = [
        _elsewhere(original, tmp_path / "one", umask=0o022, TZ="UTC", LC_ALL="C.UTF-8", PYTHONHASHSEED="1"),
        _elsewhere(checkout, tmp_path / "two", umask=0o077, TZ="Asia/Kolkata", LC_ALL="C", PYTHONHASHSEED="2"),
    ]
    assert outcomes[0] == outcomes[1]
    entries = _entries(tmp_path / "one" / "context")
    assert entries.keys() >= {"Dockerfile", "uv.lock", "apps/api/src/api/main.py"}
    assert entries == _entries(tmp_path / "two" / "context")


_PROGRAM = """
import os, sys
from pathlib import Path
root, folder, umask = sys.argv[1:]
os.umask(int(umask))
from uv_workspace_function import Workspace
from uv_workspace_function.context.build_context import BuildContext
context = BuildContext.of(Workspace.load(root), "api")
context.write(Path(folder) / "context")
print(context.digest)
import aws_cdk as cdk
from uv_workspace_function import UvWorkspaceImage
stack = cdk.Stack(cdk.App(outdir=f"{folder}/out"), "Stack")
print(UvWorkspaceImage(stack, "Image", workspace=Workspace.load(root), service="api").asset_hash)
"""


def _elsewhere(root: Path, folder: Path, *, umask: int, **environment: str) -> str:
    """Digest and hash as another process sees them, which writes the context too."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, root, folder, str(umask)],
        env={**os.environ, **environment},
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _entries(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every entry's mode and content."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }
