"""Container registries: python-dxf speaks their protocol, docker's own package reads docker's configuration, urllib3 waits and tries again."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import docker.auth
import docker.errors
import requests
from dxf import DXF, exceptions
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.descriptors import ACCEPTED, Descriptor
from uv_workspace_function.target.image_reference import ImageReference

_READ = 1 << 20
_TIMEOUT = 60
_ATTEMPTS = 5
_WAITED_OUT = (429, 500, 502, 503, 504)
_DOCKER_HUB = "registry-1.docker.io"
_MIRROR = "wait a while, or take the image from a mirror with --mirror REGISTRY=MIRROR"


class _Client(DXF):
    """One that tries again what a registry was too busy for, for as long as it asks for."""

    def __enter__(self) -> Self:
        super().__enter__()
        retry = Retry(
            total=_ATTEMPTS,
            backoff_factor=1,
            status_forcelist=_WAITED_OUT,
            allowed_methods={"GET", "HEAD"},
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._sessions[0].mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=8))
        return self


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
        with self._client() as client:
            headers = {"Accept": ", ".join(ACCEPTED)}
            response = client._request("get", f"manifests/{reference}", headers=headers)  # noqa: SLF001 - it takes the types here
            content: bytes = response.content
        return content

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces.

        Raises:
            WorkspaceError: when the registry does not give it, or gives another one.
        """
        with self._client() as client:
            yield from client.pull_blob(descriptor.digest, chunk_size=_READ)

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        host, path = _address(self.image)
        insecure = _is_loopback(host)
        try:
            with _Client(host, path, auth=self._authenticate, insecure=insecure, timeout=_TIMEOUT) as client:
                yield client
        except requests.RequestException as error:
            raise _failed(self.image, error) from error
        except exceptions.DXFError as error:
            raise _failed(self.image, error) from error

    def _authenticate(self, client: Any, response: requests.Response) -> None:
        host, _ = _address(self.image)
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
        client.authenticate(
            found.get("username") or found.get("Username"),
            found.get("password") or found.get("Password"),
            response=response,
        )


def _address(image: ImageReference) -> tuple[str, str]:
    host, _, path = image.with_registry.partition("/")
    return (_DOCKER_HUB if host == "docker.io" else host), path


def _is_loopback(host: str) -> bool:
    """As docker has it: a registry on this machine needs no encryption."""
    name = host.rpartition(":")[0] or host
    return name in {"localhost", "[::1]"} or name.startswith("127.")


def _failed(image: ImageReference, error: Exception) -> WorkspaceError:
    host, path = _address(image)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, exceptions.DXFUnauthorizedError) or status in {401, 403}:
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
            f"{host} cannot be reached for {image}", "check the network, or take it from a mirror with --mirror"
        )
    return WorkspaceError(f"{host} could not be asked for {path}: {error}", _MIRROR)
