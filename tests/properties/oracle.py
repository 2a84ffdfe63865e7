"""What uv says of a workspace: exports, installed trees. The laws compare with these, never with the code under test."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.markers import Marker
from wheelhouse import uv


def lock(root: Path, *projects: str) -> bool:
    """Lock the workspace and its standalone projects; False where uv finds no solution."""
    for project in (".", *projects):
        done = uv("lock", cwd=root / project, check=False)
        if done.returncode:
            if re.search("No solution found|incompatible|conflicting URLs", done.stderr):
                return False
            raise AssertionError(f"uv lock failed:\n{done.stderr}")
    return True


def export(folder: Path, package: str, extras: Iterable[str] = (), *, annotated: bool = False) -> str:
    """`uv export` of one package, in the folder whose lock it is in; annotated with who needs what."""
    plain = [] if annotated else ["--no-annotate"]
    chosen = [argument for extra in extras for argument in ("--extra", extra)]
    return uv("export", "--frozen", "--no-default-groups", "--package", package, *chosen, *plain, cwd=folder).stdout


def third_party(exported: str) -> set[tuple[str, str, str]]:
    """The third-party packages of an export: name, version, marker."""
    lines = re.findall(r"^([a-z0-9-]+)==([^ \n]+)(?: ; (.+))?$", exported, re.MULTILINE)
    return {(name, version, marker) for name, version, marker in lines}


def local(exported: str) -> set[str]:
    """The folders of an export's local packages, relative to the lock's."""
    return set(re.findall(r"^(?:-e )?(\.[^ \n]*)", exported, re.MULTILINE))


def installed_on(exported: str, environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Name and version of the third-party packages that an export installs in an environment."""
    return {
        (name, version)
        for name, version, marker in third_party(exported)
        if not marker or Marker(marker).evaluate({**environment})
    }


def tree(folder: Path, package: str, extras: Iterable[str] = ()) -> dict[str, str]:
    """What `uv sync` installs of one package: every file's hash, without what has a path or a time in it."""
    chosen = [argument for extra in extras for argument in ("--extra", extra)]
    uv("sync", "--frozen", "--no-default-groups", "--no-editable", "--package", package, *chosen, cwd=folder)
    site = next((folder / ".venv" / "lib").glob("python*/site-packages"))
    return {
        path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(site.rglob("*"))
        if path.is_file() and path.name not in ("direct_url.json", "uv_cache.json", "uv_build.json", "RECORD")
    }


def edge_markers(lock: Path, names: Iterable[str]) -> dict[tuple[str, ...], set[str]]:
    """What uv compares on each edge of some packages, as `uv.lock` has it; which fork an edge belongs to left out."""
    wanted = set(names)
    return {
        (package["name"], package.get("version", ""), part, edge["name"], edge.get("version", "")): {
            atom for atom in _ATOM.findall(edge.get("marker", "")) if not atom.startswith("extra ")
        }
        for package in tomllib.loads(lock.read_text())["package"]
        if package["name"] in wanted
        for part, edges in {"": package.get("dependencies", ()), **package.get("optional-dependencies", {})}.items()
        for edge in edges
    }


_ATOM = re.compile(r"\w+ (?:[<>=!~]+|in|not in) '[^']*'")
