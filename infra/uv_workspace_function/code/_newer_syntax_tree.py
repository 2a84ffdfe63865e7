# ruff: noqa: N802, ARG002 -- libcst finds these methods by their names and calls them with both nodes
"""The transformation behind `newer_syntax`: a tree of libcst without what Python 3.12 to 3.15 added."""

from typing import Any, TypeVar

import libcst

_Comprehension = TypeVar("_Comprehension", libcst.ListComp, libcst.SetComp, libcst.GeneratorExp)
_NONE = libcst.SimpleWhitespace("")


class Older(libcst.CSTTransformer):
    """Takes out new syntax that imports have nothing to do with."""

    def leave_FormattedString(
        self, original_node: libcst.FormattedString, updated_node: libcst.FormattedString
    ) -> libcst.BaseExpression:
        """Nested quotes, comments and backslashes in the braces (PEP 701)."""
        return _blank(original_node)

    def leave_TemplatedString(
        self, original_node: libcst.TemplatedString, updated_node: libcst.TemplatedString
    ) -> libcst.BaseExpression:
        """Template strings (PEP 750)."""
        return _blank(original_node)

    def visit_TypeAlias(self, node: libcst.TypeAlias) -> bool:
        """What is in one goes with it."""
        return False

    def leave_TypeAlias(
        self, original_node: libcst.TypeAlias, updated_node: libcst.TypeAlias
    ) -> libcst.BaseSmallStatement:
        """`type X = ...` (PEP 695)."""
        return libcst.Expr(value=_blank(original_node), semicolon=updated_node.semicolon)

    def leave_FunctionDef(
        self, original_node: libcst.FunctionDef, updated_node: libcst.FunctionDef
    ) -> libcst.FunctionDef:
        """`def f[T]()` (PEP 695, PEP 696)."""
        return updated_node.with_changes(type_parameters=None, whitespace_after_type_parameters=_NONE)

    def leave_ClassDef(self, original_node: libcst.ClassDef, updated_node: libcst.ClassDef) -> libcst.ClassDef:
        """`class A[T]` (PEP 695, PEP 696)."""
        return updated_node.with_changes(type_parameters=None, whitespace_after_type_parameters=_NONE)

    def leave_ExceptHandler(
        self, original_node: libcst.ExceptHandler, updated_node: libcst.ExceptHandler
    ) -> libcst.ExceptHandler:
        """`except A, B:` (PEP 758)."""
        kind = updated_node.type
        if isinstance(kind, libcst.Tuple) and not kind.lpar:
            kind = kind.with_changes(lpar=[libcst.LeftParen()], rpar=[libcst.RightParen()])
            return updated_node.with_changes(type=kind)
        return updated_node

    def leave_LazyImport(self, original_node: libcst.CSTNode, updated_node: Any) -> libcst.Import:
        """`lazy import x` (PEP 810): it needs the module all the same."""
        return libcst.Import(names=updated_node.names, semicolon=updated_node.semicolon)

    def leave_LazyImportFrom(self, original_node: libcst.CSTNode, updated_node: Any) -> libcst.ImportFrom:
        """`lazy from x import y` (PEP 810)."""
        kept = ("module", "names", "relative", "lpar", "rpar", "semicolon")
        return libcst.ImportFrom(**{name: getattr(updated_node, name) for name in kept})

    def leave_ListComp(self, original_node: libcst.ListComp, updated_node: libcst.ListComp) -> libcst.ListComp:
        """`[*a for a in b]` (PEP 798), and the same in the next two."""
        return _without_star(updated_node)

    def leave_SetComp(self, original_node: libcst.SetComp, updated_node: libcst.SetComp) -> libcst.SetComp:
        return _without_star(updated_node)

    def leave_GeneratorExp(
        self, original_node: libcst.GeneratorExp, updated_node: libcst.GeneratorExp
    ) -> libcst.GeneratorExp:
        return _without_star(updated_node)

    def leave_StarredDictComp(self, original_node: libcst.CSTNode, updated_node: Any) -> libcst.ListComp:
        """`{**a for a in b}` (PEP 798)."""
        return libcst.ListComp(elt=updated_node.value, for_in=updated_node.for_in)


def _without_star(node: _Comprehension) -> _Comprehension:
    element: Any = node.elt
    return node.with_changes(elt=element.value) if isinstance(element, libcst.StarredElement) else node


def _blank(node: libcst.CSTNode) -> libcst.SimpleString:
    """A string that takes up as many lines."""
    lines = libcst.Module(body=[]).code_for_node(node).count("\n")
    return libcst.SimpleString('"""' + "\n" * lines + '"""' if lines else '""')
