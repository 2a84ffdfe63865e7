"""Container registries: python-dxf speaks their protocol, docker's own package reads docker's configuration, urllib3 waits and tries again."""

import contextlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from dxf import DXF, exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError
from urllib3.util import Retry

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.descriptors import ACCEPTED, Descriptor
from uv_workspace_function.target.image_reference import ImageReference

_READ = 1 << 20
_TIMEOUT = 60
_ATTEMPTS = 5
_WAITED_OUT = (429, 500, 502, 503, 504)
_DOCKER_HUB = "registry-1.docker.io"
ACCEPT = {"Accept": ", ".join(ACCEPTED)}
_MIRROR = (
    "wait a while, or take the image from a mirror with --mirror REGISTRY=MIRROR (CDK_DOCKER: the mirrors of the app)"
)


def retries() -> Retry:
    """How often a registry that is busy is asked again: it says how long to wait, or each wait is longer than the one before."""
    return Retry(
        total=_ATTEMPTS,
        backoff_factor=1,
        status_forcelist=_WAITED_OUT,
        allowed_methods={"GET", "HEAD"},
        respect_retry_after_header=True,
        raise_on_status=False,
    )


class Client(DXF):
    """One that tries again what a registry was too busy for, for as long as it asks for."""

    def __enter__(self) -> Self:
        super().__enter__()
        for scheme in ("https://", "http://"):
            self._sessions[0].mount(scheme, HTTPAdapter(max_retries=retries(), pool_maxsize=8))
        return self

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask for something of the repository, once more where the registry wants a password first.

        Raises:
            requests.RequestException: when the answer is an error.
        """
        before = self._headers
        try:
            response: requests.Response = self._request(method, path, **more)  # type: ignore[no-untyped-call]
        except exceptions.DXFUnauthorizedError:
            if self._headers == before:
                raise
            # Another thread had the new token first.
            response = self._request(method, path, **more)  # type: ignore[no-untyped-call]
        return response

    def send(self, location: str, content: Any, digest: str) -> requests.Response:
        """Send a content whole, once, to where the registry said; the password goes to no other host.

        Raises:
            requests.RequestException: when the answer is an error.
        """
        address, is_own = destination(location, self._base_url)
        headers = {"Content-Type": "application/octet-stream", **(self._headers if is_own else {})}
        response: requests.Response = self._sessions[0].put(
            address, params={"digest": digest}, data=content, headers=headers, timeout=self._timeout
        )
        if response.status_code == 401 and self._auth:
            before = self._headers
            self._auth(self, response)
            if self._headers == before:
                raise exceptions.DXFUnauthorizedError
        response.raise_for_status()
        return response


def destination(location: str, registry: str) -> tuple[str, bool]:
    """Where a content is sent, and whether that is the registry itself, which may have the password.

    Args:
        location: what the registry said, as a whole address.
        registry: its own address. A registry behind a proxy may say `http://` of itself; it is asked as before.
    """
    said, own = urlsplit(location), urlsplit(registry)
    if said.netloc != own.netloc:
        return location, False
    return said._replace(scheme=own.scheme).geturl(), True


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of an image.

    Args:
        image: the image, in its registry.
    """

    image: ImageReference

    def manifest(self, reference: str) -> bytes:
        """A manifest or an index, by tag or digest.

        Raises:
            WorkspaceError: when the registry does not give it.
        """
        with self.client() as client:
            content: bytes = client.ask("get", f"manifests/{reference}", headers=ACCEPT).content
        return content

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces.

        Raises:
            WorkspaceError: when the registry does not give it, or gives another one.
        """
        with self.client() as client:
            pieces: Any = client.pull_blob(descriptor.digest, chunk_size=_READ)
            yield from pieces

    @property
    def host(self) -> str:
        """The registry's."""
        return _address(self.image)[0]

    @property
    def path(self) -> str:
        """The repository's, in the registry."""
        return _address(self.image)[1]

    @contextlib.contextmanager
    def client(self, *, to_push: bool = False) -> Iterator[Client]:
        """What asks the registry; its connections are kept.

        Args:
            to_push: whether it is to write.

        Raises:
            WorkspaceError: when what is asked within fails.
        """
        insecure = _is_loopback(self.host)
        try:
            with Client(self.host, self.path, auth=self._authenticate, insecure=insecure, timeout=_TIMEOUT) as client:
                yield client
        except (requests.RequestException, exceptions.DXFError) as error:
            told = (_not_pushed if to_push else _failed)(self.image, error)
            if (response := getattr(error, "response", None)) is not None:
                response.close()  # an answer that was to be read in pieces keeps its connection
            raise told from error

    def _authenticate(self, client: Any, response: requests.Response) -> None:
        import docker.auth  # noqa: PLC0415 - it takes its time, and a registry that lets everybody in needs none
        import docker.errors  # noqa: PLC0415

        if "WWW-Authenticate" not in response.headers:
            raise exceptions.DXFUnauthorizedError  # it does not say how to ask, and dxf looks no further
        host = self.host
        name = "https://index.docker.io/v1/" if host == _DOCKER_HUB else host
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a credential helper that is not there: the error below tells of it
            try:
                found = docker.auth.load_config().resolve_authconfig(name) or {}
            except docker.errors.DockerException as error:
                raise WorkspaceError(
                    f"docker's configuration has credentials of {host} that cannot be read: {error}",
                    f"run `docker login {host}` again, or install the credential helper that it names",
                ) from error
        # What goes to this machine itself needs no encryption, as docker has it; any other registry is asked with it.
        client._insecure = False  # noqa: SLF001
        try:
            client.authenticate(
                found.get("username") or found.get("Username"),
                found.get("password") or found.get("Password"),
                response=response,
            )
        finally:
            client._insecure = _is_loopback(host)  # noqa: SLF001


def _address(image: ImageReference) -> tuple[str, str]:
    host, _, path = image.with_registry.partition("/")
    return (_DOCKER_HUB if host == "docker.io" else host), path


def _is_loopback(host: str) -> bool:
    """As docker has it: a registry on this machine needs no encryption."""
    name = host.rpartition(":")[0] or host
    return name in {"localhost", "[::1]"} or name.startswith("127.")


def _failed(image: ImageReference, error: Exception) -> WorkspaceError:
    host, path = _address(image)
    status = status_of(error)
    if _is_refused(error):
        return WorkspaceError(
            f"{host} does not let us read {path}", f"run `docker login {host}`, or name another image"
        )
    if isinstance(error, exceptions.DXFDigestMismatchError):
        return WorkspaceError(f"{host} gave another content of {path} than the one that was asked for", "try again")
    if status == 404:
        return WorkspaceError(f"there is no image {image} in {host}", "name one that is there")
    if status in _WAITED_OUT:
        return WorkspaceError(f"{host} answered {status} {_ATTEMPTS + 1} times when it was asked for {path}", _MIRROR)
    if isinstance(error, requests.ConnectionError):
        return WorkspaceError(
            f"{host} cannot be reached for {image}",
            "check the network, or take it from a mirror with --mirror (CDK_DOCKER: the mirrors of the app)",
        )
    return WorkspaceError(f"{host} could not be asked for {path}: {_reason(error)}", _MIRROR)


def _not_pushed(image: ImageReference, error: Exception) -> WorkspaceError:
    host, path = _address(image)
    status, said = status_of(error), _said(error)
    if _is_refused(error):
        return WorkspaceError(
            f"{host} does not let us push to {path}", f"run `docker login {host}` as somebody who may push there"
        )
    if status == 404:
        return WorkspaceError(f"there is no repository {path} in {host}", "create it, or name one that is there")
    if status in _WAITED_OUT:
        return WorkspaceError(
            f"{host} answered {status} {_ATTEMPTS + 1} times when {image} was pushed",
            "push again later; what is there already is not sent again",
        )
    if status is not None:
        return WorkspaceError(
            f"{host} refuses {image}: {said or _reason(error)}", "push what it takes, or to another repository or tag"
        )
    if isinstance(error, requests.ConnectionError) and _is_unreachable(error):
        return WorkspaceError(
            f"{host} cannot be reached to push {image}", "check the name of the registry, and the network"
        )
    return WorkspaceError(
        f"the connection to {host} was lost when {image} was pushed",
        "check the network, and push again; what is there already is not sent again",
    )


def status_of(error: Exception) -> int | None:
    """The status that a registry answered with, where an error comes of one."""
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return 401 if isinstance(error, exceptions.DXFUnauthorizedError) else status


def _is_unreachable(error: requests.ConnectionError) -> bool:
    """Whether no connection came about, rather than one that was lost."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _is_refused(error: Exception) -> bool:
    return status_of(error) in {401, 403} or isinstance(error, exceptions.DXFAuthInsecureError)


def _said(error: Exception) -> str:
    """What a registry says of an error: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes."""
    try:
        (first, *_) = json.loads(error.response.content)["errors"]  # type: ignore[attr-defined] # a missing one is caught
        return f"{str(first.get('message', '')).strip().rstrip('.')} ({first['code']})".strip()
    except (AttributeError, LookupError, TypeError, ValueError):
        return ""


def _reason(error: Exception) -> str:
    """What happened, without the address: that may be a signed one."""
    response = getattr(error, "response", None)
    return f"{response.status_code} {response.reason}" if response is not None else type(error).__name__
