"""Small packages of every shape the build backends know, and the wheels those backends make of them."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = '[project]\nname = "acme-orders"\nversion = "1"\n'
BACKENDS = {
    "flit": "flit_core.buildapi",
    "hatchling": "hatchling.build",
    "pdm": "pdm.backend",
    "poetry": "poetry.core.masonry.api",
    "setuptools": "setuptools.build_meta",
    "uv": "uv_build",
}
REQUIREMENTS = {
    "flit": "flit-core",
    "hatchling": "hatchling",
    "pdm": "pdm-backend",
    "poetry": "poetry-core",
    "setuptools": "setuptools",
    "uv": "uv_build",
}

FLAT = {"acme_orders/__init__.py": "", "acme_orders/data.json": "{}", "tests/test_orders.py": "", "README.md": ""}
SRC = {f"src/{path}" if path.startswith("acme") else path: text for path, text in FLAT.items()}
HATCH_HOOK = """
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["force_include"][str(Path(self.root, "made/from.txt"))] = "acme_orders/made.txt"
"""
PDM_HOOK = """
def pdm_build_update_files(context, files):
    files["acme_orders/made.txt"] = context.root / "made/from.txt"
"""
TEST_LIKE = [
    f"python/acme_orders/{path}"
    for path in (
        "__init__.py",
        "ab_test.py",
        "test_client.py",
        "build/__init__.py",
        "dist/__init__.py",
        "tests/__init__.py",
    )
]
LEFT_OUT = dict.fromkeys(
    (
        *("src/acme_orders/private/code.py", "src/acme_orders/deep/private/code.py", "src/acme_orders/gone/code.py"),
        *("src/acme_orders/orders_pb2.py", "src/acme_orders/deep/other_pb2.py", "src/acme_orders/deep/kept.py"),
        *("src/acme_orders/deep/gone/kept.py", "src/acme_orders/private_too.py"),
    ),
    "",
)
NAMESPACE = {"src/acme/orders/__init__.py": "", "src/acme/orders/main.py": "", "src/acme/orders/sub/deep.py": ""}


@dataclass(frozen=True)
class Case:
    """A package: what its tables say after `[project]`, its files, and the modules one can import once it is installed.

    `modules` has the folder or file of each, or the folders that become one, apart by spaces.
    """

    backend: str
    name: str
    files: Mapping[str, str]
    modules: Mapping[str, str]
    settings: str = ""
    project: str = PROJECT
    complete: bool = True

    def __str__(self) -> str:
        return f"{self.backend}: {self.name}"

    @property
    def pyproject(self) -> str:
        build = (
            f'[build-system]\nrequires = ["{REQUIREMENTS[self.backend]}"]\nbuild-backend = "{BACKENDS[self.backend]}"\n'
        )
        return f"{self.project}{build}{self.settings}"

    def write(self, folder: Path) -> Path:
        for path, text in {**self.files, "pyproject.toml": self.pyproject}.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return folder


def _hatch(settings: str) -> str:
    return f"[tool.hatch.build.targets.wheel]\n{settings}\n"


CASES = [
    # uv_build
    Case("uv", "the default module", SRC, {"acme_orders": "src/acme_orders"}),
    Case("uv", "a flat module root", FLAT, {"acme_orders": "acme_orders"}, '[tool.uv.build-backend]\nmodule-root = ""\n'),
    Case(
        "uv",
        "another module name",
        {"src/Orders/__init__.py": "", "src/other/__init__.py": ""},
        {"Orders": "src/Orders"},
        '[tool.uv.build-backend]\nmodule-name = "Orders"\n',
    ),
    Case(
        "uv",
        "a dotted name",
        {**NAMESPACE, "src/acme/other/__init__.py": ""},
        {"acme.orders": "src/acme/orders"},
        '[tool.uv.build-backend]\nmodule-name = "acme.orders"\n',
    ),
    Case(
        "uv",
        "a list of names",
        {"python/a/__init__.py": "", "python/b/c/__init__.py": ""},
        {"a": "python/a", "b.c": "python/b/c"},
        '[tool.uv.build-backend]\nmodule-root = "python"\nmodule-name = ["a", "b.c"]\n',
    ),
    Case(
        "uv",
        "a namespace",
        {"src/acme_orders/a/__init__.py": "", "src/acme_orders/b/__init__.py": ""},
        {"acme_orders": "src/acme_orders"},
        "[tool.uv.build-backend]\nnamespace = true\n",
    ),
    Case(
        "uv",
        "stubs",
        {"src/acme_orders-stubs/__init__.pyi": ""},
        {"acme_orders-stubs": "src/acme_orders-stubs"},
        project=PROJECT.replace("acme-orders", "acme-orders-stubs"),
    ),
    Case(
        "uv",
        "an exclude, a licence, a readme and a data folder",
        {**SRC, "src/acme_orders/skipped.txt": "", "LICENSE": "L", "share/etc/orders.ini": "i"},
        {"acme_orders": "src/acme_orders"},
        '[tool.uv.build-backend]\nwheel-exclude = ["skipped.txt"]\nsource-include = ["tests/**"]\ndata = { data = "share" }\n',
        project=PROJECT + 'readme = "README.md"\nlicense-files = ["LICEN*"]\n',
    ),
    Case(
        "uv",
        "excludes at any depth and from the root on",
        {**SRC, **LEFT_OUT},
        {"acme_orders": "src/acme_orders"},
        '[tool.uv.build-backend]\nwheel-exclude = ["private", "/src/acme_orders/gone/*.py"]\nsource-exclude = ["*_pb2.py", "/gone"]\n',
    ),
    # hatchling
    Case("hatchling", "the default in src", SRC, {"acme_orders": "src/acme_orders"}),
    Case("hatchling", "the default beside the table", {**FLAT, **SRC}, {"acme_orders": "acme_orders"}),
    Case(
        "hatchling",
        "the default of a name with capitals and dots",
        {"src/Acme.Orders/__init__.py": "", "src/acme_orders/__init__.py": ""},
        {"acme_orders": "src/acme_orders"},
        project=PROJECT.replace("acme-orders", "acme.orders"),
    ),
    Case("hatchling", "a single module", {"acme_orders.py": "", "other.py": ""}, {"acme_orders": "acme_orders.py"}),
    Case(
        "hatchling",
        "a namespace by default",
        {"acme/acme_orders/__init__.py": "", "acme/other/x.py": "", "src/y.py": ""},
        {"acme": "acme"},
    ),
    Case(
        "hatchling",
        "folders of members in one namespace",
        {"core/src/acme/core/__init__.py": "", "base/src/acme/base/__init__.py": "", "base/src/acme/plain.py": ""},
        {"acme": "base/src/acme core/src/acme"},
        _hatch('packages = ["core/src/acme", "base/src/acme"]'),
    ),
    Case("hatchling", "packages", {**SRC, **NAMESPACE}, {"acme": "src/acme"}, _hatch('packages = ["src/acme"]')),
    Case("hatchling", "a nested package", NAMESPACE, {"orders": "src/acme/orders"}, _hatch('packages = ["src/acme/orders"]')),
    Case(
        "hatchling",
        "a nested package below its source",
        NAMESPACE,
        {"acme.orders": "src/acme/orders"},
        _hatch('packages = ["src/acme/orders"]\nsources = ["src"]'),
    ),
    Case(
        "hatchling",
        "only-include with sources",
        {**NAMESPACE, "src/acme/other.py": ""},
        {"acme.orders": "src/acme/orders"},
        _hatch('only-include = ["src/acme/orders"]\nsources = ["src"]'),
    ),
    Case(
        "hatchling",
        "a source renamed",
        {"lib/foo/__init__.py": "", "lib/foo/bar.py": ""},
        {"acme.foo": "lib/foo"},
        _hatch('only-include = ["lib/foo"]\n[tool.hatch.build.targets.wheel.sources]\n"lib" = "acme"'),
    ),
    Case(
        "hatchling",
        "include",
        {**SRC, "tools.py": "", "notes.txt": ""},
        {"src": "src", "tools": "tools.py"},
        _hatch('include = ["/src", "/tools.py"]'),
    ),
    Case(
        "hatchling",
        "build-level packages",
        SRC,
        {"acme_orders": "src/acme_orders"},
        '[tool.hatch.build]\npackages = ["src/acme_orders"]\n',
    ),
    Case(
        "hatchling",
        "force-include",
        {**SRC, "vendored/x.py": "x = 1", "schema.json": "{}"},
        {"acme_orders": "src/acme_orders", "acme_orders.vendored": "vendored"},
        '[tool.hatch.build.targets.wheel.force-include]\n"vendored" = "acme_orders/vendored"\n'
        '"schema.json" = "acme_orders/schema.json"\n[tool.hatch.build.targets.wheel.shared-data]\n"README.md" = "share/r.md"\n',
    ),
    Case(
        "hatchling",
        "the version and the readme in files",
        {**SRC, "VERSION": '__version__ = "7"', "LICENSE.txt": "L", "NOTICE": "N"},
        {"acme_orders": "src/acme_orders"},
        '[tool.hatch.version]\npath = "VERSION"\n',
        project='[project]\nname = "acme-orders"\ndynamic = ["version"]\nreadme = "README.md"\n',
    ),
    Case(
        "hatchling",
        "a build hook",
        {**SRC, "hatch_build.py": HATCH_HOOK, "made/from.txt": "here"},
        {"acme_orders": "src/acme_orders"},
        "[tool.hatch.build.hooks.custom]\n",
        complete=False,
    ),
    Case(
        "hatchling",
        "a hatch.toml, whose tables stand for those of the same name",
        {
            "python/acme/orders/__init__.py": "",
            "schemas/order.json": "{}",
            "schemas/tests/a.json": "{}",
            "other/__init__.py": "",
            "VERSION": "VERSION = '9'",
            "old.txt": "VERSION = '8'",
            "hatch.toml": '[version]\npath = "VERSION"\n[build.targets.wheel]\npackages = ["python/acme"]\n'
            '[build.targets.wheel.force-include]\nschemas = "acme/orders/schemas"\n',
        },
        {"acme": "python/acme", "acme.orders.schemas": "schemas"},
        '[tool.hatch.version]\npath = "old.txt"\n' + _hatch('packages = ["other"]'),
        project='[project]\nname = "acme-orders"\ndynamic = ["version"]\n',
    ),
    Case(
        "hatchling",
        "excludes as in a .gitignore",
        {**SRC, **LEFT_OUT},
        {"acme_orders": "src/acme_orders"},
        '[tool.hatch.build]\nexclude = ["private/", "src/acme_orders/gone/*.py", "*_pb2.py", "/deep"]\n',
    ),
    # setuptools
    Case("setuptools", "src discovered", {**SRC, "src/single.py": ""}, {"acme_orders": "src/acme_orders", "single": "src/single.py"}),
    Case("setuptools", "a namespace in src", NAMESPACE, {"acme": "src/acme"}),
    Case(
        "setuptools",
        "flat discovered",
        {**FLAT, "docs/conf.py": "", "setup.cfg": "[metadata]\n"},
        {"acme_orders": "acme_orders"},
    ),
    Case("setuptools", "a flat module", {"acme_orders.py": "", "conftest.py": ""}, {"acme_orders": "acme_orders.py"}),
    Case(
        "setuptools",
        "listed packages",
        {**FLAT, "acme_orders/sub/__init__.py": "", "tool.py": ""},
        {"acme_orders": "acme_orders"},
        '[tool.setuptools]\npackages = ["acme_orders", "acme_orders.sub"]\n',
    ),
    Case(
        "setuptools",
        "package-dir and py-modules",
        {"lib/acme/__init__.py": "", "elsewhere/x.py": "", "lib/one.py": ""},
        {"acme": "lib/acme", "acme.sub": "elsewhere", "one": "lib/one.py"},
        '[tool.setuptools]\npackages = ["acme", "acme.sub"]\npy-modules = ["one"]\n'
        'package-dir = { "" = "lib", "acme.sub" = "elsewhere" }\n',
    ),
    Case(
        "setuptools",
        "find with where and include",
        {**NAMESPACE, "src/acme/other/__init__.py": ""},
        {"acme.orders": "src/acme/orders"},
        '[tool.setuptools.packages.find]\nwhere = ["src"]\ninclude = ["acme.orders*"]\n',
    ),
    Case(
        "setuptools",
        "find with an exclude",
        {**FLAT, "acme_orders/tests/__init__.py": ""},
        {"acme_orders": "acme_orders"},
        '[tool.setuptools.packages.find]\ninclude = ["acme*"]\nexclude = ["acme_orders.tests*"]\nnamespaces = false\n',
    ),
    Case(
        "setuptools",
        "setup.cfg",
        {
            **NAMESPACE,
            "VERSION": "4",
            "README.rst": "R",
            "setup.cfg": "[metadata]\nname = acme-orders\nversion = file: VERSION\nlong_description = file: README.rst\n"
            "[options]\npackages = find_namespace:\npackage_dir =\n    = src\n[options.packages.find]\nwhere = src\n",
        },
        {"acme": "src/acme"},
        project="",
    ),
    Case(
        "setuptools",
        "a setup.py that does nothing",
        {**SRC, "setup.py": "import setuptools\n\nif __name__ == '__main__':\n    setuptools.setup()\n"},
        {"acme_orders": "src/acme_orders"},
    ),
    Case(
        "setuptools",
        "a setup.py that says where to find packages whose modules look like tests and outputs",
        {
            **dict.fromkeys(TEST_LIKE, ""),
            "setup.py": "from setuptools import find_packages, setup\n"
            "setup(package_dir={'': 'python'}, packages=find_packages('python', exclude=('left_out',)))\n",
            "python/left_out/__init__.py": "",
        },
        {"acme_orders": "python/acme_orders"},
        complete=False,
    ),
    Case(
        "setuptools",
        "a setup.py that stands above setup.cfg and makes its folder a package",
        {
            "setup.cfg": "[options]\npackages = other\npy_modules = single\n",
            "setup.py": "import setuptools\nsetuptools.setup(package_dir={'acme': '.'}, packages=['acme', 'acme.dist'])\n",
            **dict.fromkeys(("__init__.py", "test_client.py", "dist/__init__.py", "other/__init__.py", "single.py"), ""),
        },
        {"acme": ".", "single": "single.py"},
        complete=False,
    ),
    Case(
        "setuptools",
        "a setup.py that does something",
        {
            **SRC,
            "requirements/base.txt": "six",
            "setup.py": "from setuptools import setup\nsetup(install_requires=open('requirements/base.txt').read().split())\n",
        },
        {"acme_orders": "src/acme_orders"},
        project='[project]\nname = "acme-orders"\nversion = "1"\ndynamic = ["dependencies"]\n',
        complete=False,
    ),
    Case(
        "setuptools",
        "dynamic metadata",
        {**SRC, "version.py": 'VALUE = "3"', "requirements.txt": "six", "LICENCE": "", "AUTHORS.md": "", "d/x.ini": "i"},
        {"acme_orders": "src/acme_orders"},
        '[tool.setuptools]\npackage-data = { "*" = ["*.json"] }\ndata-files = { "share/x" = ["d/*.ini"] }\n'
        '[tool.setuptools.packages.find]\nwhere = ["src"]\n[tool.setuptools.dynamic]\n'
        'version = { attr = "version.VALUE" }\ndependencies = { file = ["requirements.txt"] }\nreadme = { file = "README.md" }\n',
        project='[project]\nname = "acme-orders"\ndynamic = ["version", "dependencies", "readme"]\n',
    ),
    # flit
    Case("flit", "a package", {**FLAT, "acme_orders/__init__.py": '"""D"""'}, {"acme_orders": "acme_orders"}, project=PROJECT + 'description = "d"\n'),
    Case("flit", "a package in src", SRC, {"acme_orders": "src/acme_orders"}, project=PROJECT + 'description = "d"\n'),
    Case("flit", "a module", {"acme_orders.py": "", "COPYING": "C"}, {"acme_orders": "acme_orders.py"}, project=PROJECT + 'description = "d"\n'),
    Case(
        "flit",
        "a namespace and external data",
        {**NAMESPACE, "share/man/x.1": "m"},
        {"acme.orders": "src/acme/orders"},
        '[tool.flit.module]\nname = "acme.orders"\n[tool.flit.external-data]\ndirectory = "share"\n'
        '[tool.flit.sdist]\ninclude = ["tests/"]\n',
        project=PROJECT + 'description = "d"\n',
    ),
    # poetry
    Case(
        "poetry",
        "excludes from the root on",
        {**SRC, **LEFT_OUT},
        {"acme_orders": "src/acme_orders"},
        '[tool.poetry]\nexclude = ["**/private", "src/acme_orders/gone/*.py", "**/*_pb2.py", "deep"]\n',
    ),
    Case(
        "poetry",
        "folders of members in one namespace",
        {"core/acme/core/__init__.py": "", "base/acme/base/__init__.py": ""},
        {"acme": "base/acme core/acme"},
        '[tool.poetry]\npackages = [{ include = "acme", from = "core" }, { include = "acme", from = "base" }]\n',
    ),
    Case("poetry", "a package", FLAT, {"acme_orders": "acme_orders"}),
    Case("poetry", "a package in src", SRC, {"acme_orders": "src/acme_orders"}),
    Case("poetry", "a module in src", {"src/acme_orders.py": "", "LICENSES/MIT.txt": "L"}, {"acme_orders": "src/acme_orders.py"}),
    Case(
        "poetry",
        "packages, from, to, and an include",
        {**NAMESPACE, "one/__init__.py": "", "schemas/a.json": "{}", "tests/__init__.py": ""},
        {"acme": "src/acme", "two.one": "one"},
        '[tool.poetry]\npackages = [{ include = "acme", from = "src" }, { include = "one", to = "two" }, '
        '{ include = "tests", format = "sdist" }]\ninclude = [{ path = "schemas/*.json", format = ["wheel"] }, "tests/**"]\n',
    ),
    Case(
        "poetry",
        "its own metadata",
        {**FLAT, "a.md": "a", "b.md": "b"},
        {"acme_orders": "acme_orders"},
        '[tool.poetry]\nname = "acme-orders"\nversion = "1"\ndescription = "d"\nauthors = []\nreadme = ["a.md", "b.md"]\n',
        project="",
    ),
    # pdm
    Case("pdm", "a package", FLAT, {"acme_orders": "acme_orders"}),
    Case("pdm", "packages in src", {**SRC, "src/other/__init__.py": ""}, {"acme_orders": "src/acme_orders", "other": "src/other"}),
    Case("pdm", "modules", {"one.py": "", "two.py": "", "tests/test_one.py": ""}, {"one": "one.py", "two": "two.py"}),
    Case("pdm", "a package-dir", {"lib/acme/__init__.py": ""}, {"acme": "lib/acme"}, '[tool.pdm.build]\npackage-dir = "lib"\n'),
    Case(
        "pdm",
        "includes and excludes",
        {**NAMESPACE, "src/acme/orders/skipped.py": ""},
        {"acme": "src/acme"},
        '[tool.pdm.build]\nincludes = ["src/acme"]\nexcludes = ["src/acme/orders/skipped.py"]\nsource-includes = ["tests"]\n',
    ),
    Case(
        "pdm",
        "the version in a file",
        {**SRC, "version.txt": '__version__ = "9"'},
        {"acme_orders": "src/acme_orders"},
        '[tool.pdm.version]\nsource = "file"\npath = "version.txt"\n',
        project='[project]\nname = "acme-orders"\ndynamic = ["version"]\nreadme = "README.md"\n',
    ),
    Case(
        "pdm",
        "a build hook",
        {**SRC, "pdm_build.py": PDM_HOOK, "made/from.txt": "here"},
        {"acme_orders": "src/acme_orders"},
        complete=False,
    ),
]  # fmt: skip

# Each package in a process of its own, for backends keep state; forked from one that has imported what the first build
# imported, for imports are most of a build's time.
_BUILDER = """
import contextlib, importlib, json, os, sys
backend = importlib.import_module(sys.argv[1])
for number, (folder, wheels) in enumerate(json.loads(sys.argv[2])):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.chdir(folder)
        sys.path.insert(0, "")
        os.dup2(2, 1)
        backend.build_wheel(wheels)
        os.write(writer, json.dumps([name for name in sys.modules if name.isascii()])[:65000].encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    if number == 0:
        for name in json.loads(os.read(reader, 65536) or "[]"):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    os.close(reader)
"""


def build_wheels(backend: str, folders: list[Path]) -> list[dict[str, bytes]]:
    """Build a wheel of each folder with one backend; what each holds, `RECORD` left out.

    A build that fails gives an empty dictionary, and what it said is printed.
    """
    jobs = [(folder, folder.parent / f"{folder.name}-wheel") for folder in folders]
    for _, wheels in jobs:
        wheels.mkdir()
    said = ""
    if backend == "uv":
        for folder, wheels in jobs:
            uv = ["uv", "build", "--offline", "--wheel", "--quiet", "--out-dir", str(wheels)]
            answer = subprocess.run([*uv, str(folder)], capture_output=True, text=True, check=False)
            said += answer.stderr if answer.returncode else ""
    else:
        arguments = json.dumps([(str(folder), str(wheels)) for folder, wheels in jobs])
        python = [sys.executable, "-c", _BUILDER, BACKENDS[backend], arguments]
        said = subprocess.run(python, capture_output=True, text=True, check=False).stderr
    content = [_content(wheels) for _, wheels in jobs]
    if not all(content):
        print(said)
    return content


def _content(wheels: Path) -> dict[str, bytes]:
    files = list(wheels.glob("*.whl"))
    if not files:
        return {}
    with zipfile.ZipFile(files[0]) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith(("/", "/RECORD"))]
        return {name: wheel.read(name) for name in names}
