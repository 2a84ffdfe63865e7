"""What an allow-list without the backends' input rules would cost: needless rebuilds, and wheels that differ.

uv run python benchmarks/allow_list.py [--commits 300] [--wheels] FOLDER ...

Today a context takes of a built package what its backend reads, by rules for six of them. The simpler rule takes the package's
folder but what git ignores, what never enters a context, other packages, and what lies beside and is named nowhere in
its definitions. Each FOLDER is the root of a workspace in a git repository. One line each: local packages, files by
either rule, files that only one takes, and of the last commits how many contexts each rule makes anew (a service
counts once for each commit that touches its closure).
"""

import argparse
import os
import re
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from uv_workspace_function.context.rewritten_pyproject import member_definition, relevance_of
from uv_workspace_function.context.wanted import _BESIDE_COPIES, DEFINITIONS, barred
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

LICENCES = re.compile("LICEN[CS]E|COPYING|NOTICE|AUTHORS")
"""What most backends put into a wheel without a name."""


def git(folder: Path, *arguments: str) -> list[str]:
    """The answers of git, which it ends with a zero byte each."""
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return [line for line in done.stdout.split("\0") if line]


def simpler(workspace: Workspace, tracked: Collection[str], member: Member, others: Collection[str]) -> set[str]:
    """The files of a package by the simpler rule, relative to the root."""
    own = f"{member.folder}/" if member.folder.parts else ""
    closure = workspace.closure(member.name)
    # the definition without the tables that no build reads: what only pytest or a linter names is not named
    named = member_definition(member, closure, relevance_of(closure)) or ""
    for name in ("setup.cfg", "setup.py", "MANIFEST.in", "hatch.toml"):
        if (file := member.path / name).is_file():
            named += file.read_text(encoding="utf-8", errors="replace")
    foreign = tuple(f"{folder}/" for folder in others if folder != str(member.folder) and f"{folder}/".startswith(own))
    found = set()
    for path in tracked:
        if not path.startswith(own) or path.startswith(foreign):
            continue
        first, *rest = path.removeprefix(own).split("/")
        if any(barred(part) for part in (first, *rest)) or (not rest and first in DEFINITIONS):
            continue
        if _BESIDE_COPIES.fullmatch(first) and first not in named and not LICENCES.match(first):
            continue
        found.add(path)
    return found


def wheel(root: Path, member: Member, files: Mapping[str, bytes]) -> dict[str, int] | str:
    """The files of the wheel that a package's backend makes of some files, with their checksums; or why there is none."""
    with tempfile.TemporaryDirectory() as temporary:
        definition = str(member.folder / "pyproject.toml")
        for path, content in {**files, definition: (root / definition).read_bytes()}.items():
            target = Path(temporary, "sources", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        made = subprocess.run(
            ["uv", "build", "--wheel", "--no-sources", "--out-dir", f"{temporary}/made"],
            cwd=Path(temporary, "sources", member.folder),
            env={**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": "1.2.3", "UV_DYNAMIC_VERSIONING_BYPASS": "1.2.3"},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            return f"no wheel: {made.stderr.strip()[-300:]}"
        [file] = Path(temporary, "made").glob("*.whl")
        with zipfile.ZipFile(file) as archive:
            return {one.filename: one.CRC for one in archive.infolist() if not one.filename.endswith("/RECORD")}


def compare(root: Path, commits: int, *, wheels: bool) -> None:
    """Print the figures of one workspace."""
    workspace = Workspace.load(root)
    files = WorkspaceFiles.of(workspace)
    known = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    tracked = [path for path in known if (root / path).is_file()]
    today: dict[Member, dict[str, bytes]] = {}
    then: dict[Member, dict[str, bytes]] = {}
    built = [member for member in workspace.members if member.is_package]
    others = [str(member.folder) for member in workspace.members]
    for member in built:
        try:
            found = files.files(workspace, member).files
        except WorkspaceError as error:
            print(f"    {member.name}: {error}")
            continue
        today[member] = {path: file.content for path, file in found.items()}
        then[member] = {path: (root / path).read_bytes() for path in simpler(workspace, tracked, member, others)}
    more = {path for member in today for path in then[member].keys() - today[member].keys()}
    fewer = {path for member in today for path in today[member].keys() - then[member].keys()}
    edits = changes(root, commits)
    rebuilt_today = rebuilt_then = 0
    for member in today:
        closure = [one for one in workspace.closure(member.name).sources if one in today]
        of_today = {path for one in closure for path in today[one]}
        of_then = {path for one in closure for path in then[one]}
        rebuilt_today += sum(not of_today.isdisjoint(edit) for edit in edits)
        rebuilt_then += sum(not of_then.isdisjoint(edit) for edit in edits)
    sizes = [len({path for files in rule.values() for path in files}) for rule in (today, then)]
    print(
        f"{root.parent.name}/{root.name}: {len(today)} packages, {sizes[0]} files today, {sizes[1]} then (+{len(more)}, -{len(fewer)});"
        f" {len(edits)} commits make {rebuilt_today} contexts anew today, {rebuilt_then} then"
    )
    for sign, paths in (("+", more), ("-", fewer)):
        folders = Counter(str(PurePosixPath(*PurePosixPath(path).parts[:3]).parent) for path in paths)
        print(f"    {sign}", ", ".join(f"{folder} ({count})" for folder, count in folders.most_common(12)) or "none")
    for member in today if wheels else ():
        print(f"    {member.name}:", compared(*(wheel(root, member, rule[member]) for rule in (today, then))))


def compared(first: dict[str, int] | str, second: dict[str, int] | str) -> str:
    """Whether two wheels are equal, what they do not share, or why one was not built."""
    if isinstance(first, str) or isinstance(second, str):
        return "; ".join(str(one) for one in (first, second) if isinstance(one, str))
    return " ".join(sorted({name for name, _ in first.items() ^ second.items()})) or "equal wheels"


def changes(root: Path, commits: int) -> list[set[str]]:
    """The files that each of the last commits touched, relative to the root."""
    log = git(root, "log", f"-{commits}", "--no-merges", "--relative", "--name-only", "-z", "--format=%x01")
    edits: list[set[str]] = []
    for entry in log:
        if entry.startswith("\x01"):
            edits.append(set())
        if path := entry.lstrip("\x01\n"):
            edits[-1].add(path)
    return edits


def main() -> None:
    """Print the figures of each workspace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--commits", type=int, default=300)
    parser.add_argument("--wheels", action="store_true", help="build each package from both and compare")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        compare(folder.resolve(), arguments.commits, wheels=arguments.wheels)


if __name__ == "__main__":
    main()
