"""A copy of this repository, to deploy from and to change without touching the working tree."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud import stack
from local_cloud.state import PROJECT, LocalCloudError, run

# What the CDK CLI calls in Docker's place. BEFORE_DOCKER is how a test gets between the two; it calls the latter as $DOCKER.
_RECORDING_DOCKER = """\
#!/bin/sh
export DOCKER='{docker}'
[ -z "$BEFORE_DOCKER" ] || "$BEFORE_DOCKER" "$@" || exit
echo "$*" >> '{calls}'
exec "$DOCKER" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A copy of the repository, and the record of every docker command that the CDK CLI ran for it."""

    folder: Path
    calls_file: Path
    app: str = "python app.py"
    """The command that synthesizes the app, run in the copy."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of every command, beside those of this process."""

    @classmethod
    def copy_to(
        cls,
        folder: Path,
        *,
        app: str = "python app.py",
        docker: str = "docker",
        variables: Mapping[str, str] | None = None,
    ) -> "Checkout":
        """Copy what git would commit of the working tree to a folder that does not exist yet; `docker` is what the CDK CLI calls so."""
        listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=PROJECT)
        for name in filter(None, listed.split("\0")):
            if (PROJECT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, folder / name)
        calls = folder.with_name(f"{folder.name}-docker-calls")
        calls.touch()
        recording = folder.with_name(f"{folder.name}-docker")
        recording.write_text(_RECORDING_DOCKER.format(calls=calls, docker=docker))
        recording.chmod(0o755)
        # Node and the CDK CLI, from the locks.
        run(PROJECT / "scripts/with-tools", "true")
        return cls(folder=folder, calls_file=calls, app=app, variables=variables or {})

    @property
    def calls(self) -> list[list[str]]:
        """Every docker command so far, as its arguments."""
        return [line.split() for line in self.calls_file.read_text().splitlines()]

    def start_cdk(self, *arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the CDK CLI in the copy: this project's tools, the copy's code. A process group of its own, so that all of it can be killed."""
        tools = [str(PROJECT / "node_modules/.bin"), str(PROJECT / ".venv/bin"), os.environ["PATH"]]
        return subprocess.Popen(
            ["cdk", "--app", self.app, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": os.pathsep.join(tools),
                "PYTHONPATH": str(self.folder / "infra"),
                "CDK_DOCKER": str(self.folder.with_name(f"{self.folder.name}-docker")),
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "CDK_NOTICES": "false",
                "CI": "true",
                **self.variables,
                **(variables or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def cdk(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run the CDK CLI in the copy; returns what it printed.

        Raises `LocalCloudError` with the end of what it printed where it fails.
        """
        process = self.start_cdk(*arguments, variables=variables)
        output, _ = process.communicate()
        if process.returncode:
            raise LocalCloudError(f"cdk {arguments[0]} failed:\n{stack.last_lines(output, 40)}")
        return output

    def deploy(self, *options: str) -> list[list[str]]:
        """Deploy the stack; returns the docker commands that this took."""
        before = len(self.calls)
        self.cdk("deploy", stack.STACK, "--require-approval", "never", *options)
        return self.calls[before:]

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file of the copy has once."""
        file = self.folder / path
        text = file.read_text()
        if text.count(old) != 1:
            raise LocalCloudError(f"{path} has {old!r} {text.count(old)} times, not once")
        file.write_text(text.replace(old, new))

    def append(self, path: str, line: str) -> None:
        """Add a line to a file of the copy."""
        with (self.folder / path).open("a") as file:
            file.write(f"{line}\n")

    def remove_last_line(self, path: str) -> None:
        """Remove the last line of a file of the copy."""
        file = self.folder / path
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))

    def remove_images(self) -> None:
        """Remove from the engine every name that the CDK CLI gave an image."""
        names = {name for call in self.calls if call[0] == "tag" for name in call[1:3]}
        if names:
            subprocess.run(["docker", "image", "rm", "--force", *sorted(names)], check=False, capture_output=True)
