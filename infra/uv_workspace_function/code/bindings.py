"""What a module's source binds at its top level once it is imported, however it does so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from uv_workspace_function.code.branches import executed
from uv_workspace_function.code.syntax import Parsed, Unparsed, parse

_IMAGE_PYTHON = (3, 14)
"""Of the default images: services may be written for it, whatever Python reads them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """What a module's top level binds when it is imported: nothing below `if __name__ == "__main__"` or `TYPE_CHECKING`.

    `callables` are the names that look like functions or objects made there, `inert` those that are known to be nothing
    that Lambda can call: a constant, a module, a loop's variable, a logging handler; `loggers` are the last. `imported` are those taken from a module by name, with
    that module's level and dotted name, and the name there. `stars` are the modules it takes everything from (with their
    level of relative import). `anything` is True where a module answers for any name by `__getattr__`; `exported` is its
    `__all__` where that can be read off; `skipped` are names that are bound only where importing does not come.
    """

    names: frozenset[str]
    callables: frozenset[str]
    stars: tuple[tuple[int, str], ...]
    anything: bool
    exported: frozenset[str] | None = None
    inert: frozenset[str] = frozenset()
    loggers: frozenset[str] = frozenset()
    imported: Mapping[str, tuple[int, str, str]] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()


def read_bindings(source: bytes) -> Bindings | Unparsed:
    """What a module's source binds, or why it does not parse, unless that is for its being written for a newer Python."""
    tree = parse(source, _IMAGE_PYTHON)
    if isinstance(tree, Parsed):
        return _bindings(tree.tree)
    # Without libcst nothing here reads newer syntax: the line that the parser stumbled over has to tell. Code that is nested too
    # deeply for a tree has no such line.
    lines = source.decode("utf-8", "replace").splitlines()
    line = lines[tree.line - 1] if tree.line and tree.line <= len(lines) else ""
    has_sense = tree.line is None or _NEWER_SYNTAX.search(line) or tree.reason.startswith("f-string")
    return _bindings_of_lines(lines) if has_sense and not tree.certain else tree


# Syntax of Python 3.12 (PEP 695, 701), 3.13 and 3.14 (PEP 750, 758), which an older Python that runs `cdk synth` cannot
# parse although the image's can.
_NEWER_SYNTAX = re.compile(
    r"^\s*type\s+\w+.*=|^\s*(?:async\s+)?(?:def|class)\s+\w+\s*\[|^\s*except\*?\s+[\w.]+\s*,|\b[rR]?[ftFT][rR]?['\"]"
)
_BINDING_LINE = re.compile(r"(?:(?:async\s+)?def|class|type)\s+(\w+)|(\w+)\s*(?::[^=]+)?=(?!=)|.*\bas\s+(\w+)")
_IMPORT_LINE = re.compile(r"from\s+(\.*)([\w.]*)\s+import\s+\(?([\w\s,*]+)|import\s+(\w+)")


def _bindings_of_lines(lines: Iterable[str]) -> Bindings:
    """What the lines that begin in the first column bind, for source that this Python cannot parse."""
    names: set[str] = set()
    stars: list[tuple[int, str]] = []
    for line in lines:
        if found := _BINDING_LINE.match(line):
            names.update(name for name in found.groups() if name)
        if found := _IMPORT_LINE.match(line):
            dots, module, imported, top = found.groups()
            if top is not None:
                names.add(top)
            elif "*" in imported:
                stars.append((len(dots), module))
            else:
                names.update(imported.replace(",", " ").split())
    bound = frozenset(names)
    return Bindings(names=bound, callables=frozenset(), stars=tuple(stars), anything="__getattr__" in names)


def bound_names(tree: ast.Module) -> frozenset[str] | None:
    """The names that a module's top level binds; None where it takes all of another module's, or answers for any name."""
    found = _Found()
    for node in _top_level(tree.body):
        found.add(node)
    return None if found.stars or "__getattr__" in found.names else frozenset(found.names)


def _bindings(tree: ast.Module) -> Bindings:
    found = _Found()
    for node in _top_level(tree.body):
        found.add(node)
    # A function can bind a name of the module, and be called while it is imported.
    of_functions = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    names = frozenset(found.names | of_functions)
    anywhere = _Found()
    for node in _top_level(tree.body, every_branch=True):
        anywhere.add(node)
    loggers = names & (found.logging - found.live | _added_to_loggers(tree))
    return Bindings(
        names=names,
        callables=frozenset(name for name in found.callables & names if not name.startswith("_")),
        stars=tuple(found.stars),
        exported=found.exported,
        anything="__getattr__" in names,
        inert=names - found.live - of_functions | loggers,
        loggers=loggers,
        imported=found.imported,
        skipped=frozenset(anywhere.names) - names - found.deleted,
    )


@dataclass(slots=True)
class _Found:
    """What the nodes seen so far bind, in the order in which importing comes to them."""

    names: set[str] = field(default_factory=set)
    callables: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    """Names that may be something to call."""
    stars: list[tuple[int, str]] = field(default_factory=list)
    imported: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    exported: frozenset[str] | None = None
    deleted: set[str] = field(default_factory=set)
    logging: set[str] = field(default_factory=set)
    """Names of objects that Python's logging makes."""
    _logging: set[str] = field(default_factory=lambda: {"logging"})
    _inert_targets: set[int] = field(default_factory=set)

    def add(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._bind(name)
                self.callables.add(name)
            case ast.Import(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._bind(name, live=False)
                    if alias.name.partition(".")[0] == "logging":
                        self._logging.add(name)
            case ast.ImportFrom(names=aliases, module=module, level=level):
                self._import(aliases, module or "", level)
            case ast.Name(id=name, ctx=ast.Store()):
                self._bind(name, live=id(node) not in self._inert_targets)
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                self._bind(name)
            case ast.MatchMapping(rest=str() as name):
                self._bind(name)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        self._unbind(target.id)
            case ast.For(target=target) | ast.AsyncFor(target=target):
                self._inert_targets.update(id(part) for part in ast.walk(target))
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign([target], value)
            case ast.AugAssign(target=ast.Name(id="__all__")):
                self.exported = None
            case _:
                pass

    def _bind(self, name: str, *, live: bool = True) -> None:
        self.names.add(name)
        self.imported.pop(name, None)
        if live:
            self.live.add(name)

    def _unbind(self, name: str) -> None:
        self.deleted.add(name)
        self.names.discard(name)
        self.live.discard(name)
        self.imported.pop(name, None)

    def _import(self, aliases: Iterable[ast.alias], module: str, level: int) -> None:
        for alias in aliases:
            name = alias.asname or alias.name
            if alias.name == "*":
                self.stars.append((level, module))
                continue
            self._bind(name)
            self.imported[name] = (level, module, alias.name)
            if level == 0 and module.partition(".")[0] == "logging":
                self._logging.add(name)

    def _assign(self, targets: Iterable[ast.expr], value: ast.expr) -> None:
        named = [target for target in targets if isinstance(target, ast.Name)]
        if self._is_of_logging(value):
            self.logging.update(target.id for target in named)
            self._inert_targets.update(map(id, named))
        elif isinstance(value, _INERT):
            self._inert_targets.update(map(id, named))
        if isinstance(value, ast.Call):
            self.callables.update(target.id for target in named)
        if any(target.id == "__all__" for target in named) and isinstance(value, ast.List | ast.Tuple):
            items = [item.value for item in value.elts if isinstance(item, ast.Constant)]
            if len(items) == len(value.elts):
                self.exported = frozenset(map(str, items))

    def _is_of_logging(self, value: ast.expr) -> bool:
        """Whether a value is an object of Python's logging, such as a `StreamHandler`."""
        if not isinstance(value, ast.Call):
            return False
        function = value.func
        while isinstance(function, ast.Attribute):
            function = function.value
        return isinstance(function, ast.Name) and function.id in self._logging


def _added_to_loggers(tree: ast.Module) -> frozenset[str]:
    """Names of logging handlers, by what is done with them: no Lambda handler has a formatter or is added to a logger."""
    return frozenset(
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        for name in (node.args if node.func.attr == "addHandler" else [node.func.value])
        if node.func.attr in ("addHandler", "setFormatter") and isinstance(name, ast.Name)
    )


_INERT = (
    *(ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _top_level(body: list[ast.stmt], *, every_branch: bool = False) -> Iterator[ast.AST]:
    """Every node that is run in the module's own scope when it is imported; of a comprehension, only the walruses bind there.

    With a stack of its own, since nesting is no limit: a sum of a thousand strings is a thousand levels deep.

    Args:
        body: the module's.
        every_branch: whether to enter the branches that importing does not come to as well.
    """
    stack: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(body)]
    unconditional = set(map(id, body))
    while stack:
        node, in_comprehension = stack.pop()
        inner = in_comprehension or isinstance(node, _COMPREHENSIONS)
        parts: Iterable[ast.AST]
        if in_comprehension and isinstance(node, ast.comprehension):
            parts = (node.iter, *node.ifs)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield node
            parts = () if node.value is None else (node.value, node.target)
        elif isinstance(node, ast.If) and not every_branch:
            parts = (node.test, *executed(node))
        elif isinstance(node, _OWN_SCOPE):
            yield node
            parts = (*getattr(node, "decorator_list", ()), *_defaults(node))
        elif isinstance(node, ast.Delete) and id(node) not in unconditional:
            parts = ()  # on a branch: whether it comes to that is not known
        else:
            yield node
            parts = ast.iter_child_nodes(node)
        stack.extend(reversed([(part, inner) for part in parts]))


def _defaults(node: ast.AST) -> list[ast.expr]:
    """What a function's or a class's head evaluates in the scope around it."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *(keyword.value for keyword in node.keywords)]
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return []
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]
