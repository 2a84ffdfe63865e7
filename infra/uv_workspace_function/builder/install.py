"""Runs `uv sync` for a part of a service's closure, into an environment of its own."""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .build_secrets import BuildSecrets, renewal
from .credentials import redacted
from .definitions import read_toml
from .errors import UvFailed
from .home import Home
from .layer import EPOCH
from .workspace import LocalPackage, Workspace, normalized

_PASSWORD = (
    *("401 Unauthorized", "403 Forbidden", "Missing credentials", "index requires authentication"),
    *("could not read Username", "Authentication failed for"),
)
_OTHER_MACHINE = ("is not compatible with the target",)
_COMPILER = ("gcc", "Unknown compiler", "No CMAKE_C_COMPILER", "Rust package manager, is not installed")
_GIT = ("Git executable not found",)
# What uv or a backend says of a failure -> what to do about it.
_REMEDIES = {
    _PASSWORD: (
        "an index or repository asks for a password, or refuses the one it was given: give a current one in the build secret 'netrc' "
        "(docker build --secret id=netrc,src=FILE; build_secrets of the construct)"
    ),
    ("because it is marked as",): (
        "a package has no wheel for the target: lock a version that has one, or name it in BUILD_FROM_SOURCE (build_from_source of the "
        "construct)"
    ),
    _OTHER_MACHINE: (
        "a package compiles code for the machine that builds: have that be of the image's own platform (BUILDER_PLATFORM; "
        "build_on_target of the construct)"
    ),
    _COMPILER: (
        "a package has code to compile: give a BUILDER_IMAGE with a compiler (builder_image of the construct), or lock a wheel of it"
    ),
    ("is not defined in the `optional-dependencies`",): (
        "the build context lacks that extra: have it made for it, as `services prune --extra NAME` and the construct's extras do"
    ),
    _GIT: (
        "a package comes from a git repository: give a BUILDER_IMAGE that has git (builder_image of the construct), or lock a wheel of it"
    ),
}
# The same for a machine without an engine, which has no builder image to choose.
_REMEDIES_OF_A_MACHINE = {
    **_REMEDIES,
    _PASSWORD: "an index or repository asks for a password, or refuses the one it was given: give a netrc file with a current one (--netrc)",
    _OTHER_MACHINE: "a package compiles code for the machine that builds; build this one with the engine",
    _COMPILER: "a package has code to compile; build this one with the engine, or lock a wheel of it",
    _GIT: "a package comes from a git repository: install git, or lock a wheel of it",
}
# What a builder image may tell uv: where packages and credentials come from, and how the network is used. The rest of uv's variables
# is for a project of the image's own, and some of them leave the service out.
_PASSED_ON = frozenset(
    {
        *("UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
        *("UV_KEYRING_PROVIDER", "UV_CREDENTIALS_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_INSECURE_HOST", "UV_OFFLINE"),
        *("UV_HTTP_TIMEOUT", "UV_HTTP_CONNECT_TIMEOUT", "UV_HTTP_RETRIES", "UV_REQUEST_TIMEOUT"),
        *("UV_CONCURRENT_BUILDS", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS"),
    }
)  # fmt: skip
_CREDENTIALS = re.compile(r"UV_INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD)")


def sync(
    home: Home,
    workspace: Workspace,
    environment: Path,
    *,
    extras: Iterable[str],
    platform: str,
    options: Sequence[str],
    variables: Mapping[str, str] | None = None,
) -> None:
    """Install what `options` leave of the service's closure.

    It is uv that evaluates markers for the target, runs build backends with the workspace's settings and constraints, and
    compares hashes. `--frozen`: whether the lock is fresh was asked before there was a build context.

    Raises:
        UvFailed: when uv fails; its own words were printed then.
    """
    command = [
        str(home.uv),
        "sync",
        "--frozen",
        "--no-default-groups",
        "--no-editable",
        "--no-progress",
        "--color=never",
    ]
    command += ["--python", sys.executable, "--python-platform", platform]
    command += ["--package", workspace.service.name, *(f"--extra={extra}" for extra in extras), *options]
    indexes = _local_indexes(workspace.root / workspace.project)
    command += [f"--refresh-package={name}" for name in _without_hash(workspace, indexes)]
    settings = {
        "UV_PROJECT_ENVIRONMENT": str(environment),
        # Which Python it is, is the base image's business.
        "UV_PYTHON_DOWNLOADS": "never",
        # A container's cache is a mount that the image doesn't have: what is linked from there is not in the layer. Elsewhere a link
        # saves a copy of every file; what is changed is made the installation's own first (`files.make_own`).
        "UV_LINK_MODE": "copy" if home.is_container else "hardlink",
        # Compiled by `bytecode`, in an order that does not depend on the machine.
        "UV_COMPILE_BYTECODE": "0",
        # Compiled code names the moment, and in debug information the folder that uv made for the build: another one each time.
        # The linker drops that: compilers' flags of ours would take the place of a package's own, `-O2` among them.
        "SOURCE_DATE_EPOCH": str(EPOCH),
        # What a backend writes from a set has another order in each run, and a date another one in each zone.
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LDFLAGS": f"{os.environ.get('LDFLAGS', '')} -Wl,--strip-debug".strip(),
        # No INSTALLER and REQUESTED files: they are in no wheel.
        "UV_NO_INSTALLER_METADATA": "1",
    }
    for index in indexes:  # uv wants them to exist, even where no package here needs a wheel of theirs
        index.mkdir(parents=True, exist_ok=True)
    secrets = BuildSecrets.read(os.environ)
    environ = {**passed_on(os.environ), **secrets.environment(os.environ), **settings, **(variables or {})}
    with secrets.signing(workspace.root / workspace.project):
        status, said = _run(command, workspace.root / workspace.project, environ)
    if status:
        known = _REMEDIES if home.is_container else _REMEDIES_OF_A_MACHINE
        remedies = [remedy for signs, remedy in known.items() if any(sign in said for sign in signs)]
        remedies += filter(None, [renewal(said)] if remedies else [])
        raise UvFailed("; ".join([f"uv could not install {workspace.service.name}: see above", *remedies]))


def passed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """What uv and the backends get of the builder image's variables: of uv's own, those that are listed."""
    return {
        key: value
        for key, value in variables.items()
        if not key.startswith("UV_") or key in _PASSED_ON or _CREDENTIALS.fullmatch(key)
    }


def _local_indexes(project: Path) -> list[Path]:
    """The folders of wheels and source archives that uv's settings name."""
    found = []
    for name in ("uv.toml", "pyproject.toml"):
        path = project / name
        document = read_toml(path) if path.is_file() else {}
        settings = document if name == "uv.toml" else document.get("tool", {}).get("uv", {})
        locations = [*settings.get("find-links", ()), *(index.get("url", "://") for index in settings.get("index", ()))]
        found += [project / location for location in locations if "://" not in location]
    return found


def _without_hash(workspace: Workspace, indexes: Iterable[Path]) -> list[str]:
    """Packages whose archives no hash tells apart, those of folders above all.

    uv's cache is shared by workspaces, which all lie in one place here, and knows such an archive by its name and version: it
    would take another one's, or what lay there before.
    """
    names = set()
    for package in workspace.lock.get("package", ()):
        archives = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        if any("hash" not in archive for archive in archives):
            names.add(package["name"])
    for index in indexes:
        for path in sorted(index.glob("*")):
            name = path.name.partition("-")[0] if path.suffix == ".whl" else path.name.rpartition("-")[0]
            names.add(normalized(name))
    return sorted(filter(None, names))


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a program, and pass on what it says; its exit status, and all that it said.

    Not by `subprocess`, whose import takes longer than uv does for a line of code.
    """
    os.chdir(folder)
    reading, writing = os.pipe()
    # What this program itself writes on stdout is for who runs it.
    actions = [(os.POSIX_SPAWN_DUP2, writing, stream) for stream in (1, 2)]
    process = os.posix_spawn(command[0], [*command], environ, file_actions=actions)
    os.close(writing)
    said = []
    with open(reading, encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - it has no path
        for line in stream:
            sys.stderr.write(redacted(line))
            said.append(line)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), "".join(said)


def rebuilding(workspace: Workspace, packages: Iterable[LocalPackage]) -> list[str]:
    """Options that keep uv from taking a local package's wheel from its cache.

    uv keeps such a wheel for as long as the package's `pyproject.toml` keeps its time, whatever its modules say. A new time is
    enough then, and cheap; a package with `cache-keys` of its own is reinstalled, which asks the interpreter and indexes anew.
    """
    options = []
    for package in packages:
        definitions = [workspace.root / package.folder / name for name in ("pyproject.toml", "setup.py", "setup.cfg")]
        for definition in definitions:
            if definition.is_file():
                os.utime(definition)
        if _has_cache_keys(definitions[0]):
            options.append(f"--reinstall-package={package.name}")
    return options


def _has_cache_keys(pyproject: Path) -> bool:
    if not pyproject.is_file():
        return True
    document = read_toml(pyproject)
    return "cache-keys" in document.get("tool", {}).get("uv", {})
