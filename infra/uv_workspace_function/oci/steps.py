"""The builder's steps, run on this machine: what they see, and what came of them."""

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from uv_workspace_function.builder.errors import UvFailed
from uv_workspace_function.builder.workspace import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import builder_program
from uv_workspace_function.oci.interpreter import Interpreter
from uv_workspace_function.processes.programs import started
from uv_workspace_function.uv import exported

# The rest of the environment stays with us: a backend of a workspace must find neither AWS's variables nor those of CI.
_PASSED_ON = (
    *("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SYSTEMROOT"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What runs the steps."""

    uv: Path
    uv_version: str
    interpreter: Interpreter
    uv_cache: Path
    netrc: Path | None = None
    """Passwords of package indexes."""
    credentials: Path | None = None
    """Variables and signed URLs."""

    def environment(self, home: Path, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a step, and of all that it starts.

        Args:
            home: an empty folder.
            variables: the builder's own.
        """
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        for name in ("config", "tmp"):
            (home / name).mkdir(parents=True, exist_ok=True)
        return {
            **passed,
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            # uv reads the user's and the system's configuration otherwise.
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CONFIG_DIRS": str(home / "config"),
            "LANG": "C.UTF-8",
            "UV_CACHE_DIR": str(self.uv_cache),
            "NETRC": str(self.netrc or home / "netrc"),
            "CREDENTIALS": str(self.credentials or home / "credentials"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the builder, by its name, and the folders that it works in."""

    name: str
    folder: Path
    """Of its own: results go below it."""
    workspace: Path
    base: Path
    claims: Path
    lock: int
    """What it has to hold while it runs."""

    @property
    def layers(self) -> Path:
        """Where its layers lie."""
        return self.folder / "layers"

    def run(
        self, tools: Tools, builder: Path, variables: Mapping[str, str], finished: Callable[[str], None]
    ) -> list[str]:
        """Run it.

        Args:
            tools: by what.
            builder: the folder that has the program `builder` in it.
            variables: the builder's own.
            finished: is told of each of its layers, as soon as that stays as it is.

        Returns:
            What it remarked.

        Raises:
            WorkspaceError: with its own words, when it failed.
        """
        home = self.folder / "home"
        options = {
            "workspace": self.workspace,
            "base": self.base,
            "inputs": self.folder / "inputs",
            "layers": self.layers,
            "claims": self.claims,
            "environments": self.folder / "environments",
            "uv": tools.uv,
        }
        command = builder_program.command(tools.interpreter, builder, self.name)
        command += [f"--{name}={path}" for name, path in options.items()]
        environment = tools.environment(home, variables)

        run = partial(_run, command, builder, environment, self.lock, finished)
        status, said = run()
        if status > 0 and [home] == [*self.folder.iterdir()] and not _errors(said):
            # It could not even begin: Python believes bytecode, also what a full disk has cut off.
            builder_program.forget_bytecode(builder)
            status, said = run()
        if status:
            raise _failed(self.name, status, said)
        return [line.removeprefix("note: ") for line in said if line.startswith("note: ")]


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int, finished: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run the builder's program: its exit status, and the lines that it said."""
    options = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE, "pass_fds": (lock,)}
    with ThreadPoolExecutor(1) as reader, started(command, cwd=folder, env=environment, **options) as process:
        said = reader.submit(lambda: b"".join(process.stderr or ()))
        for line in process.stdout or ():
            if line.startswith(b"layer "):
                finished(line.split()[1].decode())
        return process.wait(), said.result().decode(errors="replace").splitlines()


def _failed(name: str, status: int, said: Sequence[str]) -> WorkspaceError:
    errors = _errors(said)
    if errors and status == UvFailed.exit_code:
        return WorkspaceError.of_lines([*said[:-1], errors[-1]])
    if errors:
        return WorkspaceError(errors[-1])
    if any("No space left on device" in line for line in said):
        return WorkspaceError(
            "the disk is full", "make room, or set another folder with --cache (CDK_DOCKER: UV_WORKSPACE_DOCKER_CACHE)"
        )
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with {status}"
    return WorkspaceError.of_lines([*said, f"the builder's step {name} {ended}: see above"])


def _errors(said: Sequence[str]) -> list[str]:
    return [line.removeprefix("error: ") for line in said if line.startswith("error: ")]


def tree_digest(folder: Path) -> str:
    """A digest of a folder's files: paths, executable bits and contents."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            whole.update(f"{path.relative_to(folder)}\0{mode}\0{_digest(path)}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def _digest(path: Path) -> str:
    """Of a file, which may be a wheel or a model of any size."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def third_party_key(
    tools: Tools, definitions: Path, project: Path, variables: Mapping[str, str], home: Path
) -> str | None:
    """What decides the third-party packages, whoever's they are: services with equal ones have one key.

    It is what uv exports of them, with hashes, and what of the settings could make it install them in another way.

    Args:
        tools: by what.
        definitions: the step's input.
        project: the folder of the lock, in it.
        variables: the builder's own.
        home: an empty folder.

    Returns:
        None where uv does not answer: then every service has its own.
    """
    answer = exported(
        tools.uv,
        project,
        variables["SERVICE_NAME"],
        *("--no-emit-local", "--no-header", "--no-annotate"),
        extras=variables["SERVICE_EXTRAS"].split(),
        python=tools.interpreter.program,
        variables=tools.environment(home, {}),
    )
    if answer is None or answer.code:
        return None
    whole = hashlib.sha256(answer.output.encode())
    decisive = set()
    for path in sorted(definitions.rglob("*")):
        if not path.is_file() or path.name == "uv.lock":
            continue
        found = _decisive(path, path.parent == project) if path.name == PYPROJECT else None
        if found is not None:
            decisive.add(found)
        else:
            whole.update(f"{path.relative_to(definitions)}\0{_digest(path)}\n".encode(errors="surrogateescape"))
    whole.update(repr(sorted(decisive)).encode())
    return whole.hexdigest()


def _decisive(pyproject: Path, is_project: bool) -> str | None:
    """What of a `pyproject.toml` can decide how third-party packages are installed; None where it is none."""
    try:
        document: Mapping[str, Any] = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except ValueError:
        return None
    settings = dict(document.get("tool", {}).get("uv", {})) if is_project else {}
    for name in ("workspace", "sources", "package", "dev-dependencies", "build-backend"):
        settings.pop(name, None)
    return repr((document.get("project", {}).get("requires-python"), sorted(settings.items(), key=str)))
