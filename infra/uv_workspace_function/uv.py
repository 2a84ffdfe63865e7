"""The one place that starts uv: each question to it, with the variables that it may see.

uv obeys some hundred variables of a shell, its user's configuration, and whatever Python an activated environment or the
workspace itself names. Here a question names what is passed on, and nothing else reaches uv: no variable makes it answer for
another project (`UV_PROJECT`, `UV_WORKING_DIR`) or by other rules (`UV_NO_SOURCES`, `UV_EXCLUDE_NEWER`).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from uv_workspace_function.builder.credentials import redacted
from uv_workspace_function.processes import programs
from uv_workspace_function.user_cache import keep, user_cache

_TIMEOUT = 300  # seconds; a resolution from scratch can take a minute
_BUILDS = "builds-v0"
"""Where uv makes environments for build backends, in its cache. A file of that name keeps it from making any."""

_PYTHONS_KNOWN = "interpreter-*/*/*.msgpack"
"""What uv knows of Pythons, in its cache: a small file for each, which counts for as long as the program is as old as it was."""
_MOST_PYTHONS = 50

_MACHINE = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_*", "XDG_CACHE_HOME", "XDG_DATA_HOME")
_PYTHONS = (
    *("UV_PYTHON_INSTALL_DIR", "UV_PYTHON_CACHE_DIR", "UV_PYTHON_SEARCH_PATH", "UV_PYTHON_DOWNLOADS", "UV_PYTHON_PREFERENCE"),
    *("UV_PYTHON_INSTALL_MIRROR", "UV_PYPY_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL"),
    *("UV_MANAGED_PYTHON", "UV_NO_MANAGED_PYTHON"),
)  # fmt: skip
_CACHE = ("UV_CACHE_DIR", "UV_NO_CACHE", "UV_LINK_MODE")
_NETWORK = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_INSECURE_HOST"),
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    *("UV_OFFLINE", "UV_HTTP_*", "UV_REQUEST_TIMEOUT", "UV_CONCURRENT_*"),
)
_CREDENTIALS = (
    *("NETRC", "UV_CREDENTIALS_DIR", "UV_KEYRING_PROVIDER"),
    *("SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_TERMINAL_PROMPT"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*"),
)
# What programs behind `keyring` sign in with; it is asked only where the shell says so.
_KEYRING = ("AWS_*", "GOOGLE_*", "CLOUDSDK_*", "AZURE_*", "PYTHON_KEYRING_*")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_*")
_COMPILERS = (
    *("CC", "CXX", "CPP", "LD", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "CPATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
    *("PKG_CONFIG*", "CMAKE_*", "CARGO_*", "RUSTUP_*", "RUSTFLAGS", "MACOSX_DEPLOYMENT_TARGET", "SDKROOT", "DEVELOPER_DIR"),
    *("NIX_*", "MAKEFLAGS"),
)  # fmt: skip

_INSTALLING = (
    *(*_MACHINE, *_PYTHONS, *_CACHE, *_NETWORK, *_CREDENTIALS, *_INDEXES, *_COMPILERS, *_KEYRING),
    *("UV_PYTHON", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "UV_NO_SYSTEM_CONFIG"),
)
"""The user's own configuration counts as well: where packages are fetched from is the machine's business."""
_ASKING_OFFLINE = _MACHINE
_ASKING_ONLINE = (*_MACHINE, *_PYTHONS, *_CACHE, *_NETWORK, *_CREDENTIALS)
_READING = (*_MACHINE, *_PYTHONS, *_CACHE, "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "UV_NO_SYSTEM_CONFIG")


@dataclass(frozen=True, slots=True, kw_only=True)
class UvAnswer:
    """What a uv command said."""

    code: int
    text: str
    """What it wrote for people."""
    output: str = ""
    """What it wrote for programs."""

    @property
    def wants_password(self) -> bool:
        """Whether an index or a repository asks for a password, or refuses the one that it was given."""
        signs = ("401 Unauthorized", "403 Forbidden", "could not read Username", "Authentication failed for")
        return any(sign in self.text for sign in signs)

    @property
    def reason(self) -> str:
        """The line that says what is wrong."""
        lines = [line.strip() for line in self.text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("Using CPython")]
        errors = [line for line in lines if line.startswith("error:")]
        return re.sub(r"^error:\s*", "", (errors or lines or ["it said nothing"])[0])


def ask_offline(project: Path, *, requires_python: str, asks_versions: bool = False) -> UvAnswer | None:
    """Ask whether a project's lock is fresh, from only its definitions.

    Exit code 0: it is. 1: uv would resolve anew. 2: uv cannot tell. No index is needed or looked at, no cache of packages, no
    configuration but the workspace's own, no Python but the one chosen here. uv runs build backends of local packages whose
    metadata `[project]` leaves to them: do not ask then.

    Args:
        project: the folder of its `uv.lock`.
        requires_python: the lock's.
        asks_versions: whether a local package has a dynamic version. uv wants a backend then as soon as it resolves anew, which has
            to end in exit code 1; otherwise no build can begin at all.

    Returns:
        uv's answer; None where there is no uv, or it does not answer.
    """
    with _hidden_configuration() as variables, _cache_of_pythons() as cache:
        if not asks_versions:
            (cache / _BUILDS).touch()
        return _run(
            ("lock", "--check", "--offline", "--no-build", "--no-python-downloads", "--cache-dir", str(cache)),
            *("--python", _python(requires_python)),
            cwd=project,
            environment={**_passed_on(_ASKING_OFFLINE), **variables},
        )


def ask_online(project: Path, *, requires_python: str, indexes: Collection[str], locked: bool) -> UvAnswer | None:
    """Ask whether a project's lock is fresh, or what one would be, with all that uv needs to resolve.

    Exit codes as those of `ask_offline`, but that uv fetches metadata and runs build backends where it needs them.

    Args:
        project: the folder of its `pyproject.toml`.
        requires_python: the Pythons that it is for.
        indexes: the names of the indexes that the workspace names: only their credentials are passed on.
        locked: whether there is a lock. Without one uv would only say so, and not whether there can be one.
    """
    names = {re.sub(r"[^A-Z0-9]", "_", index.upper()) for index in indexes}
    credentials = [f"UV_INDEX_{name}_{what}" for name in names for what in ("USERNAME", "PASSWORD")]
    keyring = _KEYRING if os.environ.get("UV_KEYRING_PROVIDER") == "subprocess" else ()
    with _hidden_configuration() as variables:
        return _run(
            ("lock", "--check" if locked else "--dry-run"),
            *("--python", _python(requires_python)),
            cwd=project,
            environment={**_passed_on((*_ASKING_ONLINE, *credentials, *keyring)), **variables},
        )


def export(project: Path, package: str, *, requires_python: str) -> UvAnswer | None:
    """Have uv export what one package of a lock needs, to nowhere: can it?"""
    with _hidden_configuration() as variables:
        return _run(
            ("export", "--frozen", "--offline", "--no-default-groups", "--no-emit-local", "--quiet"),
            *("--package", package, "--output-file", os.devnull, "--python", _python(requires_python)),
            cwd=project,
            environment={**_passed_on(_READING), **variables},
        )


def sync(
    project: Path, environment: Path, *options: str, variables: Mapping[str, str], python: str | None, offline: bool
) -> UvAnswer | None:
    """Install from a project's lock, as it is, into an environment.

    Args:
        project: the folder of its `uv.lock`.
        environment: where; it is made.
        options: what is installed, in options of `uv sync`.
        variables: further ones that build backends read.
        python: a version that this machine has; None leaves the choice to uv.
        offline: whether packages have to be in uv's cache.
    """
    return _run(
        ("sync", "--frozen", *(["--offline"] if offline else []), *(["--python", python] if python else [])),
        *options,
        cwd=project,
        environment={
            **_passed_on(_INSTALLING),
            **variables,
            "UV_PROJECT_ENVIRONMENT": str(environment),
            "TMPDIR": str(environment.parent),  # uv leaves a lock there for each environment
        },
    )


def has_python(project: Path, version: str) -> bool:
    """Whether this machine has a Python of a version that uv finds."""
    answer = _run(("python", "find", "--no-python-downloads", version), cwd=project, environment=_passed_on(_READING))
    return answer is not None and answer.code == 0


def cache_folder() -> Path | None:
    """Where uv keeps what it fetched."""
    answer = _run(("cache", "dir"), cwd=Path(tempfile.gettempdir()), environment=_passed_on(_READING))
    return Path(answer.output.strip()) if answer is not None and answer.code == 0 else None


def fetch(requirement: str, folder: Path) -> UvAnswer | None:
    """Have uv install a package into a folder, from wheels only and from where this machine fetches packages.

    Args:
        requirement: the package with its exact version.
        folder: where; it is made.
    """
    for offline in (["--offline"], []):  # an exact version that is in uv's cache needs no index
        answer = _run(
            ("pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", *offline),
            *(f"--python={sys.executable}", "--target", str(folder), requirement),
            cwd=folder.parent,
            environment=_passed_on(_INSTALLING),
        )
        if answer is None or answer.code == 0:
            break
    return answer


def pythons(program: Path, *command: str) -> UvAnswer | None:
    """Have another uv find or install a Python: `find` and `install` of `uv python`, with their options.

    Args:
        program: that uv.
        command: what comes after `uv python`.
    """
    environment = _passed_on((*_READING, *_NETWORK))
    return _run(("python", *command), cwd=Path("/"), environment=environment, program=str(program))


def exported(
    program: Path,
    project: Path,
    package: str,
    *options: str,
    extras: Collection[str],
    python: Path,
    variables: Mapping[str, str],
) -> UvAnswer | None:
    """Have another uv write what the lock of a build context holds for one package.

    Args:
        program: that uv.
        project: the folder of the lock.
        package: the service.
        options: further ones of `uv export`.
        extras: of the package.
        python: a Python, so that uv looks for none.
        variables: all that it may see.
    """
    return _run(
        ("export", "--frozen", "--no-default-groups", "--offline", *options),
        *("--package", package, *(f"--extra={extra}" for extra in extras), "--python", str(python)),
        cwd=project,
        environment=variables,
        program=str(program),
    )


def clean_cache(program: Path, folder: Path) -> UvAnswer | None:
    """Have another uv empty a cache of its own, when nobody uses it any more."""
    command = ("cache", "clean", "--cache-dir", str(folder))
    return _run(command, cwd=Path("/"), environment=_passed_on(_MACHINE), program=str(program))


def _run(
    command: tuple[str, ...], *options: str, cwd: Path, environment: Mapping[str, str], program: str | None = None
) -> UvAnswer | None:
    try:
        done = programs.run(
            [program or _program(), "--no-progress", "--color", "never", *command, *options],
            cwd=cwd,
            env=environment,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return UvAnswer(code=done.returncode, text=redacted(done.stderr), output=done.stdout)


def _program() -> str:
    """uv: on PATH, or the one that started this (`uv run`), or beside this Python, as uv's own package puts it."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or os.environ.get("UV") or (str(beside) if beside.is_file() else "uv")


def _python(requires_python: str) -> str:
    """The Python that runs this where a project admits it, else what that asks for.

    Named in any case: uv would run what `.python-version` or `.venv` of the workspace lead to.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - it takes its time, which builds spare

    try:
        admitted = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return sys.executable
    own = ".".join(map(str, sys.version_info[:3]))
    return sys.executable if admitted.contains(own, prereleases=True) else requires_python.replace(" ", "")


@contextmanager
def _hidden_configuration() -> Iterator[Mapping[str, str]]:
    """Variables that keep uv from the user's and the system's configuration, and from the workspace's environment.

    Source: https://docs.astral.sh/uv/concepts/configuration-files. An environment that is absent is not run.
    """
    with tempfile.TemporaryDirectory(prefix="uv-question-") as folder:
        yield {
            "XDG_CONFIG_HOME": folder,
            "XDG_CONFIG_DIRS": folder,
            "UV_NO_SYSTEM_CONFIG": "1",
            "UV_PROJECT_ENVIRONMENT": f"{folder}/absent",
            "TMPDIR": folder,
        }


@contextmanager
def _cache_of_pythons() -> Iterator[Path]:
    """A cache for uv that holds nothing but what it knows of Pythons: running one to ask takes most of a question's time."""
    kept = user_cache() / "pythons"
    with tempfile.TemporaryDirectory(prefix="uv-cache-") as folder:
        with suppress(OSError, shutil.Error):
            shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        yield Path(folder)
        known = {path.relative_to(folder): path for path in Path(folder).glob(_PYTHONS_KNOWN)}
        with suppress(OSError):
            if len(known) > _MOST_PYTHONS:
                shutil.rmtree(kept)
                known.clear()
            for name, path in known.items():
                place, content = kept / name, path.read_bytes()
                if not place.is_file() or place.read_bytes() != content:
                    keep(place, content)


def _passed_on(names: Collection[str]) -> dict[str, str]:
    given = {key: value for key, value in os.environ.items() if any(fnmatchcase(key, name) for name in names)}
    # A relative folder of the user is none (https://specifications.freedesktop.org/basedir-spec/latest/), but uv takes it: for one
    # below the workspace.
    return {key: value for key, value in given.items() if not key.startswith("XDG_") or os.path.isabs(value)}  # noqa: PTH117
