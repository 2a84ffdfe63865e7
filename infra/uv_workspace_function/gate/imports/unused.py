"""Dependencies that nothing imports (UWF005)."""

import re
from collections.abc import Iterator

from uv_workspace_function.definitions.pyproject import PYPROJECT, requirement_name
from uv_workspace_function.gate.findings import Finding
from uv_workspace_function.gate.imports.files import Role
from uv_workspace_function.gate.imports.installed import InstalledDistribution
from uv_workspace_function.gate.imports.known_packages import (
    definition_of,
)
from uv_workspace_function.gate.imports.member import MemberImports
from uv_workspace_function.gate.imports.mentions import mentioned
from uv_workspace_function.gate.lines import requirement_line
from uv_workspace_function.workspace.members import Member


def unused_dependencies(of: MemberImports) -> tuple[list[Finding], list[str]]:
    """Dependencies that nothing imports (UWF005), and those whose modules are unknown."""
    if of.member.name in of.known.graph.bare or not any(read.file.role is Role.CODE for read in of.files):
        return [], []
    findings, unknown = [], []
    words = frozenset[str]().union(*(read.facts.words for read in of.files))
    for name, requirement in of.declared.dependencies.items():
        if name in of.used or name == of.member.name or name in of.declared.elsewhere:
            continue
        if of.known.is_missing(name) and name not in of.known.local:
            unknown.append(name)
        elif _is_idle(of, name, words) and name not in of.used_beside:
            if strangers := _strangers(of, name):
                unknown += strangers
                continue
            path = of.member.path / PYPROJECT
            findings.append(
                Finding(
                    code="UWF005",
                    file=definition_of(of.member),
                    line=requirement_line(path, requirement),
                    member=of.member.name,
                    problem=f"{of.member.name} depends on {name}, but nothing in it imports {name}",
                    remedy=(
                        f"remove it: {of.add_command(name, development=False).replace('uv add', 'uv remove')}, or say why it stays in "
                        "[tool.uv-workspace-function.check.allow.UWF005]"
                    ),
                    subject=name,
                )
            )
    return findings, unknown


_READ_AS_DATA = frozenset({"tzdata"})
"""Packages that the standard library reads files of, here `zoneinfo`: nobody imports them (PEP 615)."""


def _is_idle(of: MemberImports, name: str, words: frozenset[str]) -> bool:
    """Whether a dependency that no import leads to is of no other use that can be seen."""
    if name.startswith("types-") or name.endswith("-stubs") or name in _READ_AS_DATA or name in of.known.graph.bare:
        return False
    local = of.known.local.get(name)
    if local is not None:
        is_root = of.member.folder == of.known.project.folder
        is_in_images = of.member in of.scope.workspace.services or of.member.name in of.known.graph.needed
        # it gathers the members so that one `uv sync` installs them, be it made by `uv init --package`
        aggregates = is_root and not (of.member.is_package and is_in_images)
        is_plugin = bool(local.pyproject.metadata.entry_points)
        tops = {module.name for module in local.layout.modules}
        is_wanted = _is_wanted_by_others(of, name)
        is_part = all(top.startswith(f"{of.member.name.replace('-', '_')}.") for top in tops)
        commands = local.pyproject.metadata.scripts
        is_run = bool(commands) and mentioned(of.member, commands)
        return bool(tops) and not (aggregates or is_plugin or is_wanted or is_part or is_run or tops & words)
    distribution = of.known.distribution(name)
    if distribution is None:
        return False
    tops = {module for module in distribution.modules if "." not in module and not module.endswith("-stubs")}
    if not tops or _is_plugin(of, distribution) or _is_wanted_by_others(of, name):
        return False
    named = {name, name.replace("-", "_"), *tops, *distribution.scripts}
    is_named = words & named or mentioned(of.member, named)
    return not is_named


def _strangers(of: MemberImports, name: str) -> list[str]:
    """Packages of the closure without metadata here, any of which may be what needs the dependency."""
    local = of.known.local
    others = of.declared.closure - of.declared.elsewhere - {name, of.member.name}
    return sorted(other for other in others if other not in local and of.known.distribution(other) is None)


def _is_plugin(of: MemberImports, distribution: InstalledDistribution) -> bool:
    """Whether another package of the member's closure finds it by its entry points."""
    closure = of.declared.closure | of.declared.development_closure
    for group in distribution.plugin_groups:
        host = re.split(r"[._:]|\d", group, maxsplit=1)[0].lower()
        if any(name != distribution.name and (name == host or name.startswith(f"{host}-")) for name in closure):
            return True
    return False


def _is_wanted_by_others(of: MemberImports, name: str) -> bool:
    """Whether another package of the closure can make use of it: a driver, an optional part, a version that is held."""
    others = of.declared.closure - {name, of.member.name}
    return any(
        name in distribution.requires for other in others if (distribution := of.known.distribution(other)) is not None
    ) or any(
        name in _offered(local) or name in of.known.forgotten_by(local)
        for other in others
        if (local := of.known.local.get(other)) is not None
    )


def _offered(member: Member) -> Iterator[str | None]:
    """What the extras of a local package name."""
    for requirements in member.pyproject.metadata.optional_dependencies.values():
        yield from map(requirement_name, requirements)
