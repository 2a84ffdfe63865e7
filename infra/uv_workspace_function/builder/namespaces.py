"""A package's `__init__.py` that does nothing but join a namespace: each of its distributions brings one, in words of its own.

The three ways: https://packaging.python.org/en/latest/guides/packaging-namespace-packages/. In an image all parts of a
namespace are in one folder, so that it does not matter whose file is there.
"""

from pathlib import Path, PurePosixPath

CONTENT = b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
"""What stands for all such files, where distributions bring several."""

_LARGEST = 10_000


def does_nothing(path: PurePosixPath, source: Path) -> bool:
    """Whether a file is an `__init__.py` of comments, docstrings and the customary words of a namespace.

    Args:
        path: where it goes, below the target folder.
        source: where it is.
    """
    if path.name != "__init__.py" or source.stat().st_size > _LARGEST:
        return False
    content = source.read_bytes()
    lines = [line for line in map(bytes.strip, content.splitlines()) if line and not line.startswith(b"#")]
    if not lines:
        return True
    if not any(word in content for word in (b"extend_path", b"declare_namespace", b'"""')):
        return False
    import ast  # noqa: PLC0415 - seldom needed, and each import takes its time

    def is_customary(node: ast.stmt) -> bool:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return True
            case ast.Import(names=names):
                return {alias.name for alias in names} <= {"pkgutil", "pkg_resources"}
            case ast.ImportFrom(module=module):
                return module in {"pkgutil", "pkg_resources", "__future__"}
            case ast.Assign(targets=[ast.Name(id="__path__")], value=ast.Call() as call):
                return "extend_path" in ast.unparse(call.func)
            case ast.Expr(value=ast.Call() as call):
                return "declare_namespace" in ast.unparse(call.func)
            case ast.Try(body=body, handlers=handlers):
                return all(map(is_customary, [*body, *(inner for handler in handlers for inner in handler.body)]))
        return False

    try:
        return all(map(is_customary, ast.parse(content).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
