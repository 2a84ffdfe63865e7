"""A package with C code and no wheel, compiled in the build: by a builder image that has a compiler."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from images.engine import LAMBDA_BASE, BuildFailedError, Engine
from images.shop import stage
from wheelhouse import sdist

from local_cloud import debian, stand_ins

COMPILED = {
    "pyproject.toml": '[project]\nname = "acme-compiled"\nversion = "1.0"\n'
    '[build-system]\nrequires = ["setuptools>=80"]\nbuild-backend = "setuptools.build_meta"\n',
    "setup.py": "from setuptools import Extension, setup\n\n"
    'setup(py_modules=[], ext_modules=[Extension("acme_compiled", ["compiled.c"])])\n',
    "compiled.c": """\
#include <Python.h>

static PyObject *twice(PyObject *self, PyObject *number)
{
    return PyNumber_Add(number, number);
}

static PyObject *built(PyObject *self, PyObject *nothing)
{
    return PyUnicode_FromString(__DATE__ " " __TIME__);
}

static PyMethodDef methods[] = {{"twice", twice, METH_O, NULL}, {"built", built, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "acme_compiled", NULL, -1, methods};

PyMODINIT_FUNC PyInit_acme_compiled(void)
{
    return PyModule_Create(&module);
}
""",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that needs a package with C code and no wheel, whose own backend comes from the index."""
    root = tmp_path_factory.mktemp("compiled")
    (root / "wheels").mkdir()
    sdist(root / "wheels", "acme-compiled", files=COMPILED)
    (root / "pyproject.toml").write_text(
        '[tool.uv]\nfind-links = ["wheels"]\n[tool.uv.workspace]\nmembers = ["worker"]\n'
    )
    (root / "worker").mkdir()
    (root / "worker/pyproject.toml").write_text(
        '[project]\nname = "worker"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["acme-compiled"]\n'
    )
    (root / "worker/main.py").write_text(
        "import acme_compiled\n\n\ndef handler(event, context):\n    return acme_compiled.twice(21)\n"
    )
    subprocess.run(["uv", "lock"], cwd=root, check=True, capture_output=True, text=True)
    return root


@pytest.fixture(scope="module")
def builder(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Lambda base image with gcc: from its own packages, or from Debian's where a stand-in of Debian's takes its place."""
    folder = tmp_path_factory.mktemp("builder")
    labels = engine.docker("image", "inspect", "--format={{.Config.Labels}}", LAMBDA_BASE)
    if stand_ins.RECIPE_LABEL not in labels:
        (folder / "Dockerfile").write_text(f"FROM {LAMBDA_BASE}\nRUN dnf install -y gcc\n")
    else:
        (folder / "root/var/lang").mkdir(parents=True)
        apt = debian.own_apt(folder / "apt", suite=stand_ins.PYTHON_SUITE, arch=engine.native.removeprefix("linux/"))
        needed = debian.with_dependencies(apt, ["gcc", "libpython3.14-dev"])
        for package in debian.download(apt, sorted(needed), folder / "packages"):
            debian.unpack(
                package, folder / "root", only=["./usr/bin/*", "./usr/lib/*", "./usr/libexec/*", "./usr/include/*"]
            )
        (folder / "root/var/lang/include").symlink_to("/usr/include")
        (folder / "Dockerfile").write_text(f"FROM {LAMBDA_BASE}\nCOPY root/ /\n")
    return engine.build(folder, {}, platform=engine.native).name


def test_c_code_is_compiled_by_a_builder_with_a_compiler(
    engine: Engine, workspace: Path, builder: str, tmp_path: Path
) -> None:
    """Without one the build says what is missing. With one the module runs, and is the same when it is compiled again."""
    context, arguments = stage(workspace, "worker", tmp_path / "context")
    allowed = {**arguments, "BUILD_FROM_SOURCE": "acme-compiled"}
    with pytest.raises(BuildFailedError) as caught:
        engine.build(context, allowed, platform=engine.native)
    assert (
        "a package has code to compile: give a BUILDER_IMAGE with a compiler (builder_image of the construct), or lock a wheel of it"
    ) in str(caught.value)

    image = engine.build(context, {**allowed, "BUILDER_IMAGE": builder}, platform=engine.native)
    assert image.python("import main; print(main.handler({}, None))", "--workdir=/var/task") == "42\n"
    again = engine.build(context, {**allowed, "BUILDER_IMAGE": builder}, "--no-cache", platform=engine.native)
    modules = [
        {
            path: hashlib.sha256(content).hexdigest()
            for path, content in built.stored.files.items()
            if "compiled" in path
        }
        for built in (image, again)
    ]
    assert any(path.endswith(".so") for path in modules[0])
    assert modules[0] == modules[1]
