"""Whether a module hands its own name to a call while it is imported, as lazy loaders want it: the call may replace or fill it."""

import ast

from uv_workspace_function.gate.imports.conditions import is_main, last_name

# What only reads the name or the module it is given.
_READERS = frozenset(
    {
        *("getChild", "Tracer", "Metrics", "get_tracer", "get_meter", "bind", "warn", "warn_explicit", "ContextVar"),
        *("files", "path", "read_text", "read_binary", "open_text", "open_binary", "contents", "is_resource"),
        *("get_data", "resource_filename", "resource_string", "resource_stream", "PackageLoader"),
        *("version", "metadata", "distribution", "requires", "entry_points", "get_distribution"),
        *(
            "Flask",
            "Blueprint",
            "APIBlueprint",
            "Quart",
            "Dash",
            "Sanic",
            "Celery",
            "Typer",
            "Chalice",
            "register_page",
        ),
        *("import_module", "__import__", "find_spec", "extend_path", "iter_modules", "walk_packages"),
        *("namedtuple", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "NewType", "TypedDict", "NamedTuple", "type"),
        *("print", "str", "repr", "len", "format", "join", "startswith", "endswith", "split", "rsplit"),
        *("partition", "rpartition", "removeprefix", "removesuffix", "replace"),
        *("getattr", "hasattr", "dir", "isinstance", "id", "getmembers", "getsource", "getdoc", "getfile"),
        # what these alter is told from their arguments
        *("setattr", "vars", "delattr"),
    }
)


def only_reads(function: ast.expr) -> bool:
    """Whether a function is known to leave the module alone whose name it is given: loggers, resources, applications."""
    name = last_name(function) or ""
    return name in _READERS or name.lower().endswith(("logger", "log"))


def hands_over_its_name(tree: ast.Module) -> bool:
    """Whether a call that importing may come to is given `__name__`, as `apipkg.initpkg(__name__, ...)` is."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        match node:
            case ast.If(test=test, orelse=otherwise) if is_main(test):
                stack += otherwise
                continue
            case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
                stack += decorators
                continue
            case ast.Lambda():
                continue
            case ast.Call(func=function, args=arguments, keywords=keywords):
                given = [*arguments, *(keyword.value for keyword in keywords)]
                if not only_reads(function) and any(map(_has_name, given)):
                    return True
                if isinstance(function, ast.Name) and (called := functions.pop(function.id, None)) is not None:
                    stack += called.body
            case _:
                pass
        stack += ast.iter_child_nodes(node)
    return False


def _has_name(expression: ast.expr) -> bool:
    stack: list[ast.AST] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) and node.id == "__name__":
            return True
        if isinstance(node, ast.Compare | ast.Lambda) or (isinstance(node, ast.Call) and only_reads(node.func)):
            continue
        stack += ast.iter_child_nodes(node)
    return False
