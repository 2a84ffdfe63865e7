"""What of uv's configuration travels into an image's build, and what of it speaks of this closure.

One table says of every setting uv knows what becomes of it. A setting the table does not know is carried: a needless
rebuild beats a broken build. Source: the settings reference in uv's documentation; a test compares with the names that
uv itself lists when it meets an unknown one.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.utils import canonicalize_name

from uv_workspace_function.builder.credentials import is_credential_name
from uv_workspace_function.definitions.pyproject import requirement_name
from uv_workspace_function.definitions.toml import Table
from uv_workspace_function.errors import WorkspaceError

_LOCKING = "it shapes what `uv lock` chooses, and the lock is what the build reads"
_MACHINE = "only affects the machine uv runs on, and the build has its own"
_PUBLISHING = "only affects publishing"
_GROUPS = "development groups never enter an image"
_FRESH = "every build installs afresh"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a setting, and why."""

    what: Literal["carried", "dropped", "refused"]
    why: str


_CARRIED = Fate("carried", "the build's own resolution of backends, or its access to an index, depends on it")
_OURS = Fate("carried", "cut down to the entries that speak of this closure")

FATES: Mapping[str, Fate] = {
    "add-bounds": Fate("dropped", "only affects `uv add`"),
    "allow-insecure-host": _CARRIED,
    "audit": Fate("dropped", "only affects `uv audit`"),
    "build-backend": _CARRIED,
    "build-constraint-dependencies": Fate(
        "carried", "it pins the backends, whose own dependencies are not in the lock"
    ),
    "cache-dir": Fate("dropped", _MACHINE),
    "cache-keys": Fate("dropped", _FRESH),
    "check-url": Fate("dropped", _PUBLISHING),
    "compile-bytecode": Fate("dropped", "the image's build compiles, with hashes instead of times"),
    "concurrent-builds": Fate("dropped", _MACHINE),
    "concurrent-downloads": Fate("dropped", _MACHINE),
    "concurrent-installs": Fate("dropped", _MACHINE),
    "config-settings": _CARRIED,
    "config-settings-package": _OURS,
    "conflicts": Fate("dropped", "the cut-down lock holds only this service's fork"),
    "constraint-dependencies": _OURS,
    "default-groups": Fate("dropped", _GROUPS),
    "dependency-groups": Fate("dropped", _GROUPS),
    "dependency-metadata": _OURS,
    "dev-dependencies": Fate("dropped", _GROUPS),
    "environments": Fate("dropped", "the lock says it, as supported-markers"),
    "exclude-dependencies": _OURS,
    "exclude-newer": _CARRIED,
    "exclude-newer-package": _OURS,
    "extra-build-dependencies": _OURS,
    "extra-build-variables": _OURS,
    "extra-index-url": _CARRIED,
    "find-links": _CARRIED,
    "fork-strategy": Fate("dropped", _LOCKING),
    "graalpy-install-mirror": Fate("dropped", _MACHINE),
    "http-proxy": _CARRIED,
    "https-proxy": _CARRIED,
    "index": Fate("carried", "explicit indexes only where a source of this closure names them"),
    "index-strategy": _CARRIED,
    "index-url": _CARRIED,
    "keyring-provider": Fate("dropped", "the build has no keyring: its credentials come as the secret `netrc`"),
    "link-mode": Fate("dropped", _MACHINE),
    "managed": _CARRIED,
    "minimum-libc-version": Fate("dropped", "the image's target says it"),
    "native-tls": _CARRIED,
    "no-binary": _CARRIED,
    "no-binary-package": _OURS,
    "no-build": _CARRIED,
    "no-build-isolation": Fate("refused", "an image's build has no environment that a backend could share"),
    "no-build-isolation-package": Fate("refused", "an image's build has no environment that a backend could share"),
    "no-build-package": _OURS,
    "no-cache": Fate("dropped", _MACHINE),
    "no-index": _CARRIED,
    "no-proxy": _CARRIED,
    "no-sources": _CARRIED,
    "no-sources-package": _OURS,
    "offline": Fate("dropped", _MACHINE),
    "override-dependencies": _OURS,
    "package": _CARRIED,
    "pip": Fate("dropped", "only affects `uv pip`"),
    "prerelease": _CARRIED,
    "prerelease-package": _OURS,
    "preview": _CARRIED,
    "preview-features": _CARRIED,
    "publish-url": Fate("dropped", _PUBLISHING),
    "pyodide-install-mirror": Fate("dropped", _MACHINE),
    "pypy-install-mirror": Fate("dropped", _MACHINE),
    "python-downloads": Fate("dropped", _MACHINE),
    "python-downloads-json-url": Fate("dropped", _MACHINE),
    "python-install-mirror": Fate("dropped", _MACHINE),
    "python-preference": Fate("dropped", _MACHINE),
    "reinstall": Fate("dropped", _FRESH),
    "reinstall-package": Fate("dropped", _FRESH),
    "require-build-hashes": _CARRIED,
    "required-environments": Fate("dropped", _LOCKING),
    "required-version": Fate("dropped", "only affects the uv that people run; the image's uv is chosen by `uv_image`"),
    "resolution": _CARRIED,
    "sources": _OURS,
    "system-certs": _CARRIED,
    "torch-backend": Fate("dropped", "only affects `uv pip`"),
    "trusted-publishing": Fate("dropped", _PUBLISHING),
    "upgrade": Fate("dropped", _LOCKING),
    "upgrade-package": Fate("dropped", _LOCKING),
    "workspace": Fate("carried", "with the closure's folders as its members"),
}

FREE_VALUES = frozenset({"config-settings", "config-settings-package", "extra-build-variables"})
"""Settings whose values are whatever a build backend understands."""
_NO_SECRETS = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """Which names the settings of one closure may speak of.

    Attributes:
        closure: packages of the closure, by normalized name.
        local: those of them that are built.
        building: what may take part in building them: the closure, and names that nobody has locked, since what a
            backend needs is in no lock.
        sources: what the local packages require themselves, to run and to be built: no other source is looked up.
        indexes: explicit indexes that the closure's sources name.
    """

    closure: Collection[str]
    local: Collection[str]
    building: Callable[[str], bool]
    sources: Collection[str] = ()
    indexes: Collection[str] = ()


def carried(settings: Table, relevance: Relevance, *, where: str) -> dict[str, Any]:
    """The settings that travel into a build context.

    Args:
        settings: a `[tool.uv]` table, or a `uv.toml`.
        relevance: the names that matter.
        where: the file, for messages.

    Raises:
        WorkspaceError: naming a setting that cannot be carried, with the way out.
    """
    _refuse(settings, relevance, where)
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "workspace" or FATES.get(key, _CARRIED).what != "carried":
            continue
        chosen = _CHOICES[key](value, relevance) if key in _CHOICES else value
        chosen = public_values(chosen) if key in FREE_VALUES else chosen
        if chosen not in ({}, []):
            kept[key] = chosen
    return kept


def public_values(value: Any) -> Any:
    """Variables and options for build backends, without those that are credentials by their names.

    They come into a build as lines `NAME=value` of the secret `credentials`.

    Args:
        value: a table, to any depth, or a list of options such as `--api-token=...`.
    """
    if isinstance(value, dict):
        kept = {key: public_values(item) for key, item in value.items() if not is_secret_value(key, item)}
        return {key: item for key, item in kept.items() if item not in ({}, []) or value[key] in ({}, [])}
    if isinstance(value, list):
        return [item for item in value if not _is_secret_option(item)]
    return value


def is_secret_value(key: str, value: Any) -> bool:
    """Whether a variable or option is a credential."""
    given = [item for item in value if isinstance(item, str)] if isinstance(value, list) else [value]
    if any(isinstance(item, str) and _is_secret_option(item) for item in given) and not isinstance(value, list):
        return True
    return is_credential_name(key.lstrip("-")) and any(
        isinstance(item, str) and item.lower() not in _NO_SECRETS for item in given
    )


def _is_secret_option(item: Any) -> bool:
    """Whether one of the words of an option or a value hands over a credential: `--token=...`, `-DAPI_KEY=...`, `--opt=--token ...`."""
    if not isinstance(item, str):
        return False
    options = re.finditer(
        r"(?<![\w.-])(?P<dashes>-{0,2})(?P<name>[A-Za-z_][\w.-]*)(?P<between>=|\s+(?!-))(?=(?P<value>[^\s=]+))", item
    )
    return any(
        is_credential_name(one["name"]) and one["value"].lower() not in _NO_SECRETS
        for one in options
        if one["dashes"] or one["between"] == "="
    )


def _refuse(settings: Table, relevance: Relevance, where: str) -> None:
    remedy = (
        "declare what the backend needs in its [build-system] requires, or in extra-build-dependencies, "
        "and take the setting out"
    )
    if settings.get("no-build-isolation") is True:
        raise WorkspaceError(
            f"{where} sets no-build-isolation, which an image's build cannot follow: {FATES['no-build-isolation'].why}",
            remedy,
        )
    for name in settings.get("no-build-isolation-package", ()):
        if canonicalize_name(name) in relevance.local:
            raise WorkspaceError(
                f"{where} sets no-build-isolation-package for {name!r}, which an image's build cannot follow: "
                f"{FATES['no-build-isolation-package'].why}",
                remedy,
            )


def _indexes(value: Any, relevance: Relevance) -> list[Any]:
    return [
        {k: v for k, v in index.items() if k != "publish-url"}
        for index in value
        if not index.get("explicit") or index.get("name") in relevance.indexes
    ]


def _requirements(value: Any, relevance: Relevance) -> list[Any]:
    names = (requirement_name(entry.get("name", "") if isinstance(entry, dict) else entry) for entry in value)
    return [entry for entry, name in zip(value, names, strict=True) if name is None or name in relevance.closure]


def _keys_of_closure(value: Any, relevance: Relevance) -> dict[str, Any]:
    return {key: entry for key, entry in value.items() if canonicalize_name(key) in relevance.closure}


def _sources(value: Any, relevance: Relevance) -> dict[str, Any]:
    """By normalized name and in order, so that neither the spelling of a key nor its place matters."""
    by_name = {canonicalize_name(key): entry for key, entry in value.items()}
    return {name: by_name[name] for name in sorted(by_name) if name in relevance.sources}


def _keys_that_build(value: Any, relevance: Relevance) -> dict[str, Any]:
    return {key: entry for key, entry in value.items() if relevance.building(canonicalize_name(key))}


def _names_that_build(value: Any, relevance: Relevance) -> list[Any]:
    return [name for name in value if relevance.building(canonicalize_name(name))]


_CHOICES: Mapping[str, Callable[[Any, Relevance], Any]] = {
    "config-settings-package": _keys_that_build,
    "constraint-dependencies": _requirements,
    "dependency-metadata": _requirements,
    "exclude-dependencies": _requirements,
    "exclude-newer-package": _keys_that_build,
    "extra-build-dependencies": _keys_of_closure,
    "extra-build-variables": _keys_of_closure,
    "index": _indexes,
    "no-binary-package": _names_that_build,
    "no-build-package": _names_that_build,
    "no-sources-package": _names_that_build,
    "override-dependencies": _requirements,
    "prerelease-package": _keys_that_build,
    "sources": _sources,
}
