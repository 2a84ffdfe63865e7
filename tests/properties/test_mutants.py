"""The property tests can fail: each seeded mistake in the cutter breaks a law on some generated workspace."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from properties.runs import laws_1_and_2, laws_3_and_4
from properties.test_laws import CHANGES
from uv_workspace_function.context import build_context, rewritten_pyproject
from uv_workspace_function.context import files as sources
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace import carried_settings, lock_text, selection
from uv_workspace_function.workspace import lock as lockfile
from uv_workspace_function.workspace.markers import fold_conflicts

Patch = pytest.MonkeyPatch
_package, _edge, _step, _select, _text = (
    lockfile.LockedPackage.from_dict,
    lockfile.Edge.from_dict,
    lock_text._step,
    selection.select,
    lock_text.cut_down,
)


def an_edge_dropped(patch: Patch) -> None:
    def package(entry: dict[str, Any]) -> lockfile.LockedPackage:
        made = _package(entry)
        return replace(made, dependencies=made.dependencies[:-1])

    patch.setattr(lockfile.LockedPackage, "from_dict", package)


def an_edge_of_an_extra_dropped(patch: Patch) -> None:
    def package(entry: dict[str, Any]) -> lockfile.LockedPackage:
        made = _package(entry)
        return replace(made, optional={extra: edges[:-1] for extra, edges in made.optional.items()})

    patch.setattr(lockfile.LockedPackage, "from_dict", package)


def an_extra_ignored(patch: Patch) -> None:
    patch.setattr(lockfile.Edge, "from_dict", lambda entry: replace(_edge(entry), extras=()))


def the_services_extras_ignored(patch: Patch) -> None:
    patch.setattr("uv_workspace_function.workspace.workspace.select", lambda lock, name, extras=(): _select(lock, name))


def a_development_group_kept(patch: Patch) -> None:
    def package(entry: dict[str, Any]) -> lockfile.LockedPackage:
        groups = [edge for edges in entry.get("dev-dependencies", {}).values() for edge in edges]
        return _package({**entry, "dependencies": [*entry.get("dependencies", ()), *groups]})

    patch.setattr(lockfile.LockedPackage, "from_dict", package)


def a_fork_kept(patch: Patch) -> None:
    """Every fork's edges are followed, whichever one the service is in."""
    patch.setattr(selection, "fold_conflicts", lambda marker, active: fold_conflicts(marker, active) or True)


def a_fork_kept_as_it_is_written(patch: Patch) -> None:
    patch.setattr(selection, "fold_conflicts", lambda marker, active: True if marker is None else marker)


def a_fork_lost(patch: Patch) -> None:
    """The project itself counts as no fork's choice."""
    patch.setattr(selection, "fold_conflicts", lambda marker, active: fold_conflicts(marker, lambda atom: False))


def a_marker_dropped(patch: Patch) -> None:
    patch.setattr(lockfile.Edge, "from_dict", lambda entry: replace(_edge(entry), marker=None))


def a_version_dropped(patch: Patch) -> None:
    """An edge to a package of several versions does not say which."""
    patch.setattr(lock_text, "_step", lambda step, ambiguous: _step(step, set()))


def a_limit_to_environments_dropped(patch: Patch) -> None:
    def text(self: selection.Selection, *, builders: Collection[str] = ()) -> str:
        return _text(replace(self, lock=replace(self.lock, supported_markers=())), builders=builders)

    patch.setattr("uv_workspace_function.context.build_context.cut_down", text)


def the_locks_python_kept(patch: Patch) -> None:
    def text(self: selection.Selection, *, builders: Collection[str] = ()) -> str:
        return _text(self, builders=builders).replace('">=3"', f'"{self.lock.requires_python}"')

    patch.setattr("uv_workspace_function.context.build_context.cut_down", text)


def another_members_name_kept(patch: Patch) -> None:
    def text(self: selection.Selection, *, builders: Collection[str] = ()) -> str:
        return _text(self, builders=builders) + f"# {self.lock.manifest.members}\n"

    patch.setattr("uv_workspace_function.context.build_context.cut_down", text)


def another_packages_constraint_kept(patch: Patch) -> None:
    choices = {key: choice for key, choice in carried_settings._CHOICES.items() if key != "constraint-dependencies"}
    patch.setattr(carried_settings, "_CHOICES", choices)


def a_comment_kept(patch: Patch) -> None:
    """A member's definition enters as it is written."""
    patch.setattr(
        rewritten_pyproject,
        "member_definition",
        lambda member, closure, relevance: (member.path / "pyproject.toml").read_text(),
    )


def files_of_tests_kept(patch: Patch) -> None:
    of = sources.package_files

    def package_files(repository: Any, member: Any, others: Any) -> sources.PackageFiles:
        found = of(repository, member, others)
        tests = sorted((member.path / "tests").glob("*"))
        kept = {f"{member.folder}/tests/{path.name}": ContextFile.of(path.read_bytes()) for path in tests}
        return replace(found, files={**found.files, **kept})

    patch.setattr("uv_workspace_function.context.workspace_files.package_files", package_files)


def contents_not_hashed(patch: Patch) -> None:
    patch.setattr(build_context.BuildContext, "digest", property(lambda self: ",".join(self.files)))


def modes_not_hashed(patch: Patch) -> None:
    patch.setattr(
        build_context.BuildContext,
        "digest",
        property(lambda self: ",".join(f"{path} {file.sha256}" for path, file in self.files.items())),
    )


def data_files_left_out(patch: Patch) -> None:
    of = sources.package_files

    def package_files(*arguments: Any) -> sources.PackageFiles:
        found = of(*arguments)
        return replace(found, files={path: file for path, file in found.files.items() if not path.endswith(".json")})

    patch.setattr("uv_workspace_function.context.workspace_files.package_files", package_files)


MUTANTS = [
    (laws_1_and_2, an_edge_dropped),
    (laws_1_and_2, an_edge_of_an_extra_dropped),
    (laws_1_and_2, an_extra_ignored),
    (laws_1_and_2, the_services_extras_ignored),
    (laws_1_and_2, a_development_group_kept),
    (laws_1_and_2, a_fork_kept),
    (laws_1_and_2, a_fork_kept_as_it_is_written),
    (laws_1_and_2, a_fork_lost),
    (laws_1_and_2, a_marker_dropped),
    (laws_1_and_2, a_version_dropped),
    (laws_1_and_2, a_limit_to_environments_dropped),
    (laws_3_and_4, the_locks_python_kept),
    (laws_3_and_4, another_members_name_kept),
    (laws_3_and_4, another_packages_constraint_kept),
    (laws_3_and_4, a_comment_kept),
    (laws_3_and_4, files_of_tests_kept),
    (laws_3_and_4, contents_not_hashed),
    (laws_3_and_4, modes_not_hashed),
    (laws_3_and_4, data_files_left_out),
]


@pytest.mark.parametrize(("law", "mutant"), MUTANTS, ids=lambda value: value.__name__)
def test_a_seeded_mistake_is_caught(
    law: Callable[[int, "Counter[str]"], None], mutant: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    """The law fails under the mistake, on the same workspaces on which `test_laws` says that it holds."""
    mutant(monkeypatch)
    with pytest.raises((AssertionError, WorkspaceError)):
        law(CHANGES, Counter())
