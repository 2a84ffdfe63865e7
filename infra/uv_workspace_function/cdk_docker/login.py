"""Credentials of a registry, put where docker keeps them: `login` and `push` are processes of their own."""

import base64
import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import docker.auth
import docker.credentials
import docker.credentials.errors

from uv_workspace_function.context.staging import locked
from uv_workspace_function.errors import WorkspaceError

_FILE = "config.json"


def login(host: str, username: str, password: str, *, folder: Path) -> None:
    """Keep a registry's credentials: with the credential helper that docker's configuration names for it, else in that file.

    Args:
        host: the registry's.
        username: whose password it is.
        password: which is written to no other place, and is in no command line.
        folder: of docker's configuration.

    Raises:
        WorkspaceError: when they cannot be kept.
    """
    host = docker.auth.convert_to_hostname(host)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):  # each process writes what the others have written
            file = (folder / _FILE).resolve()
            document = _read(file)
            entry: dict[str, str] = {}
            helpers = {key: document[key] for key in ("credsStore", "credHelpers") if document.get(key)}
            helper = docker.auth.AuthConfig(helpers).get_credential_store(host)
            if helper:
                _give(helper, host, username, password, file)
            else:
                entry["auth"] = base64.b64encode(f"{username}:{password}".encode()).decode()
            if (document.get("auths") or {}).get(host) != entry:
                _write(file, {**document, "auths": {**(document.get("auths") or {}), host: entry}})
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WorkspaceError(
            f"the credentials of {host} could not be written to {folder / _FILE}: {reason}",
            "make it writable, or name another folder with DOCKER_CONFIG",
        ) from error


def _give(helper: str, host: str, username: str, password: str, file: Path) -> None:
    if shutil.which(f"docker-credential-{helper}") is None:
        raise WorkspaceError(
            f"{file} names the credential helper docker-credential-{helper}, which is not here",
            "install it, remove the name from that file, or name another folder with DOCKER_CONFIG",
        )
    store = docker.credentials.Store(helper)
    try:
        store.store(host, username, password)
    except docker.credentials.errors.StoreError as error:
        # One that has credentials of its own, such as ECR's, need not keep any.
        with contextlib.suppress(docker.credentials.errors.StoreError):
            store.get(host)
            return
        raise WorkspaceError(
            f"the credential helper docker-credential-{helper} does not keep the credentials of {host}",
            f"see what it says with `docker-credential-{helper} list`, or remove its name from {file}",
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        content = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(content) if content.strip() else {}
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("auths") or {}, dict):
        raise WorkspaceError(f"{file} is not docker's configuration: it is no JSON object", "repair or remove it")
    return document


def _write(file: Path, document: dict[str, Any]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # which nobody else can read
    place = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent="\t")
        place.replace(file)
    finally:
        place.unlink(missing_ok=True)
