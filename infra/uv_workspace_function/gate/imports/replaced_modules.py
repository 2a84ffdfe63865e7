"""Packages whose modules may be others than their files: some code puts modules into `sys.modules`, or looks for them elsewhere."""

import ast
from collections.abc import Set as AbstractSet
from functools import lru_cache

from uv_workspace_function.boundary import read_file
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace


def is_dynamic(of: MemberImports, member: Member, *, may_search: bool) -> bool:
    """Whether a package's modules may be others than its files: some code puts modules into `sys.modules`.

    Or, where that would help, it looks for them elsewhere.
    """
    known = of.known.dynamic
    if member not in known:
        known[member] = (_replaces_modules(of, member), _searches(of.scope.workspace, member))
    replaces, searches = known[member]
    return replaces or (may_search and searches)


def _searches(workspace: Workspace, member: Member) -> bool:
    files = WorkspaceFiles.of(workspace).files(workspace, member).files
    return any(path.endswith(".py") and b"__path__" in file.content for path, file in files.items())


def _replaces_modules(of: MemberImports, member: Member) -> bool:
    """Whether the package itself replaces modules, or other code that images hold, which knows a module of its name."""
    workspace = of.scope.workspace
    files = WorkspaceFiles.of(workspace).files(workspace, member).files
    for path, file in files.items():
        facts = of.known.sources.get(path)
        if path.endswith(".py") and b"modules" in file.content and (facts is None or facts.names.replaces_modules):
            return True
    tops = {module.name.partition(".")[0] for module in member.layout.modules}
    return any(
        names.replaces_modules and path not in files and _speaks_of(read_file(workspace.root / path), tops)
        for path, names in of.known.shipped.items()
    )


def _speaks_of(source: bytes, tops: AbstractSet[str]) -> bool:
    """Whether code that puts modules somewhere imports one of some packages, or has the name of a module of theirs as a text."""
    if b"modules" not in source:
        return False  # of syntax that is newer than the Python which runs this nothing else is known
    spoken = _spoken_of(source)
    return any(top.encode() in source for top in tops) if spoken is None else not tops.isdisjoint(spoken)


@lru_cache(maxsize=64)  # few files replace modules, and each package is looked for in all of them
def _spoken_of(source: bytes) -> frozenset[str] | None:
    """The first parts of what code imports, and of its texts; None where this Python cannot read it."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError, RecursionError):
        return None
    imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return frozenset(name.partition(".")[0] for name in (*imported, *texts))
