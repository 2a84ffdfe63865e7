"""Imports of what a member does not declare (UWF003), or that only another package brings along (UWF004)."""

from collections.abc import Mapping

from stdlibs import KNOWN_VERSIONS, stdlib_module_names

from uv_workspace_function.gate.findings import Finding, NotChecked
from uv_workspace_function.gate.imports.declared import Declared
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.known_packages import ReadFile, listed, minor, sync_command
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.gate.imports.modules import Provided, resembles
from uv_workspace_function.gate.imports.siblings import (
    ByItsPlace,
    by_its_place,
    has_module,
    is_at_the_top,
    is_on_the_path,
    is_put_on_the_path,
    leads_to,
    whole_name,
)
from uv_workspace_function.gate.imports.source import Import
from uv_workspace_function.workspace.members import Member

_SHIPPED = {
    "boto3": "boto3",
    "botocore": "boto3",
    "s3transfer": "boto3",
    "jmespath": "boto3",
    "awslambdaric": "awslambdaric",
}
"""Modules that Lambda's base images have themselves, in a version of AWS's choosing."""


def verdict_on(
    of: MemberImports, read: ReadFile, found: Import, module: str, provided: Provided
) -> Finding | list[str]:
    """A finding, or the packages that may provide the module, where that is unknown; empty when all is well."""
    allowed, declared = of.allowed(read, found), of.declared
    top = module.partition(".")[0]
    if provided.owners & allowed or _is_beside(of, read, found, module, provided):
        return []
    if not provided.owners and (top in of.hosts_elsewhere or is_put_on_the_path(of, read, found, top)):
        return []  # who loads the plugin brings itself along
    if read.file.role is Role.DEVELOPMENT and provided.owners & of.brought_by_members:
        return []  # no image has these tests, nor their root, and all that it is for is to have what the members bring
    if read.file.role is Role.DEVELOPMENT and by_its_place(of, module) is not None:
        return []  # tests that are run in a folder above have it on the path
    if top == "distutils" and "setuptools" in allowed:
        return []  # setuptools brings it back: https://setuptools.pypa.io/en/latest/deprecated/distutils-legacy.html
    missing = sorted(name for name in allowed if of.known.is_missing(name))
    unknown = [name for name in missing if name not in declared.elsewhere]
    alike = [name for name in missing if resembles(module, name)]
    if alike or (unknown and not provided.owners):
        return [name for name in alike or unknown if name not in declared.elsewhere]
    if not provided.owners and (
        (len(missing) > len(unknown) and _may_be_for_elsewhere(found))
        or _is_made_by_a_test(read, found)
        or _is_asked_for(found)
    ):
        return []
    if not provided.owners and _is_of_a_host_elsewhere(of, read, module):
        return []
    return _finding(of, read, found, module, provided.owners)


def _is_of_a_host_elsewhere(of: MemberImports, read: ReadFile, module: str) -> bool:
    """Whether a module that no package of the lock has may come with what loads the member as a plugin: no lock names that host."""
    top = module.partition(".")[0]
    return (
        of.has_host_elsewhere
        and not of.enters_images
        and top not in of.known.layout_modules
        and not _pythons_with(top)
        and _not_here(of, module) is None
        and by_its_place(of, module) is None
        and whole_name(of, read, module) is None
        and _beside_the_wheel(of, read, module) is None
    )


def _may_be_for_elsewhere(found: Import) -> bool:
    """Whether an import may be of a package that is for other platforms or Pythons, and so is not here to be read.

    Importing the file would fail on the target, unless the import stands in a function or a branch.
    """
    return found.conditional and not _left_the_standard_library(found)


def _is_asked_for(found: Import) -> bool:
    """Whether an import runs only for those who ask for its module by name, and no package of the workspace has it.

    No shared environment hides that it is missing: whoever asks for it finds out, or brings it.
    """
    return found.chosen and not _left_the_standard_library(found)


def _is_made_by_a_test(read: ReadFile, found: Import) -> bool:
    """Whether a module that no package has may be one that a test makes, or that is meant to be missing."""
    return read.file.role is Role.DEVELOPMENT and (found.conditional or not read.file.is_test)


def _is_beside(of: MemberImports, read: ReadFile, found: Import, module: str, provided: Provided) -> bool:
    """Whether a module lies beside the file, where Python finds it when the file is run or tested."""
    top = module.partition(".")[0]
    root, file = of.scope.workspace.root, of.scope.workspace.root / read.file.path
    # a package of that name is what is meant
    folders = [file.parent] if not provided.owners and is_on_the_path(of, read) else []
    if of.is_development(read, found):
        folders += [folder for folder in file.parents if folder.is_relative_to(of.member.path)]
        folders += [of.member.path / path for path in _test_paths(of.member)]
        if top in of.test_modules:
            return True  # a conftest.py puts what folder it likes on the path
    if of.is_workbench and any(
        leads_to(folder, module) for folder in file.parents if folder.is_relative_to(of.member.path)
    ):
        return True  # a program of it runs in any folder of its own: `apps/worker`
    if not of.member.is_package and of.member not in of.scope.workspace.services:
        # never built: it runs where it lies, with the sources of its libraries on the path
        roots = [
            root / library.folder / module_root
            for name in of.declared.run
            if (library := of.known.local.get(name)) is not None
            for module_root in {m.path.parent for m in library.layout.modules}
        ]
        if any(leads_to(folder, module) for folder in roots):
            return True
    return any(has_module(folder, top, but=file) for folder in folders)


def _finding(of: MemberImports, read: ReadFile, found: Import, module: str, owners: frozenset[str]) -> Finding:
    member, declared = of.member, of.declared
    in_image = read.file.role is not Role.DEVELOPMENT and not of.is_workbench
    transitive = owners & (declared.closure if in_image else declared.development_closure)
    name = of.owner(module, transitive or (owners & declared.development) or owners) or _not_here(of, module)
    add = of.add_command(name or "PACKAGE", development=not in_image and _has_groups(of, read))
    if name in transitive:
        through = declared.through(name, without=member.name, in_image=in_image)
        because = f", which it has only through {listed(through)}" if through else ""
        return _import(
            of,
            "UWF004",
            read,
            found,
            module,
            f"{member.name} imports {module} from {name}{because}",
            f"declare it: {add}",
            package=name,
        )
    if in_image and (there := by_its_place(of, module)) is not None:
        return _placed(of, read, found, module, there)
    detail: tuple[str, ...] = ()
    if (where := declared.groups.get(name or "")) is not None:
        what = f"{member.name} imports {module} from {name}, which {where} declares, and it does not"
    elif name is not None:
        what = f"{member.name} imports {module} from {name}, which it does not declare{_for_whom(of, name)}"
    else:
        what = f"{member.name} imports {module}, which nothing that it declares provides"
        add = f"the package that has it, with {add}"
        if versions := _pythons_with(module.partition(".")[0]):
            earlier = [version for version in versions if minor(version) < minor(of.scope.target.python)]
            when = (
                f"left the standard library after Python {earlier[-1]}"
                if earlier
                else f"is new in Python {versions[0]}"
            )
            how = "use what replaces it" if earlier else "ask for `sys.version_info` first"
            what = f"{member.name} imports {module}, which {when}"
            return _import(of, "UWF003", read, found, module, what, f"{how}, or declare a backport")
        if in_image and (beside := _beside_the_wheel(of, read, module)) is not None:
            what = f"{member.name} imports {module}, but its build leaves {beside} out"
            remedy = "have the backend's table take it, or correct the import"
            return _import(of, "UWF003", read, found, module, what, remedy)
        if in_image and (meant := whole_name(of, read, module)) is not None:
            what = f"{member.name} imports {module}, which is {meant} in an image: the package's own folder is not on the path"
            return _import(of, "UWF003", read, found, module, what, f"import it by its full name, {meant}")
    if module.partition(".")[0] in _SHIPPED:
        detail = ("Lambda's base image has one of its own, in a version that AWS chooses and changes",)
    package = name or module.partition(".")[0]
    # what lies in its own namespace and nobody has may be its own
    shares = name is None and of.known.modules.namespace_of(member.name, package)
    remedy = f"correct the import, or declare {add}" if shares else f"declare it: {add}"
    return _import(of, "UWF003", read, found, module, what, remedy, detail, package=package)


def _placed(of: MemberImports, read: ReadFile, found: Import, module: str, there: ByItsPlace) -> Finding:
    of.used.add(there.owner.name)  # it is meant, by another name
    what = f"{of.member.name} imports {module}, which is {there.path} by its place in the workspace: no image has that name"
    if there.owner is of.known.root and not there.owner.is_package:
        remedy = f"move it into a package that {of.member.name} depends on"
        return _import(of, "UWF003", read, found, module, what, remedy, package=there.begins)
    is_declared = there.owner is of.member or there.owner.name in of.declared.run
    depend = "" if is_declared else f"depend on {there.owner.name}, and "
    how = "import it by the name that its build gives it"
    if there.meant is not None and there.meant != there.begins:
        how = f"begin such names with {there.meant!r}, not {there.begins!r}"
    top = (there.meant or "").partition(".")[0]
    having = {member for member, _ in of.known.layout_modules.get(top, ())}
    both = {of.member, there.owner}
    if len(both) == 2 and both <= having and not all(of.known.modules.namespace_of(one.name, top) for one in both):
        how = f"give its package another name than {top!r}, which {of.member.name} has too, and begin such names with that"
    return _import(of, "UWF003", read, found, module, what, f"{depend}{how}", package=there.begins)


def _not_here(of: MemberImports, module: str) -> str | None:
    """A package of the lock whose modules nothing here tells, and that is called like the module."""
    alike = (name for name in of.known.project.lock.names if resembles(module, name) and of.known.is_missing(name))
    return max(alike, key=len, default=None)


def _has_groups(of: MemberImports, read: ReadFile) -> bool:
    """Whether what a file outside of images needs belongs into a dev group: that of a root which has only such groups, or of tests."""
    return read.file.role is Role.DEVELOPMENT or bool(of.declared.groups and not of.declared.dependencies)


def _import(
    of: MemberImports,
    code: str,
    read: ReadFile,
    found: Import,
    module: str,
    what: str,
    remedy: str,
    detail: tuple[str, ...] = (),
    *,
    package: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        file=read.file.path,
        line=found.line,
        member=of.member.name,
        problem=what,
        remedy=remedy,
        subject=module,
        detail=detail,
        package=package,
    )


def _for_whom(of: MemberImports, name: str) -> str:
    """For whose sake an undeclared package is in the shared environment."""
    others = sorted(
        other.name
        for other in of.known.local.values()
        if other is not of.member
        and name != other.name
        and name in Declared.of(other, of.known.project, of.known.graph, of.known.root, of.scope.target).run
    )
    return f"; the shared environment has it for {listed(others)}" if others else ""


def doubt_about(of: MemberImports, doubts: Mapping[str, list[str]]) -> NotChecked:
    packages = sorted({name for names in doubts.values() for name in names})
    return NotChecked(
        codes=("UWF003", "UWF004"),
        member=of.member.name,
        reason=(
            f"nothing on this machine says which modules {listed(packages)} has, so it is unknown which "
            f"package provides {listed(sorted(doubts))}"
        ),
        remedy=sync_command(of.known.project),
    )


def _test_paths(member: Member) -> list[str]:
    """The folders that pytest puts on the path."""
    paths = member.pyproject.tool("pytest", "ini_options").get("pythonpath", [])
    return paths.split() if isinstance(paths, str) else [path for path in paths if isinstance(path, str)]


def _pythons_with(module: str) -> list[str]:
    """The Pythons whose standard library has a module, the oldest first."""
    return [version for version in KNOWN_VERSIONS if module in stdlib_module_names(version)]


def _beside_the_wheel(of: MemberImports, read: ReadFile, module: str) -> str | None:
    """A module that lies beside one at the top of a wheel, and is not in the wheel itself."""
    folder, top = (of.scope.workspace.root / read.file.path).parent, module.partition(".")[0]
    if not of.member.is_package or not has_module(folder, top, but=folder):
        return None
    path = folder / f"{top}.py" if (folder / f"{top}.py").is_file() else folder / top
    return path.relative_to(of.scope.workspace.root).as_posix() if is_at_the_top(of.member, read) else None


def _left_the_standard_library(found: Import) -> bool:
    return bool(_pythons_with(found.module.partition(".")[0]))
