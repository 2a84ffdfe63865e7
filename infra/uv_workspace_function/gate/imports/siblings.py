"""Bare imports of modules in the same package, the idiom of a zip: in an image the package's folder is not on the path."""

import re
from pathlib import Path

from uv_workspace_function.boundary import read_file
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.known_packages import ReadFile
from uv_workspace_function.gate.imports.member import MemberImports

_SCRIPT = re.compile(rb"\A#!|^if[ \t]+__name__[ \t]*==|^if[ \t]+['\"]__main__['\"][ \t]*==", re.MULTILINE)
_PATH_CHANGE = re.compile(rb"\bsys\.path\b|\bsite\.addsitedir\b|\b__path__\b")


def is_on_the_path(of: MemberImports, read: ReadFile) -> bool:
    """Whether the folder of a file may be on `sys.path`: it is run where it lies, or as a script, or code of the member sees to that.

    In an image it is not: there the folder around the outermost package is.
    """
    is_in_package = "." in (read.file.module or "") or read.file.path.endswith("/__init__.py")
    enters_images = of.member.is_package or of.member in of.scope.workspace.services
    if not is_in_package or of.is_workbench or not enters_images:
        return True
    root = of.scope.workspace.root
    code = (other.file.path for other in of.files if other.file.role is Role.CODE)
    return _SCRIPT.search(read_file(root / read.file.path)) is not None or any(
        _PATH_CHANGE.search(read_file(root / path)) for path in code
    )


def whole_name(of: MemberImports, read: ReadFile, module: str) -> str | None:
    """The whole name of a module in the same package, or in one around it, that a bare import was to be of."""
    file = of.scope.workspace.root / read.file.path
    packages, folder = (read.file.module or "").split("."), file.parent
    if file.name != "__init__.py":
        packages = packages[:-1]
    for length in range(len(packages), 0, -1):
        if has_module(folder, module.partition(".")[0], but=file):
            return ".".join([*packages[:length], module])
        folder = folder.parent
    return None


def has_module(folder: Path, name: str, *, but: Path) -> bool:
    """Whether a module of that name lies in a folder, another one than the file that asks."""
    module, package = folder / f"{name}.py", folder / name
    return (module != but and module.is_file()) or (package.is_dir() and next(package.rglob("*.py"), None) is not None)


def leads_to(folder: Path, module: str) -> bool:
    """Whether a module, or the first regular package around it, lies below a folder; of a namespace, the whole way counts."""
    for part in module.split("."):
        if (folder / f"{part}.py").is_file():
            return True
        folder /= part
        if not folder.is_dir():
            return False
        if (folder / "__init__.py").is_file():
            return True
    return next(folder.rglob("*.py"), None) is not None
