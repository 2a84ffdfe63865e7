"""uv's explanation of requirements that cannot be met, shortened to the members and the lines in question."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding
from uv_workspace_function.gate.lines import requirement_line
from uv_workspace_function.pyproject import PYPROJECT, Pyproject, requirement_name
from uv_workspace_function.uv_settings import WorkspaceGlobs
from uv_workspace_function.workspace import membership

_WAYS_OUT = (
    "ask for versions that agree; or make one of them a standalone project: list its folder in `exclude` of "
    "[tool.uv.workspace] and lock it there; or declare them in [tool.uv] `conflicts`, if no service needs both"
)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
# `who[extra]:group{marker}==1 depends on what>=2`, every part but the names perhaps
_DEPENDS = re.compile(
    rf"(?P<who>{_NAME})(?:\[[^\]]*\])?(?::[\w-]+)?(?:\{{[^}}]*\}})?(?:[=<>!~][^ ]*)? depends on (?P<what>{_NAME})"
)
_ROOT = "the root"


def explained(root: Path, folder: PurePosixPath, said: str) -> Finding:
    """The finding for a project that uv cannot resolve (UWF002).

    Args:
        root: the workspace's root.
        folder: the project's, relative to it.
        said: what uv wrote.
    """
    text = _joined(said)
    members = dict(_members(root, folder))
    lines = sorted(_lines(root, members, set(_pairs(text)))) or sorted(_lines(root, members, None, _names_in(text)))
    reason = _reason(text, frozenset(members))
    first = lines[0] if lines else ((folder / PYPROJECT).as_posix(), 1, "", "")
    who = sorted({name for *_, name in lines}) or ["the workspace"]
    return Finding(
        code="UWF002",
        file=first[0],
        line=first[1],
        member=who[0] if len(who) == 1 and who[0] in members else None,
        problem=f"the requirements of {_and(who)} cannot be met together"
        if len(who) > 1
        else f"the requirements of {who[0]} cannot be met",
        remedy=_WAYS_OUT,
        subject=(folder / PYPROJECT).as_posix(),
        detail=(*(f"{path}:{line}  {requirement}" for path, line, requirement, _ in lines), *reason),
    )


def _joined(said: str) -> str:
    """The explanation without the drawing around it and the line breaks in it."""
    lines = [re.sub(r"^[\s│├╰─▶×]*(cause:|help:|error:|hint:)?\s*", "", line).strip() for line in said.splitlines()]
    return " ".join(line for line in lines if line)


def _reason(text: str, members: frozenset[str]) -> tuple[str, ...]:
    """The clauses of uv about packages that are no members, without "we can conclude" and what follows from them."""
    body = re.search(r"(Because .*?)(?: hint:|$)", text)
    if body is None:
        return ()
    clauses = []
    for sentence in re.split(r"(?<=[.\w])\s+(?=And because |Because )", body[1]):
        premises = re.sub(r"^(And because|Because) ", "", sentence).partition(", we can conclude")[0]
        clauses += [
            clause.strip().rstrip(".,")
            for clause in re.split(
                r",? and (?=[^,]*? (?:depends on|requires|was not found|is available|are available|has no))", premises
            )
            if "your workspace requires" not in clause and not _is_about(members, clause)
        ]
    return tuple(f"uv: {clause}" for clause in dict.fromkeys(clauses) if clause)


def _is_about(members: frozenset[str], clause: str) -> bool:
    """Whether a clause says what a member asks for: its line says that already."""
    found = _DEPENDS.match(clause)
    return found is not None and canonicalize_name(found["who"]) in members


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Who asks for what, as the explanation tells it; the root's groups are "your workspace"."""
    for match in _DEPENDS.finditer(text):
        yield canonicalize_name(match["who"]), canonicalize_name(match["what"].rstrip("."))
    for match in re.finditer(rf"your workspace requires (?P<what>{_NAME})", text):
        yield _ROOT, canonicalize_name(match["what"].rstrip("."))


def _names_in(text: str) -> set[str]:
    """The packages that the explanation speaks of, members among them."""
    found: set[str] = set()
    for match in re.finditer(
        rf"(?:depends on|requires|versions of|only|there (?:is|are) no versions? of) (?P<one>{_NAME})", text
    ):
        found.add(canonicalize_name(match["one"].rstrip(".")))
    for match in re.finditer(
        rf"(?P<one>{_NAME})(?:\[[^\]]*\])?(?:[=<>!~]=?[^ ,]+)? (?:was not found|depends on|is available|has no|and )",
        text,
    ):
        found.add(canonicalize_name(match["one"].rstrip(".")))
    return found


def _lines(
    root: Path,
    members: Mapping[str, tuple[PurePosixPath, Pyproject]],
    pairs: Collection[tuple[str, str]] | None,
    names: Collection[str] = (),
) -> Iterator[tuple[str, int, str, str]]:
    """The requirements that pairs of a member and a package tell, or all that are on some packages: file, line, text, whose."""
    for name, (folder, pyproject) in members.items():
        path = root / folder / PYPROJECT
        for required, text in _requirements(pyproject):
            asked = required in names if pairs is None else (name, required) in pairs
            # who needs whose library is plain to see; the versions that disagree are not
            if asked and required not in members:
                yield (folder / PYPROJECT).as_posix(), requirement_line(path, text) or 1, text, name


def _requirements(pyproject: Pyproject) -> Iterator[tuple[str, str]]:
    metadata = pyproject.metadata
    groups = (metadata.dependencies, *metadata.optional_dependencies.values(), *pyproject.dependency_groups.values())
    for group in groups:
        for text in group:
            if name := requirement_name(text):
                yield name, text


def _members(root: Path, folder: PurePosixPath) -> Iterator[tuple[str, tuple[PurePosixPath, Pyproject]]]:
    """The packages of a project by name, read without its lock, which there may not be."""
    try:
        globs = Pyproject.load(root / folder / PYPROJECT).uv.workspace or WorkspaceGlobs()
        found_folders = membership.folders(root / folder, globs.members, exclude=globs.exclude, lenient=True)
        folders = {PurePosixPath(), *found_folders}
    except WorkspaceError:
        return
    for inner in sorted(folders):
        try:
            found = Pyproject.load(root / folder / inner / PYPROJECT)
        except WorkspaceError:
            continue
        name = found.metadata.name
        yield _ROOT if name is None else canonicalize_name(name), (folder / inner, found)


def _and(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"
