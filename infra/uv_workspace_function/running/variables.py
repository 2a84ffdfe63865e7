"""The variables that `--env` asks for."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from uv_workspace_function.errors import WorkspaceError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_*]*")


def asked_variables(asked: Iterable[str], shell: Mapping[str, str]) -> dict[str, str]:
    """The variables by name.

    Args:
        asked: each `NAME=VALUE`; or `NAME`, whose value is the shell's; or a pattern such as `AWS_*`, which takes what matches.
        shell: the variables there are.

    Raises:
        WorkspaceError: when one has no name that a variable can have, or the shell has no such variable.
    """
    found: dict[str, str] = {}
    for text in asked:
        name, equals, value = text.partition("=")
        if equals and _NAME.fullmatch(name):
            found[name] = value
        elif not equals and "*" in name and _PATTERN.fullmatch(name):
            matching = {key: shell[key] for key in shell if fnmatchcase(key, name)}
            if not matching:
                raise WorkspaceError(
                    f"no variable of this shell matches {name}", f"set one, or leave out --env '{name}'"
                )
            found |= matching
        elif not equals and _NAME.fullmatch(name):
            if name not in shell:
                raise WorkspaceError(f"this shell has no variable {name}", f"give its value as --env {name}=VALUE")
            found[name] = shell[name]
        else:
            raise WorkspaceError(
                f"--env takes NAME=VALUE, NAME or a pattern such as 'AWS_*', not {text!r}",
                "a name has letters, digits and '_', and does not begin with a digit",
            )
    return found
