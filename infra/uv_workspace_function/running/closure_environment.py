"""An environment that holds one closure and nothing else, made by uv from the closure's build context.

Its packages are this machine's. So is its Python: the image's version where uv finds that one here, else what uv takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from uv_workspace_function.context import rewritten_pyproject
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.uv import has_python, sync
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.members import Member

_WHERE_TO_SIGN_IN = (
    "give the password where uv runs: UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD by the index's name, or a netrc file; one that stands in "
    "a URL is left out"
)


class InstallError(WorkspaceError):
    """A closure that uv could not install; the text is uv's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureEnvironment:
    """Where a closure is installed."""

    closure: Closure
    python: Path
    """The interpreter."""
    site: Path
    """The folder of its site-packages."""
    copied: tuple[Path, ...]
    """Where the modules of members that are not built lie; the image has them at the top of its task root."""
    context: Path
    """The folder of the build context that it was made from."""
    origin: Callable[[str], str]
    """Tells where a file of the context lies in the workspace."""

    @classmethod
    def make(cls, context: BuildContext, folder: Path, *, python: str, offline: bool) -> "ClosureEnvironment":
        """Install a closure, as an image's builder does but for this machine.

        Args:
            context: of the service.
            folder: where the context and the environment go; it is made when it is absent.
            python: the image's Python minor version.
            offline: whether packages have to be in uv's cache.

        Raises:
            InstallError: when uv cannot be run, or does not install it.
            WorkspaceError: when the context cannot be written.
        """
        closure = context.closure
        context.write(folder / "context")
        environment = folder / "environment"
        project = folder / "context" / closure.project.folder
        variables = {
            key: value
            for member in closure.sources
            for key, value in rewritten_pyproject.version_variables(member).items()
        }
        answer = sync(
            project,
            environment,
            *("--no-default-groups", "--no-editable", "--package", closure.service.name),
            *(option for extra in closure.extras for option in ("--extra", extra)),
            variables=variables,
            python=_choice_of_python(closure, python, project),
            offline=offline,
        )
        if answer is None:
            raise InstallError("uv could not be run")
        if answer.code:
            raise InstallError(answer.reason, _WHERE_TO_SIGN_IN if answer.wants_password else None)
        return cls(
            closure=closure,
            python=environment / "bin" / "python",
            site=next(environment.glob("lib*/python3*/site-packages")),
            copied=tuple(
                path
                for member in closure.local
                if not member.is_package
                for path in _modules(folder / "context", member)
            ),
            context=folder / "context",
            origin=context.origin,
        )

    @property
    def task_root(self) -> Path:
        """What stands for the image's `/var/task`: where the service's own modules lie."""
        service = self.closure.service
        return self.site if service.is_package else _modules(self.context, service)[0]

    def source(self, file: Path) -> PurePosixPath | None:
        """The file of the workspace that an installed one was made of, relative to the root; None for any other file."""
        if file.is_relative_to(self.context):
            return PurePosixPath(self.origin(file.relative_to(self.context).as_posix()))
        if not file.is_relative_to(self.site):
            return None
        inside = file.relative_to(self.site)
        for member in self.closure.local:
            for module in member.layout.modules:
                installed = Path(*module.name.split("."))
                if module.path.suffix == ".py" and inside == installed.with_suffix(".py"):
                    return member.folder / module.path
                if inside.is_relative_to(installed):
                    return member.folder / module.path / PurePosixPath(inside.relative_to(installed))
        return None


def _choice_of_python(closure: Closure, wanted: str, project: Path) -> str | None:
    """The image's Python, where the closure admits it and uv finds it on this machine."""
    try:
        closure.check_python(wanted)
    except WorkspaceError:
        return None
    return wanted if has_python(project, wanted) else None


def _modules(context: Path, member: Member) -> tuple[Path, ...]:
    """What is put on the path for a member that is copied: its staged `src`, and its own folder where that has modules, too."""
    folder = context / member.folder
    if not (folder / "src").is_dir():
        return (folder,)
    beside = member.layout.source_is_package and len(member.layout.modules) > 1
    return (folder / "src", folder) if beside else (folder / "src",)
