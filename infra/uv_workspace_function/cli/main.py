"""The `services` command, which goes by the distribution's name, too.

Exit codes: 0 done, 1 something was found, 2 the request could not be carried out, 70 a fault of this program, 128 + N ended by signal N.
"""

import importlib
import os
from typing import Any

import click

from uv_workspace_function.cli import faults
from uv_workspace_function.cli.output import say, whole_output
from uv_workspace_function.processes.signals import Ended, ending_with_signals

# A command's help line stands here so that `services --help` loads none of them.
COMMANDS = {
    "affected": "List the services that a change makes you deploy, or test.",
    "build": "Build images and zip archives without a container engine (experimental).",
    "check": "Find, before production, what a shared virtual environment hides.",
    "graph": "Draw the services, their libraries, and who uses whom.",
    "invoke": "Call a service's handler with an event, directly or in its image.",
    "list": "List the services and libraries of the workspace.",
    "new": "Scaffold a service: folder, handler, test and sample event.",
    "prune": "Write the build context of a service.",
    "size": "Show what takes up space in an image, before a build and after.",
    "who": "List the services that hold a package, and what brings it in.",
    "why": "Show what changed in the build context of a service.",
}

# What other programs run; no help lists them.
HIDDEN = ("zip-asset",)


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's signature
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        module = importlib.import_module(f"uv_workspace_function.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line, and lose nothing of what it prints."""
        _forget_relative_folders()
        with whole_output():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn what is wrong with a workspace into one line and exit code 2, and a signal into the exit code that shells have."""
        try:
            with ending_with_signals():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, Ended) as error:  # noqa: BLE001 whatever it is, it is no finding
            lines, code = faults.told(error)
            say(*lines, err=True)
            ctx.exit(code)


def _forget_relative_folders() -> None:
    """Unset what counts as unset, for every library that would take it for a folder below this one.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/.
    """
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        if not os.path.isabs(os.environ.get(name, "/")):  # noqa: PTH117
            del os.environ[name]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="uv-workspace-function")
def main() -> None:
    """Work with the services of a uv workspace.

    \b
    Example:
      services list
    """
