"""Imports below a local package's own name: each has to lead to a file of the context, or it fails in the image (UWF003)."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from weakref import WeakKeyDictionary

from uv_workspace_function.code.layouts import Module
from uv_workspace_function.context.wanted import Cause
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked
from uv_workspace_function.gate.ignore_rules import ignoring_rule
from uv_workspace_function.gate.imports.files import VENDORED, Role
from uv_workspace_function.gate.imports.known_packages import ReadFile
from uv_workspace_function.gate.imports.local_names import Unbound, unbound
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.gate.imports.replaced_modules import is_dynamic
from uv_workspace_function.gate.imports.siblings import has_module
from uv_workspace_function.gate.imports.source import Import, Need
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

# What is a module, or is made into one: extensions are built of the last.
_SUFFIXES = frozenset({".py", ".pyi", ".so", ".pyd", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".rs", ".f90"})
_BIND = "import a name that it has, or define it there"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Absent:
    """A local module that no context has."""

    module: str
    """Its whole name."""
    why: str
    remedy: str
    is_certain: bool = True
    """False where a build, or whatever makes what git ignores, may bring it."""


def local_imports(of: MemberImports) -> tuple[list[Finding], dict[str, NotChecked]]:
    """What is wrong with what the code of a member imports from local packages, itself among them; and by module, what is not known."""
    if not _is_judged(of):
        return [], {}
    findings: list[Finding] = []
    gaps: dict[str, NotChecked] = {}
    for read in of.files:
        if read.file.role is not Role.CODE or read.file.module is None:
            continue
        seen: set[str] = set()
        for found in (*read.facts.imports, *_absolute(read)):
            if found.need is not Need.RUN or not of.is_judged(read, found):
                continue
            for absent in _absent(of, read, found):
                if absent.module in seen:
                    continue
                seen.add(absent.module)
                if absent.is_certain:
                    findings.append(_finding(of, read, found, absent))
                else:
                    gaps.setdefault(absent.module, _gap(of, read, absent))
        findings += [
            _too_high(of, read, found)
            for found in read.facts.relative
            if read.file.whole_name(found.module) is None and found.need is Need.RUN and of.is_judged(read, found)
        ]
    return findings, gaps


def _is_judged(of: MemberImports) -> bool:
    """Whether the member's code runs as its build, or a copy, leaves it, and not where it lies."""
    return not of.is_workbench and (of.member.is_package or of.member in of.scope.workspace.services)


def _too_high(of: MemberImports, read: ReadFile, found: Import) -> Finding:
    package = (read.file.module or "").rpartition(".")[0] or read.file.module
    above = PurePosixPath(read.file.path).parents[(read.file.module or "").count(".")]
    is_package = (of.scope.workspace.root / above / "__init__.py").is_file()
    make_it = f", or have the build make {above} the package that its __init__.py says it is" if is_package else ""
    return Finding(
        code="UWF003",
        file=read.file.path,
        line=found.line,
        member=of.member.name,
        problem=f"{of.member.name} imports {found.module}, which leads above {package}, where there is no package",
        remedy=f"import it by its full name{make_it}",
        subject=found.module,
        package="..",
    )


def _absolute(read: ReadFile) -> Iterator[Import]:
    """The relative imports of a file, by their whole names."""
    for found in read.facts.relative:
        if (name := read.file.whole_name(found.module)) is not None:
            yield replace(found, module=name)


def _absent(of: MemberImports, read: ReadFile, found: Import) -> Iterator[_Absent]:
    """The modules that an import needs and no context has."""
    top = found.module.partition(".")[0]
    around = of.known.layout_modules.get(top)
    if around is None:
        yield from _left_out_by_name(of, read, top)
        return
    allowed = of.allowed(read, found)
    candidates = _having(of, found.module, allowed)
    names = frozenset(member.name for member, _ in candidates)
    if all(of.known.modules.namespace_of(name, top) for name in names) and any(map(of.known.is_missing, allowed)):
        return  # what is not installed may share the namespace: that it could not be checked is told
    candidates = _nearest(of, candidates, found.module)
    if (
        not candidates
        or _is_of_others(of, found.module, names, allowed)
        or not VENDORED.isdisjoint(found.module.split("."))
    ):
        return
    absent = [_look_for(of, member, module, found.module) for member, module in candidates]
    if None not in absent:
        yield from _likeliest(absent)
        return
    for name in found.names:
        if name == "*" or name.startswith("__") or _is_of_others(of, f"{found.module}.{name}", names, allowed):
            continue
        inner = [_look_for(of, member, module, f"{found.module}.{name}", name=name) for member, module in candidates]
        if None not in inner:
            yield from _likeliest(inner)


def _having(of: MemberImports, dotted: str, allowed: frozenset[str]) -> list[tuple[Member, Module]]:
    """The local packages that an import may come from and that have an outermost module around it."""
    around = of.known.layout_modules.get(dotted.partition(".")[0], ())
    having = [(member, module) for member, module in around if member.name in allowed and _covers(module, dotted)]
    return sorted(having, key=lambda one: one[0] is not of.member)  # what it lacks itself is told first


def in_local_namespace(of: MemberImports, read: ReadFile, found: Import, module: str) -> Finding | NotChecked | None:
    """What is wrong with a module that no package has, where local packages have the namespace around it.

    None where nothing is: one of them may have it, by a build or an extension.
    """
    name = module.rpartition(".")[2] if module != found.module else None
    around = _nearest(of, _having(of, module, of.allowed(read, found)), module)
    absent = [_look_for(of, member, outermost, module, name=name) for member, outermost in around]
    likeliest = None if None in absent else next(_likeliest(absent), None)
    if likeliest is None:
        return None
    return _finding(of, read, found, likeliest) if likeliest.is_certain else _gap(of, read, likeliest)


def has_namespace_of(of: MemberImports, read: ReadFile, found: Import, module: str) -> bool:
    """Whether local packages that an import may come from have a namespace around a module that nobody has."""
    return _is_judged(of) and bool(_having(of, module, of.allowed(read, found)))


def _likeliest(absent: Iterable[_Absent | None]) -> Iterator[_Absent]:
    """Of what several packages lack, that which a build of one may still bring; else the first."""
    yield from sorted(filter(None, absent), key=lambda one: one.is_certain)[:1]


def _nearest(of: MemberImports, candidates: list[tuple[Member, Module]], dotted: str) -> list[tuple[Member, Module]]:
    """Of the packages that share a namespace those that have the module, or the innermost one above it; all where that is nobody's."""
    modules = of.known.modules
    owners = modules.find(dotted).owners
    having = [(member, module) for member, module in candidates if member.name in owners]
    real = [(member, module) for member, module in having if not modules.namespace_of(member.name, dotted)]
    return real or having or candidates


def _covers(module: Module, dotted: str) -> bool:
    return dotted == module.name or dotted.startswith(f"{module.name}.")


def _is_of_others(of: MemberImports, dotted: str, names: frozenset[str], allowed: frozenset[str]) -> bool:
    """Whether a package beside those has a module: of a namespace that they share, which is judged by what is declared.

    One that is not declared and has what they have is a root whose wheel copies them.
    """
    provided = of.known.modules.find(dotted)
    others = provided.owners - names
    return provided.exact and bool(others & allowed if provided.owners & names else others)


def _look_for(
    of: MemberImports, member: Member, module: Module, dotted: str, *, name: str | None = None
) -> _Absent | None:
    """Why a local package has no such module in a context; None where it has, or may have.

    Args:
        of: whose imports are judged.
        member: the package.
        module: its outermost module around it.
        dotted: the module's whole name.
        name: its last part, where an attribute of the package around it would do as well.
    """
    workspace = of.scope.workspace
    path = PurePosixPath(os.path.normpath(member.folder / module.path))
    base = path.with_suffix("") if path.suffix == ".py" else path
    rest = dotted[len(module.name) + 1 :]
    target = base / rest.replace(".", "/") if rest else base
    try:
        files = WorkspaceFiles.of(workspace).files(workspace, member)
    except WorkspaceError:
        return None  # the check of contexts tells
    stems = _stems(workspace, member, (*files.files, *files.written))
    if str(target) in stems:
        file = _on_disk(workspace.root, target)
        inside = None if file is None else PurePosixPath(os.path.relpath(file, member.folder))
        package = dotted if inside is not None and inside.stem == "__init__" else dotted.rpartition(".")[0]
        if inside is None or not member.is_package or not member.layout.leaves_out(inside, package):
            return None
        why = f"the build of {member.name} leaves {file} out, by a table of its backend"
        return _Absent(module=dotted, why=why, remedy="change that table, or correct the import")
    lacking: Unbound | None = None
    if name is not None:
        if not files.written.isdisjoint((f"{target.parent}.py", f"{target.parent}/__init__.py")):
            return None  # the build writes the module: what it binds then is not known
        lacking = unbound(of, target.parent, name, files.files)
        if lacking is None:
            return None
    is_of_plain_module = lacking is not None and lacking.is_of_plain_module
    if is_dynamic(of, member, may_search=not is_of_plain_module):
        return None
    if lacking is not None and lacking.is_of_plain_module:
        whole = member.layout.complete or not member.is_package
        return _Absent(module=dotted, why=str(lacking), remedy=_BIND) if whole else None
    root = workspace.root
    if (there := _on_disk(root, target)) is not None:
        cause = next((d for d in files.dropped if there == d.path or there.startswith(f"{d.path.rstrip('/')}/")), None)
        reason = "it is bytecode" if there.endswith(".pyc") else "by its name" if cause is None else cause.reason
        if cause is not None and cause.cause in (Cause.IGNORED, Cause.IN_IGNORED_FOLDER):
            reason = ignoring_rule(WorkspaceFiles.of(workspace).repository, root / there) or reason
        return _lost(member, dotted, there, reason)
    if not member.layout.complete and member.is_package:
        return _Absent(
            module=dotted,
            why=f"nothing says whether the build of {member.name} makes {target}.py",
            remedy="build it and look, or say which files the build writes in its backend's table",
            is_certain=False,
        )
    if any(
        WorkspaceFiles.of(workspace).repository.ignored(str(root / p), is_folder=f)
        for p, f in ((f"{target}.py", False), (target, True))
    ):
        return _Absent(
            module=dotted,
            why=f"{target}.py does not exist, and git ignores that path, so a build may generate it",
            remedy="generate it before the check",
            is_certain=False,
        )
    return _Absent(
        module=dotted,
        why=f"there is no {target}.py" + (f", and {lacking}" if lacking is not None else ""),
        remedy="correct the import, or restore the file",
    )


def _lost(member: Member, dotted: str, path: str, reason: str) -> _Absent:
    inside = PurePosixPath(path).relative_to(member.folder)
    glob = f"{inside.parent}/**" if inside.name == "__init__.py" else str(inside)
    remedy = f"include = [{glob!r}] in [tool.{OUR_TABLE}] of {member.folder / PYPROJECT} takes it all the same; or give it another name"
    return _Absent(module=dotted, why=f"{path} is left out of every image: {reason}", remedy=remedy.replace("'", '"'))


def _left_out_by_name(of: MemberImports, read: ReadFile, top: str) -> Iterator[_Absent]:
    """A module at the top of a copied project that is left out since tests and outputs are called so: `build`, `tests`."""
    member, workspace = of.member, of.scope.workspace
    file = workspace.root / read.file.path
    if member.is_package or "." in (read.file.module or "") or of.known.modules.find(top).owners:
        return
    if top in of.known.standard or not has_module(file.parent, top, but=file):
        return
    files = WorkspaceFiles.of(workspace).files(workspace, member)
    target = PurePosixPath(read.file.path).parent / top
    there = _on_disk(workspace.root, target)
    if there is not None and str(target) not in _stems(workspace, member, (*files.files, *files.written)):
        yield _lost(member, top, there, "it has a name that tests and outputs have")


def _on_disk(root: Path, target: PurePosixPath) -> str | None:
    for candidate in (f"{target}/__init__.py", f"{target}.py", f"{target}.pyc"):
        if (root / candidate).is_file():
            return candidate
    inside = sorted((root / target).rglob("*.py")) if (root / target).is_dir() else []
    return inside[0].relative_to(root).as_posix() if inside else None


_STEMS: WeakKeyDictionary[Workspace, dict[Member, frozenset[str]]] = WeakKeyDictionary()


def _stems(workspace: Workspace, member: Member, paths: Iterable[str]) -> frozenset[str]:
    """The modules that some files are, as paths without suffixes, with the folders around them."""
    known = _STEMS.setdefault(workspace, {})
    if member not in known:
        found: set[str] = set()
        for path in paths:
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            if not any(name.endswith(suffix) for suffix in _SUFFIXES):
                continue
            if stem != "__init__":
                found.add(f"{folder}/{stem}" if folder else stem)
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        known[member] = frozenset(found)
    return known[member]


def _finding(of: MemberImports, read: ReadFile, found: Import, absent: _Absent) -> Finding:
    return Finding(
        code="UWF003",
        file=read.file.path,
        line=found.line,
        member=of.member.name,
        problem=f"{of.member.name} imports {absent.module}, but {absent.why}",
        remedy=absent.remedy,
        subject=absent.module,
        package=absent.module,
    )


def _gap(of: MemberImports, read: ReadFile, absent: _Absent) -> NotChecked:
    return NotChecked(
        codes=("UWF003",),
        member=of.member.name,
        reason=f"{read.file.path} imports {absent.module}, and {absent.why}",
        remedy=absent.remedy,
    )
