"""What conditions and handlers around an import say: for whom it is, on which Python, and whether it may fail."""

import ast
import re
from collections.abc import Iterator

PROBES = frozenset({"find_spec", "importorskip", "find_loader"})
"""Functions that ask whether a module can be found."""
_OF_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
_ABSENT = _OF_IMPORTS | {"Exception", "BaseException"}


def last_name(node: ast.AST) -> str | None:
    """`find_spec` of `importlib.util.find_spec`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def asks_for_modules(expression: ast.expr) -> bool:
    """Whether an expression asks if a module can be found, or has been loaded."""
    return any(
        (isinstance(node, ast.Call) and last_name(node.func) in PROBES) or _dotted(node) == "sys.modules"
        for node in ast.walk(expression)
    )


_AVAILABLE = re.compile(
    r"_*(?:(?:is|has|have)_)?(\w+?)_(?:is_)?(?:available|installed|importable)|_*(?:has|have)_(\w+)"
)


def modules_asked_for(test: ast.expr) -> Iterator[str]:
    """The modules that a test asks for by the names of its flags: `HAS_NUMPY`, `is_docket_available()`, `torch_installed`."""
    for node in ast.walk(test):
        if (name := last_name(node)) is not None and (found := _AVAILABLE.fullmatch(name.lower())) is not None:
            yield found[1] or found[2]


def is_main(test: ast.expr) -> bool:
    """Whether a file asks if it is run as a program."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__main__"), ops=[ast.Eq()], comparators=[ast.Name(id="__name__")]):
            return True
        case _:
            return False


def words_of(test: ast.expr) -> Iterator[str]:
    """What the test of a branch names: its names, and the strings that it compares with; each between underscores."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return
    for node in ast.walk(test):
        if (name := last_name(node)) is not None:
            yield f"_{name.lower()}_"
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.In):
            for side in (node.left, *node.comparators):
                for value in side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield f"_{value.value.lower()}_"


def suppresses(expression: ast.expr) -> bool:
    """`contextlib.suppress(ImportError)`, or pytest's `raises` of it."""
    return (
        isinstance(expression, ast.Call)
        and last_name(expression.func) in ("suppress", "raises")
        and any(last_name(argument) in _ABSENT for argument in expression.args)
    )


def catches_absence(handler: ast.ExceptHandler) -> bool:
    """Whether an `except` catches that a module is not there, and does not only let it pass."""
    match handler.body[-1]:
        case ast.Raise(exc=None):
            return False
    return handler.type is None or not _kinds(handler).isdisjoint(_ABSENT)


def is_for_absence(handler: ast.ExceptHandler) -> bool:
    """Whether an `except` names that, and not only any error."""
    return not _kinds(handler).isdisjoint(_OF_IMPORTS)


def _kinds(handler: ast.ExceptHandler) -> set[str | None]:
    match handler.type:
        case None:
            return set()
        case ast.Tuple(elts=kinds):
            return set(map(last_name, kinds))
        case kind:
            return {last_name(kind)}


def holds_on_target(test: ast.expr, python: tuple[int, int]) -> bool | None:
    """The answer to a test of the Python version or the platform, where it is one; the target is Linux."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(left, operator, right, python)
        case ast.Call(
            func=ast.Attribute(value=value, attr="startswith"), args=[ast.Constant(value=str() as start)]
        ) if _dotted(value) == "sys.platform":
            return "linux".startswith(start)
        case _:
            return _TRUE_OF_TARGET.get(_dotted(test) or "")


def ends_on_target(branch: ast.If, python: tuple[int, int]) -> bool:
    """Whether the target leaves a block in a branch of it: what follows is never run there."""
    holds = holds_on_target(branch.test, python)
    taken = [] if holds is None else branch.body if holds else branch.orelse
    return bool(taken) and isinstance(taken[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


_TRUE_OF_TARGET = {"six.PY2": False, "six.PY3": True, "PY2": False, "PY3": True}


_STRINGS = {"sys.platform": "linux", "os.name": "posix", "platform.system()": "Linux"}


def _dotted(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            above = _dotted(value)
            return None if above is None else f"{above}.{attribute}"
        case ast.Call(func=function, args=[], keywords=[]):
            above = _dotted(function)
            return None if above is None else f"{above}()"
        case _:
            return None


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr, python: tuple[int, int]) -> bool | None:
    known = _STRINGS.get(_dotted(left) or "")
    if known is not None:
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set):
            members = [e.value for e in right.elts if isinstance(e, ast.Constant)]
            return (known in members) == isinstance(operator, ast.In)
        if isinstance(right, ast.Constant) and isinstance(operator, ast.Eq | ast.NotEq):
            return (known == right.value) == isinstance(operator, ast.Eq)
        return None
    version = _version_value(left, python)
    wanted = _literal(right)
    if version is None or wanted is None or type(version) is not type(wanted):
        return None
    match operator:
        case ast.Lt():
            return version < wanted  # type: ignore[operator]
        case ast.LtE():
            return version <= wanted  # type: ignore[operator]
        case ast.Gt():
            return version > wanted  # type: ignore[operator]
        case ast.GtE():
            return version >= wanted  # type: ignore[operator]
        case ast.Eq():
            return version == wanted
        case ast.NotEq():
            return version != wanted
        case _:
            return None


def _version_value(node: ast.expr, python: tuple[int, int]) -> tuple[int, ...] | int | None:
    """The value of `sys.version_info`, an item or the beginning of it."""
    dotted = _dotted(node)
    if dotted in ("sys.version_info", "version_info"):
        # the patch version is unknown: no comparison with a minor version depends on it
        return (*python, 99)
    if dotted in ("sys.version_info.major", "sys.version_info.minor"):
        return python[0] if dotted.endswith("major") else python[1]
    if isinstance(node, ast.Subscript) and _dotted(node.value) in ("sys.version_info", "version_info"):
        match node.slice:
            case ast.Constant(value=0):
                return python[0]
            case ast.Constant(value=1):
                return python[1]
            case ast.Slice(lower=None, upper=ast.Constant(value=1), step=None):
                return python[:1]
            case ast.Slice(lower=None, upper=ast.Constant(value=2), step=None):
                return python
    return None


def _literal(node: ast.expr) -> tuple[int, ...] | int | None:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Tuple(elts=elements):
            numbers = tuple(e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, int))
            return numbers if len(numbers) == len(elements) else None
        case _:
            return None
