"""Source as Python takes it: bytes that decode, parse and compile, on the Python of the image where that is a newer one."""

import ast
import re
import warnings
from dataclasses import dataclass

from uv_workspace_function.code.newer_syntax import as_older_python

# What the tokenizer says of bytes, which is the same on every Python.
_CERTAIN = ("codec can't decode", "unknown encoding", "encoding problem")
_DECLARED_ENCODING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Why source has no syntax tree."""

    line: int | None
    reason: str
    certain: bool = True
    """False where another Python may be able to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """Source as a syntax tree."""

    tree: ast.Module
    is_newer: bool = False
    """Whether it has syntax that the running Python lacks; it is not in the tree."""


def parse(content: bytes, python: tuple[int, int]) -> Parsed | Unparsed:
    """The syntax tree of a file that compiles, or why there is none.

    Args:
        content: the file's bytes.
        python: the minor version that the code will run on; syntax newer than the running Python's is taken out of the tree.
    """
    if b"\0" in content:
        return Unparsed(line=content[: content.index(b"\0")].count(b"\n") + 1, reason="it holds a null byte")
    if (undecodable := _undecodable(content)) is not None:
        return undecodable
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a SyntaxWarning is the linter's to tell
            tree = ast.parse(content)
        return _uncompilable(tree) or Parsed(tree=tree)
    except SyntaxError as error:
        first = error
    except (
        RecursionError,
        MemoryError,
    ) as error:  # nested too deeply for a tree here: a limit of this Python, not of the source
        return Unparsed(line=None, reason=str(error) or type(error).__name__, certain=False)
    except ValueError as error:
        return Unparsed(line=None, reason=str(error))
    if isinstance(first, IndentationError) or any(sign in str(first.msg) for sign in _CERTAIN):
        return Unparsed(line=first.lineno, reason=str(first.msg))
    older = as_older_python(content, python)
    if isinstance(older, str):
        try:
            tree = ast.parse(older)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Unparsed(line=first.lineno, reason=str(first.msg), certain=False)
        return _uncompilable(tree, is_cut=True) or Parsed(tree=tree, is_newer=True)
    return Unparsed(line=first.lineno, reason=str(first.msg), certain=older)


def _undecodable(content: bytes) -> Unparsed | None:
    """Why the bytes are not text in their encoding; comments count, though not every Python's parser reads them."""
    encoding = _encoding(content)
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Unparsed(line=line, reason=f"byte 0x{content[error.start]:02x} is not {encoding}")
    except (LookupError, UnicodeError):
        return None  # no encoding of text: the parser has words for it
    return None


def _encoding(content: bytes) -> str:
    """The encoding that a comment in the first two lines declares (PEP 263), else UTF-8."""
    for line in content.split(b"\n", 2)[:2]:
        if (found := _DECLARED_ENCODING.match(line)) is not None:
            return found[1].decode("ascii", "replace")
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return "utf-8"


def _uncompilable(tree: ast.Module, *, is_cut: bool = False) -> Unparsed | None:
    """What only compiling tells: `return` outside of a function, an argument twice, a `nonlocal` of nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "<source>", "exec", dont_inherit=True)
    except SyntaxError as error:
        # Older Pythons do not know every feature; what binds a name may be new syntax that was taken out.
        is_of_this_python = "future feature" in str(error.msg) or (is_cut and "nonlocal" in str(error.msg))
        return None if is_of_this_python else Unparsed(line=error.lineno, reason=str(error.msg))
    except (ValueError, RecursionError, MemoryError):
        return None  # a limit of this Python, not of the source
    return None
