"""Packages whose build would find no module (UWF018)."""

from collections.abc import Iterator
from pathlib import Path

from uv_workspace_function.gate.findings import Finding
from uv_workspace_function.gate.imports.files import build_programs, files_beside
from uv_workspace_function.gate.imports.known_packages import definition_of
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.workspace.members import Member


def package_without_module(of: MemberImports) -> Iterator[Finding]:
    """A package whose build would find nothing to put into a wheel (UWF018)."""
    member = of.member
    if not member.is_package or member.layout.modules or not member.layout.complete or not _wants_module(member):
        return
    nothing = f"; it has no code, so package = false in [tool.uv] of {definition_of(member)} will do"
    yield Finding(
        code="UWF018",
        file=definition_of(member),
        line=1,
        member=member.name,
        problem=f"the build of {member.name} finds no module to install",
        remedy="put the code where its build backend looks for it, or say where it is in the backend's table"
        + ("" if _has_code(member) else nothing),
        subject=member.name,
    )


def _has_code(member: Member) -> bool:
    """Whether a Python file of its own lies in the member's folder that a build could install."""
    programs = build_programs(member)
    return any(path.relative_to(member.path) not in map(Path, programs) for path in files_beside(member))


_NEEDS_MODULE = ("uv_build", "hatchling.build", "flit_core.buildapi", "poetry.core.masonry.api")


def _wants_module(member: Member) -> bool:
    """Whether the member's build fails, or goes wrong, without a module: some backends make empty wheels on purpose."""
    bypass = member.pyproject.tool("hatch", "build", "targets", "wheel").get("bypass-selection", False)
    return member.pyproject.build_system.build_backend in _NEEDS_MODULE and not bypass
