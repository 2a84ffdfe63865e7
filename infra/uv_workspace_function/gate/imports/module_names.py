"""What a file binds as a module, as far as its text tells, and what it sets on other modules."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from uv_workspace_function.code.bindings import bound_names
from uv_workspace_function.gate.imports.conditions import last_name

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleNames:
    """What one file binds, and where it reaches into others; as text, since most of it is read from a cache and never asked for."""

    bound: str | None
    """The names at its top level, each between spaces; None where they cannot be told from its text."""
    set_on_others: str = ""
    """The attributes that it sets on whatever is not `self`, which may be another module; `ANY` where it may set any."""

    def may_bind(self, name: str) -> bool:
        """Whether the module may have a name by its own statements."""
        return self.bound is None or f" {name} " in self.bound

    def may_set(self, name: str) -> bool:
        """Whether the file may give another module a name."""
        return f" {name} " in self.set_on_others or f" {ANY} " in self.set_on_others

    @property
    def public(self) -> list[str]:
        """The names that are not private, sorted."""
        return [name for name in (self.bound or "").split() if not name.startswith("_")]


UNKNOWN = ModuleNames(bound=None)

# With these a module makes names that no statement of it binds: `public` is atpublic's, the two before it enum's.
_MAKERS = frozenset(
    {"globals", "locals", "exec", "eval", "execfile", "lazy_loader", "_convert_", "global_enum", "public"}
)
_LOADERS = frozenset({"import_module", "__import__", "reload", "module_from_spec", "ModuleType"})
_OWN = frozenset({"self", "cls"})


def names_of(tree: ast.Module) -> ModuleNames:
    """What a file binds and sets, from its syntax tree."""
    found = _Found()
    for node in ast.walk(tree):
        found.add(node)
    bound = None if found.is_dynamic or any(map(_hands_over_its_name, tree.body)) else bound_names(tree)
    return ModuleNames(
        bound=None if bound is None else _text(bound | found.of_functions),
        set_on_others=_text(found.attributes | ({ANY} if any(map(found.is_module, found.altered)) else set())),
    )


def _text(names: Iterable[str]) -> str:
    return "".join((" ", *(f"{name} " for name in sorted(names))))


class _Found:
    """What the nodes seen so far tell."""

    def __init__(self) -> None:
        self.of_functions: set[str] = set()
        self.attributes: set[str] = set()
        self.altered: list[ast.expr] = []
        self.modules: set[str] = set()
        self.is_dynamic = False

    def add(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name) | ast.alias(name=name) if name in _MAKERS:
                self.is_dynamic = True
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                self.modules.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Global(names=names):
                self.of_functions.update(names)
            case ast.Attribute(value=value, attr=name):
                self._attribute(value, name, is_set=not isinstance(node.ctx, ast.Load))
            case ast.Call(func=function, args=arguments):
                self._call(last_name(function), arguments)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)) if (
                last_name(function) in _LOADERS
            ):
                self.modules.add(name)
            case _:
                pass

    def _attribute(self, value: ast.expr, name: str, *, is_set: bool) -> None:
        if name == "f_globals":  # of whoever calls
            self.attributes.add(ANY)
        elif name in _MAKERS or (name == "modules" and last_name(value) == "sys"):
            self.is_dynamic = True
        elif name == "__dict__":
            self.altered.append(value)
        elif is_set and not (isinstance(value, ast.Name) and value.id in _OWN):
            self.attributes.add(name)

    def _call(self, function: str | None, arguments: list[ast.expr]) -> None:
        match function, arguments:
            case "setattr", [_, ast.Constant(value=str() as name), *_]:
                self.attributes.update(name.split())
            case "setattr" | "vars", [altered, *_]:
                self.altered.append(altered)
            case "vars", []:
                self.is_dynamic = True
            case _:
                pass

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression may be a module: what was imported, unless its name is a class's, or loaded by name."""
        match node:
            case ast.Call(func=function):
                return last_name(function) in _LOADERS
            case ast.Subscript(value=value):
                return last_name(value) == "modules"
            case ast.Attribute(value=value, attr=name):
                return not name[:1].isupper() and self.is_module(value)
            case ast.Name(id=name):
                return not name[:1].isupper() and name in self.modules
            case _:
                return False


def _hands_over_its_name(statement: ast.stmt) -> bool:
    """Whether a statement is a call that is given `__name__`, as `apipkg.initpkg(__name__, ...)` is: it may replace the module."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.value))
    )
