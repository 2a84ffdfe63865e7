"""The options that say what the images of a command run on."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from uv_workspace_function.target.target import Machine, Target

_MACHINES: dict[str, Machine] = {"arm64": "aarch64", "x86_64": "x86_64"}


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--architecture` and `--python` to a command, which gets them as `target`."""

    @wraps(command)
    def with_target(*args: Any, architecture: str, python: str, **kwargs: Any) -> None:
        command(*args, target=Target.of(python=python, machine=_MACHINES[architecture]), **kwargs)

    architecture = click.option(
        "--architecture",
        type=click.Choice(list(_MACHINES)),
        default="arm64",
        show_default=True,
        help="The functions' processor.",
    )
    python = click.option(
        "--python", metavar="3.N", default="3.14", show_default=True, help="The functions' Python minor version."
    )
    return architecture(python(with_target))
