"""Which branches of an `if` are run when a module is imported: not those of `__main__`, and none that only type checkers need."""

from __future__ import annotations

import ast


def executed(node: ast.If) -> list[ast.stmt]:
    """The statements of the branches that importing the module may come to."""
    answer = _on_import(node.test)
    body = [] if answer is False else node.body
    return [*body, *([] if answer is True else node.orelse)]


def _on_import(test: ast.expr) -> bool | None:
    """The answer to a test where importing decides it; None where it doesn't."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            answer = _on_import(operand)
            return None if answer is None else not answer
        case ast.BoolOp(op=operator, values=values):
            decisive = isinstance(operator, ast.Or)
            answers = [_on_import(value) for value in values]
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if _is_main(left, operator, right):
            return isinstance(operator, ast.NotEq | ast.NotIn)
        case _:
            return None


def _is_main(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """Whether it is a comparison of `__name__` with `"__main__"`."""
    if isinstance(operator, ast.In | ast.NotIn):
        main = isinstance(right, ast.Tuple | ast.List | ast.Set) and [_text(item) for item in right.elts] == [
            "__main__"
        ]
        return main and _is_name(left)
    if not isinstance(operator, ast.Eq | ast.NotEq):
        return False
    return (_is_name(left) and _text(right) == "__main__") or (_is_name(right) and _text(left) == "__main__")


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__name__"


def _text(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None
