"""Source in the syntax of a newer Python than the one that runs, rewritten so that this one reads it.

Code is written for the Python of the images, and what reads it here may run on an older one. What is new since then
(type parameters, template strings, nested quotes in f-strings, ...) has no bearing on what a module imports or binds, so
it is taken out; lines keep their numbers.
"""

import io
import sys
import tokenize

# Source: MAXLEVEL in CPython's tokenizer. Far beyond it libcst's parser ends the whole process.
_DEEPEST = 200


def as_older_python(content: bytes, python: tuple[int, int]) -> str | bool:
    """The same code for the running Python, as far as its imports and names go.

    Args:
        content: source that the running Python's parser refuses.
        python: the minor version that the source is for.

    Returns:
        Source without new syntax; or True when no Python has such syntax, False when that cannot be told here.
    """
    if sys.version_info[:2] >= python:
        return True
    try:
        import libcst  # noqa: PLC0415 few need it, and it takes long to load
    except ModuleNotFoundError:
        return False
    from uv_workspace_function.code._newer_syntax_tree import Older  # noqa: PLC0415

    if _depth(content) > _DEEPEST:
        return True
    try:
        tree = libcst.parse_module(content)
    except (libcst.ParserSyntaxError, UnicodeError, LookupError):
        return True
    try:
        return tree.visit(Older()).code
    except (libcst.CSTValidationError, RecursionError):
        return False


def _depth(content: bytes) -> int:
    """How deep its brackets are nested."""
    deepest = depth = 0
    try:
        for token in tokenize.tokenize(io.BytesIO(content).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                deepest = max(deepest, depth)
    except (tokenize.TokenError, SyntaxError, LookupError, UnicodeError):
        pass  # newer syntax; what was read tells as much as there is to tell
    return deepest
