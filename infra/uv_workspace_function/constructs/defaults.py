"""What a workspace's functions have in common, said once for a part of the construct tree."""

from typing import Any, Self, Unpack
from weakref import WeakKeyDictionary, WeakSet

from constructs import Construct, IConstruct

from uv_workspace_function.constructs.function_options import DefaultOptions
from uv_workspace_function.constructs.option_checks import BUILD_OPTIONS, check_options, checked
from uv_workspace_function.errors import WorkspaceError

_SET: WeakKeyDictionary[IConstruct, dict[str, Any]] = WeakKeyDictionary()
_READ: WeakSet[IConstruct] = WeakSet()
# One value of each of these can be of one function only.
_OF_ONE_FUNCTION = ("function_name", "log_group_name")


class FunctionDefaults:
    """What every function of ours below a construct has, unless it is made with something else.

    The nearest value counts: the function's own, then that of the construct around it, and so on up to the app. Of `environment`,
    `image` and `archive` each entry counts for itself. `UvWorkspaceImage` takes `image` and `architecture`, `UvWorkspaceZipFunction` all
    but what is of images.

    Example:
        Once, in the app::

            FunctionDefaults.of(app).set(
                memory_size=512,
                timeout=cdk.Duration.seconds(30),
                log_retention=logs.RetentionDays.THREE_MONTHS,
                environment={"STAGE": "production"},
                image=ImageOptions(python_version="3.13"),
            )
    """

    def __init__(self, scope: IConstruct) -> None:
        self._scope = scope

    @classmethod
    def of(cls, scope: IConstruct) -> Self:
        """The defaults below a construct: an app, a stage, a stack or any other."""
        return cls(scope)

    def set(self, **options: Unpack[DefaultOptions]) -> None:
        """Set defaults; those that are set already stay, where they are not named again.

        Raises:
            WorkspaceError: when a function that they are for was made before, or one can't be a default.
            TypeError: when a function takes no such option.
        """
        for option in _OF_ONE_FUNCTION:
            if option in options:
                raise WorkspaceError(
                    f"{option}= can be no default, since it names one function's", f"give {option}= to the function"
                )
        asked = checked(dict(options))
        check_options({name: value for name, value in asked.items() if name != "archive"})
        if self._scope in _READ:
            raise WorkspaceError(
                f"defaults of {self._scope.node.path or 'the app'} come too late for a function or an image that is made",
                "set them before the first one",
            )
        _SET[self._scope] = merged(asked, _SET.get(self._scope, {}))


def with_defaults(scope: Construct, options: dict[str, Any]) -> dict[str, Any]:
    """Options with the defaults for what they leave out.

    Args:
        scope: what the function is to be a part of.
        options: what it is made with.
    """
    for each in reversed(scope.node.scopes):
        _READ.add(each)
        options = merged(options, _SET.get(each, {}))
    return options


def merged(options: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """Options, and those of a base for what they leave out or have None for."""
    found = base | {name: value for name, value in options.items() if value is not None}
    if base.get("environment") and options.get("environment"):
        found["environment"] = {**base["environment"], **options["environment"]}
    for name, kind in BUILD_OPTIONS.items():
        own, default = options.get(name), base.get(name)
        if isinstance(own, kind) and isinstance(default, kind):
            found[name] = own.over(default)
    return found
