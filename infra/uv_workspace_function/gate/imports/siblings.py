"""Imports by names that no image has: of modules in the same package, the idiom of a zip, and by places in the workspace."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from uv_workspace_function.boundary import read_file
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.known_packages import ReadFile
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.gate.imports.source import Import
from uv_workspace_function.workspace.members import Member

_SCRIPT = re.compile(rb"\A#!|^if[ \t]+__name__[ \t]*==|^if[ \t]+['\"]__main__['\"][ \t]*==", re.MULTILINE)
_PATH_CHANGE = re.compile(rb"\bsys\.path\b|\bsite\.addsitedir\b|\b__path__\b")


def is_on_the_path(of: MemberImports, read: ReadFile) -> bool:
    """Whether the folder of a file may be on `sys.path`: it is run where it lies, or as a script, or code of the member sees to that.

    In an image it is not: there the folder around the outermost package is.
    """
    is_in_package = "." in (read.file.module or "") or read.file.path.endswith("/__init__.py")
    enters_images = of.member.is_package or of.member in of.scope.workspace.services
    if of.is_workbench or not enters_images or not (is_in_package or is_at_the_top(of.member, read)):
        return True
    root = of.scope.workspace.root
    code = (other.file.path for other in of.files if other.file.role is Role.CODE)
    return _SCRIPT.search(read_file(root / read.file.path)) is not None or any(
        _PATH_CHANGE.search(read_file(root / path)) for path in code
    )


def is_at_the_top(member: Member, read: ReadFile) -> bool:
    """Whether a file is a module at the top of a wheel, all modules of which are known: what else lies beside it is not there."""
    return (
        member.is_package
        and member.layout.complete
        and read.file.role is Role.CODE
        and "." not in (read.file.module or ".")
    )


def is_put_on_the_path(of: MemberImports, read: ReadFile, found: Import, name: str) -> bool:
    """Whether a file outside of images changes `sys.path` itself, and a module of that name lies somewhere in the workspace."""
    if not (of.is_workbench or of.is_development(read, found)):
        return False
    source = read_file(of.scope.workspace.root / read.file.path)
    return _PATH_CHANGE.search(source) is not None and name in of.names_in_the_workspace


def whole_name(of: MemberImports, read: ReadFile, module: str) -> str | None:
    """The whole name of a module in the same package, or in one around it, that a bare import was to be of."""
    file = of.scope.workspace.root / read.file.path
    packages, folder = (read.file.module or "").split("."), file.parent
    if file.name != "__init__.py":
        packages = packages[:-1]
    for length in range(len(packages), 0, -1):
        if _has_all(folder, module, but=file):
            return ".".join([*packages[:length], module])
        folder = folder.parent
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByItsPlace:
    """A file that is imported by its place in the workspace: `services.orders.prices`."""

    path: PurePosixPath
    owner: Member
    begins: str
    """What of the name is of the place alone."""
    meant: str | None
    """What images have in place of that."""


def by_its_place(of: MemberImports, module: str) -> ByItsPlace | None:
    """The file that a module is where a folder above the member is on the path: the workspace's root, or one below it."""
    provided, root = of.known.modules.find(module), of.known.root
    is_of_unbuilt_root = root is not None and not root.is_package and provided.owners == {root.name}
    if not is_of_unbuilt_root and ("." not in module or provided.exact):
        return None
    place = module.replace(".", "/")
    for base in of.member.folder.parents:
        for path in (base / place / "__init__.py", base / f"{place}.py"):
            if (of.scope.workspace.root / path).is_file():
                return _by_its_place(of, module, base, path)
    return None


def _by_its_place(of: MemberImports, module: str, base: PurePosixPath, path: PurePosixPath) -> ByItsPlace | None:
    around = [member for member in of.known.local.values() if member.folder in path.parents]
    owner = max(around, key=lambda member: len(member.folder.parts), default=None)
    if owner is None:
        return None
    for outermost in owner.layout.modules:
        top = PurePosixPath(os.path.normpath(owner.folder / outermost.path))
        if top == path or top in path.parents:
            if base in top.parents:
                begins, meant = ".".join(top.with_suffix("").relative_to(base).parts), outermost.name
            else:  # the package holds the folder that is on the path
                begins = module.partition(".")[0]
                meant = ".".join((outermost.name, *base.relative_to(top).parts, begins))
            return ByItsPlace(path=path, owner=owner, begins=begins, meant=meant)
    return ByItsPlace(path=path, owner=owner, begins=module, meant=None)


def has_module(folder: Path, name: str, *, but: Path) -> bool:
    """Whether a module of that name lies in a folder, another one than the file that asks."""
    module, package = folder / f"{name}.py", folder / name
    return (module != but and module.is_file()) or (package.is_dir() and next(package.rglob("*.py"), None) is not None)


def _has_all(folder: Path, module: str, *, but: Path) -> bool:
    """Whether a module lies below a folder under its whole dotted name, be it an extension."""
    around, _, name = module.rpartition(".")
    place = folder / around.replace(".", "/")
    return has_module(place, name, but=but) or next(place.glob(f"{name}.*.so"), None) is not None


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
