"""The local cloud's commands: `python -m local_cloud COMMAND`."""

import argparse
import sys

from local_cloud import emulator, engine, own_emulator, python, tour
from local_cloud.state import LocalCloudError, locked, warn


def main() -> int:
    """Run one command; returns the exit code: 0 done, 1 not done, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description="A local cloud for this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wipe = argparse.ArgumentParser(add_help=False)
    wipe.add_argument("--wipe", action="store_true", help="delete what is kept for the next start, too")
    name = argparse.ArgumentParser(add_help=False)
    name.add_argument("name", nargs="?", default="default", metavar="NAME")
    commands.add_parser("up", help="what `make local` shows: engine, emulator, deploy, events in, one event back")
    commands.add_parser("down", parents=[wipe], help="end all of it")
    commands.add_parser("engine-up", help="have a container engine with the base images")
    commands.add_parser("engine-down", parents=[wipe], help="end the one that was brought along")
    commands.add_parser(
        "python-up", help="have a Python 3.14 on this machine, of an engine's stand-in where uv finds none"
    )
    commands.add_parser("aws-up", parents=[name], help="start an emulator of AWS, empty")
    commands.add_parser("aws-down", parents=[name], help="end it")
    command = commands.add_parser("run", help="run a command with the engine that answers and an emulator of its own")
    command.add_argument("line", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    asked = parser.parse_args()
    try:
        if asked.command == "run":
            return own_emulator.run(asked.line or parser.error("run: name the command to run"))
        with locked():
            match asked.command:
                case "up":
                    tour.up()
                case "down":
                    tour.down(wipe=asked.wipe)
                case "engine-up":
                    engine.up()
                case "engine-down":
                    engine.down(wipe=asked.wipe)
                case "python-up":
                    python.up()
                case "aws-up":
                    emulator.up(asked.name)
                case "aws-down":
                    emulator.down(asked.name)
    except LocalCloudError as error:
        warn(str(error))
        return 1
    except KeyboardInterrupt:
        warn("interrupted; `make local-down` ends what was started")
        return 130
    return 0


sys.exit(main())
