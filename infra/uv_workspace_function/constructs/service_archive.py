"""The zip archive of one service as a CDK asset: a file that the CDK CLI has made when it publishes, by a program that it starts."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from uv_workspace_function.constructs.asset_folder import asset_stack, locked_assembly
from uv_workspace_function.constructs.context_warnings import warn_of_context
from uv_workspace_function.constructs.zip_options import ZipOptions
from uv_workspace_function.context.arguments import AskedBuild
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.dockerfile import secret_file
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target import managed_runtime
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

CONTEXTS = "zip-functions"
"""The folder of build contexts in a cloud assembly. Its name has no dot: what hands an assembly to another job may leave hidden files."""

# Which Python has the program is known when it runs: that of the synth, seen from the same folder, else whichever PATH has.
_RUN = (
    'if "$0" -P -c "import uv_workspace_function" 2>/dev/null; then exec "$0" -P -c "from uv_workspace_function.cli.main import main; main()" "$@"; fi; '
    'if command -v uv-workspace-function >/dev/null; then exec uv-workspace-function "$@"; fi; '
    "echo \"error: what makes the archive is neither in $0 nor on PATH; install 'uv-workspace-function[oci]=={version}' where assets are "
    'published (docs/zip-functions.md)" >&2; exit 2'
)
_OF_OCI = ("deflate", "platformdirs")
# By stack, then by hash: the first function of equal archives, and the secrets of their build.
_PUBLISHED: WeakKeyDictionary[cdk.Stack, dict[str, tuple[str, Mapping[str, str]]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServiceArchive:
    """The archive of a service before it is an asset: its build context, and what it is built with."""

    context: BuildContext
    target: Target
    runtime: str
    """Lambda's name of it."""
    arguments: Mapping[str, str]
    """Of the build."""
    left_out: tuple[str, ...]
    """Packages that the runtime has."""
    secrets: Mapping[str, str]
    """Files, by the secret's id."""
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, *, workspace: Workspace, service: str, options: ZipOptions, architecture: lambda_.Architecture) -> Self:
        """Check what is asked, and gather the build context.

        Args:
            workspace: the workspace.
            service: the service's package name, in any spelling.
            options: how it is built.
            architecture: the processor it is for.

        Raises:
            WorkspaceError: when there is no such service, no archive of it could be built, or Lambda would not take it.
        """
        target = options.target(architecture)
        runtime = managed_runtime.runtime(target, known=_known_to_the_cdk())
        context = BuildContext.of(workspace, service, extras=options.extras or ())
        asked = AskedBuild(
            target=target,
            build_from_source=options.build_from_source,
            secrets=options.build_secrets,
            include_bytecode=options.include_bytecode is not False,
        )
        arguments = asked.arguments(context, images={}, mirrors={})
        selection, runtime_sdk = context.closure.selection, bool(options.runtime_sdk)
        left_out, warnings = managed_runtime.left_out(selection, target, runtime_sdk=runtime_sdk)
        return cls(
            context=context,
            target=target,
            runtime=runtime,
            arguments=arguments,
            left_out=left_out,
            secrets=_files(options.build_secrets or {}),
            warnings=warnings,
        )

    @property
    def digest(self) -> str:
        """Of all that decides the archive's bytes."""
        decisive = [self.context.digest, self.arguments, self.target.docker_platform, self.left_out]
        text = json.dumps([*decisive, managed_runtime.ARCHIVE_FORMAT], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def publish(self, scope: Construct, construct_id: str) -> cdk.FileAssetLocation:
        """Write the build context into the cloud assembly, and have the archive made of it when the stack is published; where it will be.

        Args:
            scope: what the function is a part of.
            construct_id: the function's id there.

        Raises:
            WorkspaceError: when the scope is in no app, the context cannot be written, or another function has the same archive made with
                other secrets.
        """
        name = f"{CONTEXTS}/{self.context.service.name}-{self.context.digest[:12]}"
        self._refuse_another_build(scope, construct_id)
        with locked_assembly(scope) as assembly:
            self.context.stage(assembly / name)
        return cdk.Stack.of(scope).synthesizer.add_file_asset(
            source_hash=self.digest, executable=self._command(assembly, name)
        )

    def _refuse_another_build(self, scope: Construct, construct_id: str) -> None:
        """A stack has equal archives once: what the others say of secrets would be lost."""
        stack = asset_stack(scope)
        path = "/".join(filter(None, (scope.node.path, construct_id)))
        first, secrets = _PUBLISHED.setdefault(stack, {}).setdefault(self.digest, (path, self.secrets))
        if secrets != self.secrets:
            raise WorkspaceError(
                f"{first} and {path} are the same archive of {self.context.service.name!r}, which is built once, but differ in "
                "build_secrets",
                "give both the same, for example by one value of ZipOptions",
            )

    def made(self, construct: Construct) -> None:
        """Warn of what may be wrong."""
        warn_of_context(construct, self.context)
        annotations = cdk.Annotations.of(construct)
        for warning in self.warnings:
            annotations.add_warning_v2("uv-workspace-function:archive", warning)
        if missing := [name for name in _OF_OCI if find_spec(name) is None]:
            annotations.add_warning_v2(
                "uv-workspace-function:no-oci",
                f"{', '.join(missing)} cannot be imported here, so this Python can't make the archive when it is published: install "
                "uv-workspace-function[oci]",
            )

    def _command(self, assembly: Path, name: str) -> list[str]:
        options = {
            "--assembly": [_seen_from_here(assembly)],
            "--context": [name],
            "--digest": [self.context.digest],
            "--platform": [self.target.docker_platform],
            "--build-arg": [f"{key}={value}" for key, value in sorted(self.arguments.items())],
            "--left-out": self.left_out,
            **{f"--{key}": [value] for key, value in sorted(self.secrets.items())},
        }
        arguments = [text for option, values in options.items() for value in values for text in (option, value)]
        run = _RUN.replace("{version}", version("uv-workspace-function"))
        return ["sh", "-c", run, _seen_from_here(Path(sys.executable)), "zip-asset", *arguments]


class ServiceCode(lambda_.Code):
    """An archive as the code of a function. It is published before: JavaScript calls `bind`, through which no error of ours gets.

    Args:
        location: where the archive will be.
    """

    def __init__(self, location: cdk.FileAssetLocation) -> None:
        super().__init__()
        self._location = location

    @property
    def is_inline(self) -> bool:
        """Whether it is in the template; jsii's name."""
        return False

    def bind(self, scope: Construct) -> lambda_.CodeConfig:  # noqa: ARG002 - by its name
        """Where the archive is; jsii's name."""
        place = s3.Location(bucket_name=self._location.bucket_name, object_key=self._location.object_key)
        return lambda_.CodeConfig(s3_location=place)


def _seen_from_here(path: Path) -> str:
    """Relative to the folder that the CDK CLI runs in, where it lies there: another job may have another one of that content."""
    here = Path.cwd()
    absolute = path.absolute()
    return os.path.relpath(absolute, here) if absolute.is_relative_to(here) else str(absolute)


def _files(secrets: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in secrets.items():
        path = secret_file(value)
        if path is None:
            raise WorkspaceError(
                f"the build secret {name!r} is a variable, and for an archive it has to be a file",
                "give DockerBuildSecret.from_src('/path/of/file')",
            )
        found[name] = path
    return found


def _known_to_the_cdk() -> list[str]:
    """The Pythons for which the CDK that is here has a runtime: a newer one knows more than this package."""
    names = [name.removeprefix("PYTHON_") for name in dir(lambda_.Runtime) if name.startswith("PYTHON_3_")]
    newest = managed_runtime.PYTHONS[-1].partition(".")[2]
    return [name.replace("_", ".") for name in names if int(name.partition("_")[2]) > int(newest)]
