"""Programs that a member's build runs, and what of theirs a build context may lack: a note, since only a build shows what they do."""

import re
from collections.abc import Iterator
from pathlib import Path

from uv_workspace_function.boundary import read_file
from uv_workspace_function.context.rewritten_pyproject import DROPPED_TOOLS
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.gate.findings import Outcome
from uv_workspace_function.gate.imports.files import build_programs
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.workspace.members import Member

_ABOVE = re.compile(r"""\.\./|\bpardir\b|\.parents\[[1-9]|\.parent\.parent\b|["']\.\.["']""")
_QUOTED = re.compile(r"""["']([A-Za-z0-9_.-]+)["']""")


def check_build_programs(scope: Scope) -> Outcome:
    """Read the programs that build the local packages of each service: `setup.py`, and hooks of hatchling, pdm and poetry."""
    closures, _ = scope.closures()
    members = {member.name: member for closure in closures for member in closure.sources}
    return Outcome(notes=tuple(note for name in sorted(members) for note in _notes(members[name])))


def _notes(member: Member) -> Iterator[str]:
    for program in sorted(build_programs(member)):
        path = member.path / program
        if not path.is_file():
            continue
        try:
            text = read_file(path).decode(errors="replace")
        except OSError:  # what keeps a file from being read is a finding of its own
            continue
        where = f"{member.folder / program} runs when {member.name} is built"
        if (
            member.folder.parts
            and _ABOVE.search(text)
            and not any(".." in Path(p).parts for p in member.settings.include)
        ):
            yield (
                f"{where}, and may read files above {member.folder}: a build context has them only if `include` in [tool.{OUR_TABLE}] "
                "names them"
            )
        quoted = set(_QUOTED.findall(text)) if PYPROJECT in text else set()
        if "tool" in quoted and (lost := sorted(quoted & DROPPED_TOOLS)):
            tables = " and ".join(f"[tool.{tool}]" for tool in lost)
            yield f"{where}, and may read {tables} of {PYPROJECT}: no build context has that; keep what a build reads in a table of its own"
