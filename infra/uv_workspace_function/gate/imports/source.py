"""What one Python file imports, and how much it needs each import: read from its text, never by running it."""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from uv_workspace_function.code.syntax import Unparsed, parse
from uv_workspace_function.gate.imports.conditions import (
    PROBES,
    asks_for_modules,
    catches_absence,
    ends_on_target,
    holds_on_target,
    is_for_absence,
    is_main,
    last_name,
    modules_asked_for,
    suppresses,
    words_of,
)
from uv_workspace_function.gate.imports.module_names import NEWER, UNKNOWN, ModuleNames, names_of


class Need(StrEnum):
    """What an import is needed for."""

    RUN = "run"
    """Without the module, the code fails."""
    DEVELOPMENT = "development"
    """Only where the file is run as a script, which nothing in an image does."""
    TYPES = "types"
    """Only for type checkers."""
    NOTHING = "nothing"
    """The code goes on without it, or never comes to it on the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import."""

    module: str
    """Dotted."""
    names: tuple[str, ...] = ()
    """What is taken from it: attributes, or modules in it."""
    line: int
    need: Need
    instead_of: tuple[str, ...] = ()
    """It is run only where one of these modules could not be imported."""
    conditional: bool = False
    """It stands in a function or a branch: importing the file does not run it, or may not."""
    chosen: bool = False
    """It stands in a function's branch whose test names the module, `if backend == "trio"`: who comes there asked for it.

    Or where a call, and no import, found something to be absent.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What is known of one file."""

    imports: tuple[Import, ...] = ()
    relative: tuple[Import, ...] = ()
    """Relative imports, their modules with the leading dots."""
    words: frozenset[str] = frozenset()
    """Words of strings that look like names: plugins, drivers and settings name modules so."""
    names: ModuleNames = UNKNOWN
    """What it binds, as a module."""
    unparsed: Unparsed | None = None
    is_judged: bool = True
    """Whether its syntax is settled for the target: False where the running Python cannot tell."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a file a statement stands."""

    python: tuple[int, int]
    need: Need = Need.RUN
    instead_of: tuple[str, ...] = ()
    conditional: bool = False
    in_function: bool = False
    named: str = ""
    """The names in the tests of the branches around it, each between underscores."""
    falls_back: bool = False
    """It is in a function, where a call found something to be absent."""


_Step = tuple[ast.AST, _Place]
_LEAVES = frozenset({ast.Name, ast.Load, ast.Store, ast.Del})
_IMPORTERS = frozenset({"import_module", "__import__"})
# A string that can be a module, an entry point, or a URL with a driver; prose has spaces.
_NAME_LIKE = re.compile(r"[A-Za-z_][\w.:+/@\[\]-]{1,199}")
_WORD = re.compile(r"[A-Za-z_]\w+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def read_source(content: bytes, python: tuple[int, int]) -> SourceFacts:
    """What a file imports.

    Args:
        content: the file's bytes.
        python: the minor version that the code will run on; branches for others do not count.
    """
    parsed = parse(content, python)
    if isinstance(parsed, Unparsed):
        return SourceFacts(unparsed=parsed, is_judged=parsed.certain)
    reader = _Reader(python)
    reader.read(parsed.tree)
    return SourceFacts(
        imports=tuple(reader.settled()),
        relative=tuple(reader.relative()),
        words=frozenset(reader.words),
        names=NEWER if parsed.is_newer else names_of(parsed.tree),
        is_judged=not parsed.is_newer and sys.version_info[:2] <= python,
    )


class _Reader:
    """Collects the imports of one file."""

    def __init__(self, python: tuple[int, int]) -> None:
        self.python = python
        self.found: list[Import] = []
        self.words: set[str] = set()
        self.probed: set[str] = set()
        self.available: set[str] = set()
        self.flags: set[str] = set()
        self.for_types = {"TYPE_CHECKING"}
        self._visitors: Mapping[type, Callable[[Any, _Place], Iterable[_Step]]] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.If: self._branches,
            ast.IfExp: self._choice,
            ast.Try: self._attempt,
            ast.TryStar: self._attempt,
            ast.With: self._with,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Lambda: self._function,
            ast.Call: self._call,
            ast.Assign: self._assignment,
            ast.AnnAssign: self._assignment,
            ast.NamedExpr: self._assignment,
            ast.Constant: self._constant,
            ast.Expr: self._expression,
        }

    def read(self, tree: ast.Module) -> None:
        """Walk the whole file in its own order, with a stack of its own: nesting is no limit."""
        stack: list[_Step] = [(tree, _Place(self.python))]
        visitors = self._visitors
        while stack:
            node, place = stack.pop()
            visit = visitors.get(type(node))
            stack.extend(reversed([*(visit(node, place) if visit else _steps(node, place))]))

    def settled(self) -> Iterator[Import]:
        """The imports by line; one in a function or a branch is optional where the file can do without its module."""
        for found in sorted(self.found, key=lambda item: (item.line, item.module)):
            if found.module.startswith("."):
                continue
            top = found.module.partition(".")[0]
            can_do_without = top in self.probed or top.lower() in self.available
            optional = found.conditional and found.need is Need.RUN and can_do_without
            yield replace(found, need=Need.NOTHING) if optional else found

    def relative(self) -> Iterator[Import]:
        """The relative imports by line."""
        return (found for found in sorted(self.found, key=lambda item: item.line) if found.module.startswith("."))

    def _import(self, node: ast.Import, place: _Place) -> Iterable[_Step]:
        for alias in node.names:
            self._add(alias.name, (), node.lineno, place)
        return ()

    def _import_from(self, node: ast.ImportFrom, place: _Place) -> Iterable[_Step]:
        self.for_types |= {alias.asname or alias.name for alias in node.names if alias.name == "TYPE_CHECKING"}
        module = "." * node.level + (node.module or "")
        self._add(module, tuple(alias.name for alias in node.names), node.lineno, place)
        return ()

    def _choice(self, node: ast.IfExp, place: _Place) -> Iterable[_Step]:
        inner = replace(place, conditional=True)
        return [(node.test, place), (node.body, inner), (node.orelse, inner)]

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, place: _Place) -> Iterable[_Step]:
        if not isinstance(node, ast.Lambda) and any(
            isinstance(inner, ast.Return) and inner.value is not None and asks_for_modules(inner.value)
            for inner in node.body
        ):
            self.flags.add(node.name)
        return _steps(node, replace(place, conditional=True, in_function=True))

    def _with(self, node: ast.With, place: _Place) -> Iterable[_Step]:
        if not any(suppresses(item.context_expr) for item in node.items):
            return _steps(node, place)
        self.probed.update(module.partition(".")[0] for module in _modules(node.body))
        inner = replace(place, need=_least(place.need, Need.NOTHING))
        return [*((item, place) for item in node.items), *((child, inner) for child in node.body)]

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, place: _Place) -> Iterable[_Step]:
        if node.value is not None and asks_for_modules(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self.flags.update(target.id for target in targets if isinstance(target, ast.Name))
        return _steps(node, place)

    def _constant(self, node: ast.Constant, _place: _Place) -> Iterable[_Step]:
        if isinstance(node.value, str) and _NAME_LIKE.fullmatch(node.value):
            self.words.update(_WORD.findall(node.value))
        return ()

    def _expression(self, node: ast.Expr, place: _Place) -> Iterable[_Step]:
        return () if isinstance(node.value, ast.Constant) else [(node.value, place)]

    def _add(self, module: str, names: tuple[str, ...], line: int, place: _Place) -> None:
        self.found.append(
            Import(
                module=module,
                names=names,
                line=line,
                need=place.need,
                instead_of=place.instead_of,
                conditional=place.conditional,
                chosen=place.falls_back or f"_{module.partition('.')[0].lower()}_" in place.named,
            )
        )

    def _call(self, node: ast.Call, place: _Place) -> Iterable[_Step]:
        name = last_name(node.func)
        if name in _IMPORTERS or name in PROBES:
            named = (keyword.value for keyword in node.keywords if keyword.arg in ("name", "modname"))
            given = node.args[0] if node.args else next(named, None)
            if isinstance(given, ast.Constant) and isinstance(given.value, str) and _MODULE.fullmatch(given.value):
                if name in PROBES:
                    self.probed.add(given.value.partition(".")[0])
                self._add(
                    given.value, (), node.lineno, place if name in _IMPORTERS else replace(place, need=Need.NOTHING)
                )
        return _steps(node, place)

    def _branches(self, node: ast.If, place: _Place) -> Iterable[_Step]:
        body, other = self._needs(node.test)
        named = f"{place.named} {' '.join(words_of(node.test))}" if place.in_function else ""
        self.available.update(modules_asked_for(node.test))
        inside = replace(place, need=_least(place.need, body), conditional=True, named=named)
        outside = replace(place, need=_least(place.need, other), conditional=True)
        return [
            (node.test, place),
            *_in_order(node.body, inside),
            *_in_order(node.orelse, outside),
        ]

    def _needs(self, test: ast.expr) -> tuple[Need, Need]:
        """What imports are needed for where the test holds, and where it does not."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                body, other = self._needs(operand)
                return other, body
            case ast.BoolOp(op=ast.And(), values=values):
                return max((self._needs(value)[0] for value in values), key=_rank), Need.RUN
            case ast.BoolOp(op=ast.Or(), values=values):
                return min((self._needs(value)[0] for value in values), key=_rank), Need.RUN
        if last_name(test) in self.for_types:
            return Need.TYPES, Need.RUN
        if is_main(test):
            return Need.DEVELOPMENT, Need.RUN
        if asks_for_modules(test) or any(isinstance(n, ast.Name) and n.id in self.flags for n in ast.walk(test)):
            return Need.NOTHING, Need.NOTHING
        holds = holds_on_target(test, self.python)
        if holds is None:
            return Need.RUN, Need.RUN
        return (Need.RUN, Need.NOTHING) if holds else (Need.NOTHING, Need.RUN)

    def _attempt(self, node: ast.Try | ast.TryStar, place: _Place) -> Iterable[_Step]:
        caught = [handler for handler in node.handlers if catches_absence(handler)]
        if not caught:
            return _steps(node, place)
        tried = tuple(_modules(node.body))
        only_asks = all(isinstance(child, ast.Import | ast.ImportFrom | ast.Assign) for child in node.body)
        if only_asks or any(map(is_for_absence, caught)):  # not whatever fails when a module is used
            self.probed.update(module.partition(".")[0] for module in tried)
        self.flags.update(_assigned(handler.body for handler in caught))
        optional = replace(place, need=_least(place.need, Need.NOTHING))
        nodes: list[_Step] = [(child, optional) for child in (*node.body, *node.orelse)]
        absent = replace(place, instead_of=(*place.instead_of, *tried), conditional=True)
        in_call = place.in_function and not tried
        for handler in node.handlers:
            falls_back = place.falls_back or (in_call and is_for_absence(handler))
            there = replace(absent, falls_back=falls_back) if handler in caught else place
            nodes += [(child, there) for child in handler.body]
        return [*nodes, *((child, place) for child in node.finalbody)]


_RANKS = (Need.RUN, Need.DEVELOPMENT, Need.TYPES, Need.NOTHING)


def _rank(need: Need) -> int:
    return _RANKS.index(need)


def _least(*needs: Need) -> Need:
    return max(needs, key=_rank)


def _steps(node: ast.AST, place: _Place) -> Iterator[_Step]:
    """The parts of a node, in one place; names and their contexts have none."""
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            yield from _in_order(value, place)
        elif isinstance(value, ast.AST) and type(value) not in _LEAVES:
            yield value, place


def _in_order(items: Iterable[object], place: _Place) -> Iterator[_Step]:
    """Statements one after the other, and parts of other lists: what follows where the target is gone is needed for nothing."""
    for item in items:
        if isinstance(item, ast.AST):
            yield item, place
            if type(item) is ast.If and ends_on_target(item, place.python):
                place = replace(place, need=_least(place.need, Need.NOTHING))


def _modules(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The modules that some statements import, functions in them left out."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or node.names[0].name)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _assigned(bodies: Iterable[Iterable[ast.stmt]]) -> Iterator[str]:
    """The names that the handlers of a failed import set: flags such as `HAS_NUMPY = False`, modules that are None."""
    for body in bodies:
        for node in body:
            if isinstance(node, ast.Assign):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
