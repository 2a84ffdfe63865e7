"""What the fuzzer does to a workspace: each change is one kind of ground, and everything in it is drawn from one generator.

Definitions, locks and assemblies are changed as documents, so that most of them still parse and get far; and as bytes, so
that some do not.
"""

import io
import json
import os
import random
import shutil
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import tomli_w

Change = Callable[[random.Random, Path], str]
"""Changes the workspace at a root, and says what it did."""

TEXTS = (
    *("", " ", ".", "..", "/", "//", "~", "-", "--help", "*", "**", "**/*", "[", "[!", "[]]", "{", "\\", "!", "#", ":"),
    *("../../outside/secret.txt", "../outside", "/proc/self/environ", "/dev/zero", "/etc/passwd", ".git", "../.git/config", ".git/**"),
    *("a\n::add-mask::b", "::stop-commands::x", "\r##[error]x", "\x1b[31mred", "\x9b31m", "\u202egnp", "\u2028::x", "\0", "\x7f"),
    *("**/" * 40 + "x", "*a" * 40 + "b", "a" * 5000, "[a-" * 50, "(" * 3000, "é" * 200, "ﬁ", "İ", "\U0001f600", "a b", "a%20b"),
    *("dep", "orders", "models", "Orders", "or_ders", "nosuch", "dep @ file:///outside/x.whl", "dep @ git+ssh://git@host/x"),
    *("dep>=1", "dep==1.*.*", "dep ; python_version", "dep[a,b]>=1 ; extra == 'x'", "dep>=1,<", "dep; python_full_version > 'x'"),
    *("1.0", "1.0+local.1", "v1", "1!2.0.post1.dev3", "99999999999999999999.1", "3.14", ">=3.11", ">=99", "~=3", "==3.14.*", "3.9"),
    *("http://user:pass@host.invalid/x", "https://[::1", "file:///nowhere", "{root:uri}", "${HOME}", "%s", "{0}", "{", "}}"),
    *("orders.main.handler", "orders.main:handler", "main.handler", "a..b", ".a", "orders.main.nosuch", "orders/main.handler", "lambda"),
    *("src", "src/orders", "src/**/*.py", "!src", "pyproject.toml", "uv.lock", "setup.py", ".env", "__pycache__", "data/", "./data"),
    *("workspace", "true", "null", "None", "linux/arm64", "linux/mips", "3", "sha256:00", "py3-none-any", "cp314-abi9-x"),
)  # fmt: skip
_KEYS = (
    *("project.name", "project.version", "project.dependencies", "project.optional-dependencies", "project.dynamic", "project.scripts"),
    *("project.requires-python", "project.readme", "project.license", "project.license-files", "project.entry-points"),
    *("build-system.requires", "build-system.build-backend", "build-system.backend-path", "dependency-groups.dev"),
    *("tool.uv.sources.dep", "tool.uv.sources.models", "tool.uv.package", "tool.uv.conflicts", "tool.uv.index", "tool.uv.environments"),
    *("tool.uv.workspace.members", "tool.uv.workspace.exclude", "tool.uv.constraint-dependencies", "tool.uv.override-dependencies"),
    *("tool.uv.build-constraint-dependencies", "tool.uv.no-binary-package", "tool.uv.find-links", "tool.uv.required-version"),
    *("tool.uv.build-backend.module-name", "tool.uv.build-backend.module-root", "tool.uv.build-backend.data"),
    *("tool.uv.build-backend.wheel-exclude", "tool.uv.build-backend.source-include", "tool.uv.default-groups", "tool.uv.dev-dependencies"),
    *("tool.uv-workspace-function.handler", "tool.uv-workspace-function.handlers", "tool.uv-workspace-function.include"),
    *("tool.uv-workspace-function.exclude", "tool.uv-workspace-function.build-from-source", "tool.uv-workspace-function.check"),
    *("tool.uv-workspace-function.check.allow.UWF003", "tool.uv-workspace-function.check.environment", "tool.uv-workspace-function"),
    *("tool.hatch.build.targets.wheel.packages", "tool.hatch.build.targets.wheel.force-include", "tool.hatch.build.include"),
    *("tool.hatch.version.path", "tool.hatch.build.hooks.vcs.version-file", "tool.setuptools.packages", "tool.setuptools.package-dir"),
    *("tool.setuptools.dynamic.readme", "tool.setuptools.data-files", "tool.setuptools_scm.write_to", "tool.flit.module.name"),
    *("tool.poetry.packages", "tool.maturin.python-source", "tool.pdm.build.includes", "tool.scikit-build.wheel.packages"),
)  # fmt: skip
_PATTERNS = (
    "a",
    "b",
    "*",
    "**",
    "/",
    "?",
    "[a-c]",
    "[!a]",
    "[[:alpha:]]",
    "!",
    "\\",
    " ",
    "src",
    "orders",
    ".py",
    "/**/",
    "data",
    "é",
    "#",
    "\xff",
)


def text(chosen: random.Random) -> str:
    """A string that somebody might not expect."""
    one = chosen.choice(TEXTS)
    return one if chosen.random() < 0.8 else f"{one}{chosen.choice(TEXTS)}"


def value(chosen: random.Random, depth: int = 0) -> Any:
    """A value of any type."""
    kinds: list[Callable[[], Any]] = [
        lambda: text(chosen),
        lambda: [text(chosen) for _ in range(chosen.randint(0, 4))],
        lambda: chosen.choice(
            [0, -1, 1, 2**63, 10**40, 1.5, float("nan"), float("inf"), True, False, date(2026, 1, 2)]
        ),
        lambda: {text(chosen): value(chosen, depth + 1) for _ in range(chosen.randint(0, 3))},
        lambda: [value(chosen, depth + 1) for _ in range(chosen.randint(0, 3))],
    ]
    return kinds[0]() if depth > 2 else chosen.choice(kinds)()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a document with each of its keys."""
    if isinstance(document, dict | list):
        for key in [*document] if isinstance(document, dict) else range(len(document)):
            yield document, key
            yield from _places(document[key])


def change_document(chosen: random.Random, document: dict[str, Any]) -> str:
    """Change one place of a document."""
    places = [*_places(document)]
    if not places:
        document[text(chosen)] = value(chosen)
        return "a key in nothing"
    holder, key = chosen.choice(places)
    match chosen.randrange(6):
        case 0:
            del holder[key]
            return f"{key!r} gone"
        case 1:
            other, at = chosen.choice(places)
            with suppress(KeyError, IndexError):
                holder[key] = json.loads(json.dumps(other[at], default=str))
            return f"{key!r} holds what {at!r} does"
        case 2 if isinstance(holder, dict):
            holder[text(chosen)] = holder.pop(key)
            return f"{key!r} renamed"
        case 3:
            holder[key] = [holder[key]] if chosen.random() < 0.5 else {text(chosen): holder[key]}
            return f"{key!r} wrapped"
        case 4 if isinstance(holder[key], str):
            at = chosen.randint(0, len(holder[key]))
            holder[key] = holder[key][:at] + text(chosen) + holder[key][at:]
            return f"{key!r} is {str(holder[key])[:80]!r}"
        case _:
            holder[key] = value(chosen)
            return f"{key!r} is {str(holder[key])[:80]!r}"


def set_key(chosen: random.Random, document: dict[str, Any]) -> str:
    """Give a setting that is read here a value that is not expected of it."""
    path = chosen.choice(_KEYS)
    *tables, key = path.split(".")
    holder = document
    for table in tables:
        holder = holder.setdefault(table, {})
        if not isinstance(holder, dict):
            return change_document(chosen, document)
    expected = holder.get(key)
    if isinstance(expected, list) and chosen.random() < 0.6:
        expected.append(text(chosen))
    else:
        holder[key] = value(chosen)
    return f"{path} is {str(holder[key])[:80]!r}"


def change_bytes(chosen: random.Random, content: bytes) -> bytes:
    """Change some bytes."""
    at = chosen.randint(0, len(content))
    end = min(len(content), at + chosen.choice([1, 4, 40, 400]))
    odd = (
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\n",
        b'"',
        b"'''",
        b"[",
        b"[[",
        b"}",
        b"=",
        b"\xed\xa0\x80",
        b"{" * 3000,
        b"[" * 3000,
    )
    match chosen.randrange(5):
        case 0:
            return content[:at] + chosen.choice(odd) + content[at:]
        case 1:
            return content[:at] + content[end:]
        case 2:
            return content[:end] + content[at:end] * chosen.choice([1, 2, 1000]) + content[end:]
        case 3:
            return content[:at]
        case _:
            return content[:at] + bytes(chosen.randrange(256) for _ in range(end - at)) + content[end:]


def _file_of(chosen: random.Random, root: Path, *patterns: str) -> Path | None:
    found = sorted(
        path for pattern in patterns for path in root.glob(pattern) if path.is_file() and ".git" not in path.parts
    )
    return chosen.choice(found) if found else None


def _toml(chosen: random.Random, path: Path, change: Callable[[random.Random, dict[str, Any]], str]) -> str:
    with suppress(OSError, ValueError, TypeError, RecursionError):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        said = "; ".join(change(chosen, document) for _ in range(chosen.choice([1, 1, 1, 2])))
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return said
    return _bytes(chosen, path)


def _json(chosen: random.Random, path: Path) -> str:
    with suppress(OSError, ValueError, TypeError, RecursionError):
        document = json.loads(path.read_bytes())
        said = change_document(chosen, document)
        path.write_text(json.dumps(document, default=str), encoding="utf-8")
        return said
    return _bytes(chosen, path)


def _bytes(chosen: random.Random, path: Path) -> str:
    path.write_bytes(change_bytes(chosen, path.read_bytes()))
    return "bytes"


def definition(chosen: random.Random, root: Path) -> str:
    """A `pyproject.toml`, or a `uv.toml` where there was none."""
    path = _file_of(chosen, root, "pyproject.toml", "*/*/pyproject.toml")
    if path is None or chosen.random() < 0.1:
        path = root / chosen.choice(["uv.toml", "services/alone/uv.toml", "services/orders/hatch.toml"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('no-index = true\nfind-links = ["wheels"]\n[pip]\nx = 1\n')
    by_bytes = chosen.random() < 0.2
    said = (
        _bytes(chosen, path) if by_bytes else _toml(chosen, path, set_key if chosen.random() < 0.6 else change_document)
    )
    return f"{path.relative_to(root)}: {said}"


def locked(chosen: random.Random, root: Path) -> str:
    """A `uv.lock`."""
    path = _file_of(chosen, root, "uv.lock", "*/*/uv.lock")
    if path is None:
        return "there is no lock"
    return f"{path.relative_to(root)}: {_bytes(chosen, path) if chosen.random() < 0.2 else _toml(chosen, path, change_document)}"


def globs(chosen: random.Random, root: Path) -> str:
    """Rules of a `.gitignore`, or globs of a table."""
    patterns = [
        "".join(chosen.choice(_PATTERNS) for _ in range(chosen.choice([1, 3, 6, 60])))
        for _ in range(chosen.randint(1, 5))
    ]
    if chosen.random() < 0.5:
        path = (
            root
            / chosen.choice(["", "services", "services/orders", "services/orders/src/orders", "libs/models"])
            / ".gitignore"
        )
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes("\n".join(patterns).encode("latin-1"))
        return f"{path.relative_to(root)}: {patterns!r}"
    path = chosen.choice(
        [root / "pyproject.toml", root / "services/orders/pyproject.toml", root / "services/mail/pyproject.toml"]
    )
    tables = [
        *(["tool", "uv", "workspace", "members"], ["tool", "uv", "workspace", "exclude"]),
        *(["tool", "uv-workspace-function", "include"], ["tool", "uv-workspace-function", "exclude"]),
        *(["tool", "hatch", "build", "targets", "wheel", "include"], ["tool", "uv", "build-backend", "wheel-exclude"]),
    ]  # fmt: skip
    *tables_above, key = chosen.choice(tables)

    def change(_: random.Random, document: dict[str, Any]) -> str:
        holder = document
        for table in tables_above:
            holder = holder.setdefault(table, {})
        holder[key] = [*holder.get(key, []), *patterns] if key == "members" else patterns
        return f"{key}: {patterns!r}"

    return f"{path.relative_to(root)}: {_toml(chosen, path, change) if path.is_file() else 'is gone'}"


def archive(chosen: random.Random, root: Path) -> str:
    """A wheel or an sdist in the workspace: other bytes, or odd entries."""
    path = _file_of(chosen, root, "wheels/*")
    if path is None or chosen.random() < 0.1:
        path = root / f"wheels/{text(chosen)[:50].replace('/', '_')}-1.0-py3-none-any.whl"
        with suppress(OSError, ValueError):
            path.write_bytes(b"PK\x03\x04")
        return f"a wheel {path.name!r}"
    if chosen.random() < 0.5:
        return f"{path.name}: {_bytes(chosen, path)}"
    name = chosen.choice(
        [
            "../../x",
            "/x",
            "a/../../x",
            "x.dist-info/METADATA",
            "dep-1.0.dist-info/METADATA",
            "PKG-INFO",
            "tool-1.0/PKG-INFO",
            text(chosen),
        ]
    )
    body = chosen.choice(
        [b"", b"Name: \xff\n", b"Requires-Dist: " + text(chosen).encode() + b"\n", bytes(20_000_000), b"a" * 3000]
    )
    with suppress(OSError, ValueError, zipfile.BadZipFile, tarfile.TarError):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path, chosen.choice(["a", "w"]), zipfile.ZIP_DEFLATED) as written:
                written.writestr(zipfile.ZipInfo(name or "x", (1980, 1, 1, 0, 0, 0)), body)
        else:
            with tarfile.open(path, "w:gz") as packed:
                entry = tarfile.TarInfo(name)
                entry.type = chosen.choice(
                    [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
                )
                entry.linkname = text(chosen)
                entry.size = len(body) if entry.type == tarfile.REGTYPE else 0
                packed.addfile(entry, io.BytesIO(body))
    return f"{path.name}: an entry {name!r} of {len(body)} bytes"


def assembly(chosen: random.Random, root: Path) -> str:
    """A file of `cdk.out`."""
    path = _file_of(chosen, root, "cdk.out/*.json", "cdk.out/*/*.json")
    return "no assembly" if path is None else f"{path.relative_to(root)}: {_json(chosen, path)}"


def stored(chosen: random.Random, root: Path) -> str:
    """What earlier runs have kept in the user's cache folder."""
    path = _file_of(chosen, root.parent, "home/.cache/uv-workspace-function/*")
    return "nothing stored" if path is None else f"{path.name}: {_json(chosen, path)}"


def source(chosen: random.Random, root: Path) -> str:
    """A module, or one more by an odd name."""
    path = _file_of(chosen, root, "services/**/*.py", "libs/**/*.py")
    if path is None or chosen.random() < 0.3:
        name = text(chosen)[:200].replace("/", "_").replace("\0", "") or "x"
        path = root / "services/orders/src/orders" / f"{name}.py"
        with suppress(OSError):
            path.write_text("import nosuch\nfrom . import x\nimport models.nosuch\n")
        return f"a module {path.name!r}"
    if chosen.random() < 0.5:
        lines = (
            "from .. import x",
            "import models.nosuch",
            "from orders import *",
            "import yaml",
            "lazy import a",
            "x = t'{1}'",
            "\timport x",
            "# coding: utf-7",
        )
        path.write_text("\n".join(chosen.choice(lines) for _ in range(3)) + "\n" + path.read_text(errors="replace"))
        return f"{path.relative_to(root)}: imports"
    return f"{path.relative_to(root)}: {_bytes(chosen, path)}"


def tree(chosen: random.Random, root: Path) -> str:
    """What a walk meets: links, pipes, files that are folders, what is not there, what is large or deep."""
    found = sorted(path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    path = chosen.choice(found) if found else root / "x"
    if chosen.random() < 0.5:
        name = text(chosen)[:200].replace("/", "_").replace("\0", "")
        path = path.parent / (name if name not in ("", ".", "..") else "x")
    kind = chosen.choice(["gone", "link", "pipe", "folder", "large", "deep", "copy", "empty", "git"])
    with suppress(OSError):
        if kind == "git":
            path = root / ".git" if chosen.random() < 0.3 else root / "services/orders/.git"
        if os.path.lexists(path):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        match kind:
            case "link":
                path.symlink_to(
                    chosen.choice(
                        [
                            text(chosen) or "x",
                            ".",
                            "..",
                            "../..",
                            "/",
                            str(root.parent / "outside"),
                            "/dev/zero",
                            path.name,
                        ]
                    )
                )
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "large":
                with path.open("wb") as stream:
                    stream.truncate(300_000_000)
            case "deep":
                path.joinpath(*["d"] * 300).mkdir(parents=True)
            case "copy" if not path.is_relative_to(root / "services/orders"):
                shutil.copytree(root / "services/orders", path)
            case "empty":
                path.touch()
            case "git":
                path.write_text(f"gitdir: {text(chosen)}\n")
    return f"{str(path.relative_to(root))!r} is {kind}"


CHANGES: dict[str, tuple[int, Change]] = {
    "definition": (5, definition),
    "lock": (3, locked),
    "globs": (3, globs),
    "archive": (2, archive),
    "assembly": (2, assembly),
    "stored": (1, stored),
    "source": (2, source),
    "tree": (2, tree),
}


def change(chosen: random.Random, root: Path) -> list[tuple[str, str]]:
    """Make one to three changes; the kinds, and what was done."""
    names, weights = [*CHANGES], [weight for weight, _ in CHANGES.values()]
    done = []
    for _ in range(chosen.choice([1, 1, 1, 2, 3])):
        (name,) = chosen.choices(names, weights)
        done.append((name, CHANGES[name][1](chosen, root)))
    return done
