"""What a file binds as a module, as far as its text tells, and what it sets on other modules."""

import ast
import builtins
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from uv_workspace_function.code.bindings import bound_names
from uv_workspace_function.gate.imports.conditions import last_name
from uv_workspace_function.gate.imports.handed_name import hands_over_its_name, only_reads
from uv_workspace_function.gate.imports.module_table import ModuleTable, is_own_name, only_read

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleNames:
    """What one file binds, and where it reaches into others; as text, since most of it is read from a cache and never asked for."""

    bound: str | None
    """The names at its top level, each between spaces; None where they cannot be told from its text."""
    set_on_others: str = ""
    """The attributes that it sets on whatever is not `self`, which may be another module; `ANY` where it may set any."""
    fillers: str = ""
    """The functions and classes that set attributes, of names that cannot be told, on what they are given."""
    handed_modules: str = ""
    """The functions that it gives modules to, or along with modules."""
    replaces_modules: bool = False
    """Whether it may put modules into `sys.modules`."""
    is_newer: bool = False
    """Whether nothing is known of it, since its syntax is newer than the Python that runs the check."""

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


UNKNOWN = ModuleNames(bound=None, replaces_modules=True)
NEWER = replace(UNKNOWN, is_newer=True)

# With these a module makes names that no statement of it binds: `public` is atpublic's, the two before it enum's.
_MAKERS = frozenset(
    {"globals", "locals", "exec", "eval", "execfile", "lazy_loader", "_convert_", "global_enum", "public"}
)
_LOADERS = frozenset({"import_module", "__import__", "reload", "module_from_spec", "ModuleType"})
_OF_CALLERS = frozenset({"f_globals", "f_locals"})
_OWN = frozenset({"self", "cls"})
_BUILT_IN = frozenset(dir(builtins))
_MAKING = frozenset({"__init__", "__new__", "__call__"})


def names_of(tree: ast.Module) -> ModuleNames:
    """What a file binds and sets, from its syntax tree."""
    nodes = list(ast.walk(tree))
    read = only_read(nodes)
    table = ModuleTable(nodes)
    found = _Found(table, read)
    for node in nodes:
        found.add(node)
    found.follow_aliases()
    replaces = table.is_changed(nodes, read)
    makes_any = replaces or found.is_dynamic or found.alters_itself() or hands_over_its_name(tree)
    bound = None if makes_any else bound_names(tree)
    return ModuleNames(
        bound=None if bound is None else _text(bound | found.of_functions),
        set_on_others=_text(found.attributes | ({ANY} if any(map(found.is_module, found.altered)) else set())),
        fillers=_text(found.fillers()),
        handed_modules=_text(found.handed_modules()),
        replaces_modules=replaces,
    )


def _text(names: Iterable[str]) -> str:
    return "".join((" ", *(f"{name} " for name in sorted(names))))


class _Found:
    """What the nodes seen so far tell."""

    def __init__(self, table: ModuleTable, read: frozenset[int]) -> None:
        self.table = table
        self.read = read
        self.of_functions: set[str] = set()
        self.attributes: set[str] = set()
        self.altered: list[ast.expr] = []
        self.modules: set[str] = set()
        self.itself: set[str] = set()
        self.is_dynamic = False
        self._origins: dict[str, str] = {}
        self._aliases: list[tuple[str, ast.expr]] = []
        self._functions: list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = []
        self._calls: list[ast.Call] = []

    def add(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name) | ast.alias(name=name) if name in _MAKERS:
                self.is_dynamic = True
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                self.modules.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
                self._origins.update((alias.asname, alias.name) for alias in aliases if alias.asname)
            case ast.Global(names=names):
                self.of_functions.update(names)
            case ast.Attribute(value=value, attr=name):
                self._attribute(node, value, name, is_set=not isinstance(node.ctx, ast.Load))
            case ast.Call():
                self._calls.append(node)
                self._call(node)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._functions.append((name, node))
            case ast.ClassDef(name=name, body=body):
                methods = [part for part in body if isinstance(part, ast.FunctionDef) and part.name in _MAKING]
                self._functions += [(name, method) for method in methods]
            case ast.Assign(targets=targets, value=value):
                self._alias(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                self._alias([target], value)
            case ast.For(target=target, iter=ast.Tuple(elts=values) | ast.List(elts=values)):
                for value in values:
                    self._alias([target], value)
            case ast.For(target=target, iter=value):
                self._alias([target], value)
            case _:
                pass

    def _alias(self, targets: list[ast.expr], value: ast.expr) -> None:
        if isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            self._aliases += [(name, value) for target in targets if (name := _key(target)) is not None]

    def _attribute(self, node: ast.expr, value: ast.expr, name: str, *, is_set: bool) -> None:
        if name in _OF_CALLERS:
            if id(node) not in self.read:
                self.attributes.add(ANY)
        elif name in _MAKERS:
            self.is_dynamic = True
        elif name == "__dict__":
            if id(node) not in self.read:
                self.altered.append(value)
        elif is_set and not (isinstance(value, ast.Name) and value.id in _OWN):
            self.attributes.add(name)
            if name == "__class__":
                self.altered.append(value)

    def _call(self, call: ast.Call) -> None:
        match last_name(call.func), call.args:
            case "vars", []:
                self.is_dynamic = True
            case "vars", [altered, *_] if id(call) not in self.read:
                self.altered.append(altered)
            case "setattr" | "__setattr__", [altered, name, _]:
                self._set(altered, name)
            case "__setattr__", [name, _] if isinstance(call.func, ast.Attribute):
                self._set(call.func.value, name)
            case "setattr", [altered, *_]:
                self.altered.append(altered)
            case _:
                pass

    def _set(self, altered: ast.expr, name: ast.expr) -> None:
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            self.altered.append(altered)
        elif not (isinstance(altered, ast.Name) and altered.id in _OWN):
            self.attributes.update(name.value.split())

    def follow_aliases(self) -> None:
        """Take for modules the names that are given to modules, and those given to such names."""
        for name, value in (*self._aliases, *self._aliases):
            if self.is_itself(value):
                self.itself.add(name)
            elif self.is_module(value):
                self.modules.add(name)

    def is_itself(self, node: ast.expr) -> bool:
        """Whether an expression is this very module, looked up by its name."""
        match node:
            case ast.Call(func=function, args=[name, *_]) if last_name(function) == "import_module":
                return is_own_name(name)
            case ast.Name(id=name):
                return name in self.itself
            case _:
                return is_own_name(self.table.key(node))

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression may be another module: what was imported, unless its name is a class's, or is looked up or loaded by name."""
        if self.is_itself(node):
            return False
        match node:
            case ast.Call(func=function):
                return last_name(function) in _LOADERS or self.table.key(node) is not None
            case ast.Subscript(value=value):
                return last_name(value) == "modules" or self.table.is_it(value)
            case ast.Attribute(value=value, attr=name):
                if (key := _key(node)) is not None:
                    return key in self.modules
                return not name[:1].isupper() and self.is_module(value)
            case ast.Name(id=name):
                return not name[:1].isupper() and name in self.modules
            case _:
                return False

    def alters_itself(self) -> bool:
        """Whether it sets names, which cannot be told, on itself, or gives itself to who may."""
        return any(map(self.is_itself, self.altered)) or any(
            not only_reads(call.func) and any(map(self.is_itself, _given(call))) for call in self._calls
        )

    def fillers(self) -> set[str]:
        """The functions that alter a parameter of theirs, or keep it in an attribute that some line of the file alters, and the classes made so."""
        found = {name for name, function in self._functions if self.altered and self._alters_what_it_is_given(function)}
        while found and (
            more := {name for name, each in self._functions if name not in found and self._hands_on(each, found)}
        ):
            found |= more
        return found

    def _hands_on(self, function: ast.FunctionDef | ast.AsyncFunctionDef, fillers: AbstractSet[str]) -> bool:
        """Whether it gives a parameter of its own to one of some functions."""
        inside, own = set(map(id, ast.walk(function))), _parameters(function.args) - _OWN
        return any(
            last_name(call.func) in fillers and not own.isdisjoint(map(_key, _given(call)))
            for call in self._calls
            if id(call) in inside
        )

    def _alters_what_it_is_given(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        nodes = [*ast.walk(function)]
        inside = set(map(id, nodes))
        lasting = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        kept = {
            key
            for node in self.altered
            if (key := _key(node)) is not None and (id(node) in inside or "." in key or key in lasting)
        }
        aliases = [(name, value) for name, value in reversed(self._aliases) if id(value) in inside]
        for name, value in (*aliases, *aliases):
            if name in kept and (source := _key(value)) is not None:
                kept.add(source)
        return not (kept - _OWN).isdisjoint(_parameters(function.args))

    def handed_modules(self) -> set[str]:
        """The functions that are given a module, or together with one."""
        found: set[str | None] = set()
        for call in self._calls:
            given = _given(call)
            if any(self.is_module(value) or self.is_itself(value) for value in given):
                found.update(map(last_name, (call.func, *given)))
        return {self._origins.get(name, name) for name in found if name is not None} - _BUILT_IN


def _key(node: ast.expr) -> str | None:
    """The name that an expression is, or the attribute of `self`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return f"self.{name}"
        case _:
            return None


def _given(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call, those of lists and tuples among them."""
    found: list[ast.expr] = []
    for value in (*call.args, *(keyword.value for keyword in call.keywords)):
        found += value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    return found


def _parameters(parameters: ast.arguments) -> set[str]:
    several = [given for given in (parameters.vararg, parameters.kwarg) if given is not None]
    return {p.arg for p in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs, *several)}
