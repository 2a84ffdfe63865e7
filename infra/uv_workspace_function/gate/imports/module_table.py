"""How a file uses `sys.modules`: to look modules up, or to put others in their place."""

import ast
from collections.abc import Sequence

from uv_workspace_function.gate.imports.conditions import last_name

_READS = frozenset({"get", "items", "keys", "values", "copy", "__contains__", "__getitem__", "__iter__", "__len__"})
_COPIES = frozenset({"list", "len", "sorted", "dict", "set", "tuple", "frozenset", "iter", "bool", "print", "repr"})
_LOOKUPS = frozenset({"get", "setdefault", "__getitem__"})


def only_read(nodes: Sequence[ast.AST]) -> frozenset[int]:
    """The ids of the expressions that are looked into as mappings are, and neither changed, named nor handed on."""
    found: list[ast.expr] = []
    for node in nodes:
        match node:
            case ast.Subscript(value=value, ctx=ast.Load()):
                found.append(value)
            case ast.Attribute(value=value, attr=name, ctx=ast.Load()) if name in _READS:
                found.append(value)
            case ast.Compare(left=left, comparators=comparators):
                found += [left, *comparators]
            case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated) | ast.comprehension(iter=iterated):
                found.append(iterated)
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _COPIES:
                found += arguments
            case _:
                pass
    return frozenset(map(id, found))


class ModuleTable:
    """`sys.modules` by the names that one file has for it."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self._sys = {"sys"}
        self._names: set[str] = set()
        self._of_specs: set[str] = set()
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    self._sys.update(a.asname for a in aliases if a.name == "sys" and a.asname)
                case ast.ImportFrom(module="sys", level=0, names=aliases):
                    self._names.update(a.asname or a.name for a in aliases if a.name == "modules")
                case ast.Assign(targets=[ast.Name(id=name), *_], value=value) if _makes_of_spec(value):
                    self._of_specs.add(name)
                case _:
                    pass

    def is_it(self, node: ast.AST) -> bool:
        """Whether an expression is `sys.modules`."""
        match node:
            case ast.Name(id=name):
                return name in self._names
            case ast.Attribute(value=value, attr="modules"):
                return last_name(value) in self._sys
            case _:
                return False

    def is_changed(self, nodes: Sequence[ast.AST], read: frozenset[int]) -> bool:
        """Whether the file may put others in the place of modules: by any use that is no look-up, no removal and not for a file that it loads."""
        harmless = set(read)
        for node in nodes:
            match node:
                case ast.Subscript(value=value, slice=key, ctx=ast.Del()) if not is_own_name(key):
                    harmless.add(id(value))  # it is imported anew, from its file
                case ast.Call(func=ast.Attribute(value=value, attr="pop"), args=[key, *_]) if not is_own_name(key):
                    harmless.add(id(value))
                case ast.Assign(targets=[ast.Subscript(value=value, slice=key)], value=module):
                    if self._is_of_spec(module) and not is_own_name(key) and not _is_dotted(key):
                        harmless.add(
                            id(value)
                        )  # as importlib's documentation has a file imported under a name of one's own
                case _:
                    pass
        return any(self.is_it(node) and id(node) not in harmless for node in nodes)

    def _is_of_spec(self, node: ast.expr) -> bool:
        return _makes_of_spec(node) or (isinstance(node, ast.Name) and node.id in self._of_specs)

    def key(self, node: ast.AST) -> ast.expr | None:
        """By what a module is looked up in it; None where an expression is no such look-up."""
        match node:
            case ast.Subscript(value=value, slice=key) if self.is_it(value):
                return key
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[key, *_]) if (
                name in _LOOKUPS and self.is_it(value)
            ):
                return key
            case _:
                return None


def is_own_name(node: ast.AST | None) -> bool:
    """Whether an expression is the name of the module it stands in."""
    return isinstance(node, ast.Name) and node.id in ("__name__", "__package__")


def _makes_of_spec(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "module_from_spec"


def _is_dotted(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and "." in str(key.value)
