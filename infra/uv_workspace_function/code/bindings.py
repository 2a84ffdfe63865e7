"""What a module's source binds at its top level, however it does so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from uv_workspace_function.code.syntax import Parsed, Unparsed, parse

_IMAGE_PYTHON = (3, 14)
"""Of the default images: services may be written for it, whatever Python reads them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """What a module's top level binds.

    `callables` are the names that look like functions or objects made there, `stars` the modules it takes everything
    from (with their level of relative import). `anything` is True where a module answers for any name by `__getattr__`;
    `exported` is its `__all__` where that can be read off.
    """

    names: frozenset[str]
    callables: frozenset[str]
    stars: tuple[tuple[int, str], ...]
    anything: bool
    exported: frozenset[str] | None = None


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


def _bindings(tree: ast.Module) -> Bindings:
    names: set[str] = set()
    callables: set[str] = set()
    stars: list[tuple[int, str]] = []
    exported: frozenset[str] | None = None
    for node in _top_level(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
                callables.add(name)
            case ast.Import(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases, module=module, level=level):
                if any(alias.name == "*" for alias in aliases):
                    stars.append((level, module or ""))
                names.update(alias.asname or alias.name for alias in aliases if alias.name != "*")
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                names.add(name)
            case ast.MatchMapping(rest=str() as name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)):
                if all(isinstance(item, ast.Constant) for item in items):
                    exported = frozenset(str(item.value) for item in items if isinstance(item, ast.Constant))
            case ast.AugAssign(target=ast.Name(id="__all__")):
                exported = None
            case ast.Assign(targets=targets, value=ast.Call()):
                callables.update(target.id for target in targets if isinstance(target, ast.Name))
            case _:
                pass
    # A function can bind a name of the module, and be called while it is imported.
    names.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    return Bindings(
        names=frozenset(names),
        callables=frozenset(name for name in callables if not name.startswith("_")),
        stars=tuple(stars),
        exported=exported,
        anything="__getattr__" in names,
    )


_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _top_level(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node that is run in the module's own scope; of a comprehension, only the walruses bind there.

    With a stack of its own, since nesting is no limit: a sum of a thousand strings is a thousand levels deep.
    """
    stack = [(node, False) for node in body]
    stack.reverse()
    while stack:
        node, in_comprehension = stack.pop()
        inner = in_comprehension or isinstance(node, _COMPREHENSIONS)
        parts: Iterable[ast.AST]
        if in_comprehension and isinstance(node, ast.comprehension):
            parts = (node.iter, *node.ifs)
        elif isinstance(node, ast.AnnAssign):
            parts = () if node.value is None else (node.value, node.target)
        elif isinstance(node, _OWN_SCOPE):
            yield node
            parts = (*getattr(node, "decorator_list", ()), *_defaults(node))
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
