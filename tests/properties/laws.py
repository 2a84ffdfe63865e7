"""The laws as claims on one generated workspace; each raises AssertionError where it is broken."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import reject
from properties import oracle
from properties.changes import Edit
from properties.workspaces import Description
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import installed
from uv_workspace_function.workspace.workspace import Workspace

TARGET = Target()


@dataclass(frozen=True)
class Case:
    """A workspace on disk, locked by uv."""

    description: Description
    root: Path

    @cached_property
    def context(self) -> BuildContext:
        """The build context of the package that is looked at: the code under test."""
        description = self.description
        return BuildContext.of(Workspace.load(self.root), description.service, extras=description.extras)

    @cached_property
    def exported(self) -> str:
        """What uv exports of that package, byte for byte."""
        return self.export(self.root)

    def export(self, root: Path) -> str:
        """The same elsewhere.

        Under `conflicts` without the comments on who needs what: there uv also names packages of other forks.
        """
        description = self.description
        annotated = "conflicts" not in description.settings
        return oracle.export(root / description.project, description.service, description.extras, annotated=annotated)

    @property
    def locked(self) -> tuple[str, object]:
        """Everything that uv says of the closure's packages."""
        names = {name for name, *_ in oracle.third_party(self.exported)}
        return self.exported, oracle.edge_markers(self.root / self.description.project / "uv.lock", names)


def _nothing(root: Path) -> None:
    pass


@contextmanager
def written(
    description: Description, *, also: Callable[[Path], None] = _nothing, lock_of: Path | None = None
) -> Iterator[Case]:
    """The workspace on disk, `also` done to it, locked by uv; `lock_of` has the locks it had before."""
    with TemporaryDirectory(prefix="workspace-") as folder:
        root = Path(folder) / "repository"
        description.write(root)
        also(root)
        projects = [description.standalone.folder] if description.standalone else []
        for project in (".", *projects):
            if lock_of and (lock_of / project / "uv.lock").exists():
                shutil.copyfile(lock_of / project / "uv.lock", root / project / "uv.lock")
        if not oracle.lock(root, *projects):
            reject()
        yield Case(description, root)


def check_same_lock(case: Case) -> None:
    """Law 2: uv exports the same from the context as from the workspace."""
    context = case.root.parent / "context"
    case.context.write(context)
    assert case.export(context) == case.exported


def check_same_tree(case: Case) -> int:
    """Law 2: an install from the context, which is written, gives the same files as one from the workspace.

    The number of files is returned: a virtual member that needs nothing installs none.
    """
    of = case.description
    trees = [
        oracle.tree(folder / of.project, of.service, of.extras) for folder in (case.root, case.root.parent / "context")
    ]
    assert trees[0] == trees[1]
    return len(trees[0])


def check_selective(case: Case) -> None:
    """Law 1: what uv installs on the target, and the local packages of uv's export; of others nothing."""
    selection = case.context.closure.selection
    third_party = {(p.name, p.version) for p in installed(selection, TARGET) if p.folder is None}
    assert third_party == oracle.installed_on(case.exported, TARGET.environment)
    needed = case.description.needed()
    assert {member.folder.as_posix() for member in case.context.closure.local} == {package.folder for package in needed}
    # uv leaves a virtual package out of its export, and what no environment reaches
    folders = {(case.root / case.description.project / folder).resolve() for folder in oracle.local(case.exported)}
    assert folders <= {(case.root / package.folder).resolve() for package in needed}
    others = [package.folder for package in case.description.packages if package not in needed]
    assert [path for path in case.context.files if any(path.startswith(f"{folder}/") for folder in others)] == []


def check_change(case: Case, edit: Edit, *, related: bool) -> bool:
    """Laws 3 and 4: an edit changes the digest when it is related, and only then.

    The exception of law 3 is known by uv's export and lock: an edit elsewhere can make uv lock other versions or markers
    for the closure. False is returned then, and nothing was held.
    """
    after, also = edit
    with written(after, also=also, lock_of=case.root) as other:
        if related:
            assert case.context.digest != other.context.digest
            return True
        if case.locked != other.locked:
            return False
        assert case.context.digest == other.context.digest
        return True
