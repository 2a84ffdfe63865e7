"""Sources that do not parse on the target's Python (UWF006)."""

from uv_workspace_function.gate.findings import Finding
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.known_packages import ReadFile
from uv_workspace_function.gate.imports.member import MemberImports


def unparsed_source(of: MemberImports, read: ReadFile) -> list[Finding] | None:
    """What to say of a file that does not parse; None where it does, nothing where a newer Python may read it."""
    unparsed = read.facts.unparsed
    if unparsed is None:
        return None
    if not unparsed.certain or (read.file.role is Role.DEVELOPMENT and not read.file.is_test):
        return []
    return [
        Finding(
            code="UWF006",
            file=read.file.path,
            line=unparsed.line or 1,
            member=of.member.name,
            problem=f"it does not parse on Python {of.scope.target.python}: {unparsed.reason}",
            remedy="correct it, or move it out of the package if it does not belong there",
            subject=read.file.path,
        )
    ]
