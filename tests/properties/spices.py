"""The third-party packages of generated workspaces: 18 tiny ones in two versions each, which need each other."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from wheelhouse import wheel

NAMES = (
    *("anise", "basil", "chive", "dill", "elder", "fennel", "garlic", "hyssop", "iris"),
    *("juniper", "kale", "lovage", "mint", "nettle", "oregano", "parsley", "rue", "sage"),
)
EXTRAS = ("fast", "slow")
BACKEND = "tiny-backend"

# A build backend in one module: the version comes from the package's own code, as with a dynamic one.
_BACKEND = r"""
import pathlib, re, tomllib, zipfile

def _stem(folder):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    module = next(path.parent for path in pathlib.Path("src").glob("*/__init__.py"))
    name = re.sub(r"[-_.]+", "_", project["name"]).lower()
    version = re.search("__version__ = '(.+)'", (module / "__init__.py").read_text())[1]
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in project.get("dependencies", ())]
    for extra, needs in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for need in needs:
            text, _, marker = need.partition(" ; ")
            lines.append(f"Requires-Dist: {text} ; " + (f"({marker}) and " if marker else "") + f"extra == '{extra}'")
    metadata = "\n".join(lines) + "\n"
    return f"{name}-{version}", metadata, module

def _info(stem, metadata):
    wheel = "Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {f"{stem}.dist-info/METADATA": metadata, f"{stem}.dist-info/WHEEL": wheel}

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    stem, metadata, _ = _stem(folder)
    for path, text in _info(stem, metadata).items():
        (pathlib.Path(folder) / path).parent.mkdir(exist_ok=True)
        (pathlib.Path(folder) / path).write_text(text)
    return f"{stem}.dist-info"

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def build_wheel(folder, config_settings=None, metadata_directory=None):
    stem, metadata, module = _stem(folder)
    files = {path.relative_to("src").as_posix(): path.read_text() for path in sorted(module.rglob("*.*"))}
    files |= _info(stem, metadata)
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{stem}.dist-info/RECORD"))
    with zipfile.ZipFile(pathlib.Path(folder) / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text)
    return f"{stem}-py3-none-any.whl"

build_editable = build_wheel
"""


@cache
def shelf() -> Path:
    """A folder with every wheel, made once a run."""
    folder = TemporaryDirectory(prefix="spices-")
    _ALIVE.append(folder)
    path = Path(folder.name)
    for at, name in enumerate(NAMES):
        for version in ("1.0", "2.0"):
            wheel(path, name, version, requires=_requires(at, version), extras=EXTRAS)
    wheel(path, BACKEND, text=_BACKEND)
    return path


def _requires(at: int, version: str) -> list[str]:
    """What the package at a place of the list needs: some of those after it, so that there is no cycle."""
    needs = [(3, ""), (2, " ; extra == 'fast'"), (4, " ; extra == 'slow' and sys_platform == 'win32'")]
    if version == "2.0":
        needs.append((5, " ; python_version < '3.13'"))
    if at % 3 == 0:
        needs.append((1, " ; platform_machine == 'aarch64'"))
    requires = [f"{NAMES[at + step]}{marker}" for step, marker in needs if at + step < len(NAMES)]
    if at % 4 == 0 and at + 6 < len(NAMES):
        requires.append(f"{NAMES[at + 6]}[fast]")
    return requires


_ALIVE: list[TemporaryDirectory[str]] = []
