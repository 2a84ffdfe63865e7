"""Images pushed to a registry: what is there is not sent, what another repository has is mounted, and the tag comes last."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

import requests

from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.descriptors import Descriptor, Source, digest_of
from uv_workspace_function.oci.registry import ACCEPT, Client, Repository, retries, status_of
from uv_workspace_function.oci.store import Store, key_of
from uv_workspace_function.processes.signals import GROUPS
from uv_workspace_function.target.image_reference import ImageReference

_T = TypeVar("_T")
_AT_ONCE = 4
_BUSY = (408, 429, 500, 502, 503, 504)
_BEGUN_ANEW = (*_BUSY, 401)
"""An upload that ends so is begun anew: 401 is for a token that expired on the way."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What came of a push."""

    digest: str
    """The manifest's."""
    sent: tuple[Descriptor, ...]
    """The contents that were sent."""
    mounted: tuple[Descriptor, ...]
    """The contents that the registry took from another of its repositories."""
    is_new: bool
    """Whether the manifest was put; not where the tag named it already."""


def push(
    manifest: bytes,
    source: Source,
    to: ImageReference,
    *,
    store: Store,
    mount_from: Sequence[ImageReference] = (),
    keeps_what_is_there: bool = False,
    there: set[str] | None = None,
) -> Pushed:
    """Push an image.

    A content that the repository has is not sent. One that another repository of the registry is known to have is mounted, where the
    registry does that. The rest is streamed from where it is, each in one PUT, and written nowhere on the way. The manifest comes last,
    so a tag never names something incomplete, and a push that was interrupted is completed by the next one. Of several processes, one
    sends a content, and the others find it there.

    Args:
        manifest: the image's.
        source: where the contents are: `StoredImage` for one that was built here, `Layout` for one on disk.
        to: the repository with its registry, and the tag; without a tag the image is pushed by its digest.
        store: where it is kept which repositories have a content; its locks keep processes apart.
        mount_from: images whose repositories may have contents of it, such as the base image.
        keeps_what_is_there: whether a tag that names another image already is left as it is.
        there: digests that an earlier push of this run found or put in the repository, which are not asked for again; this one's are added.

    Returns:
        The digest, and what was sent.

    Raises:
        WorkspaceError: when the registry does not take it, or a content is not there.
    """
    try:
        return _pushed(
            manifest,
            source,
            to,
            store,
            mount_from,
            keeps_what_is_there=keeps_what_is_there,
            there=set() if there is None else there,
        )
    except OSError as error:
        raise store.unusable(error) from error


def _pushed(
    manifest: bytes,
    source: Source,
    to: ImageReference,
    store: Store,
    mount_from: Sequence[ImageReference],
    *,
    keeps_what_is_there: bool,
    there: set[str],
) -> Pushed:
    document = descriptors.parsed(manifest, str(to))
    digest = digest_of(manifest)
    contents = [Descriptor.read(entry) for entry in (*document["layers"], document["config"])]
    distinct = [*{content.digest: content for content in contents}.values()]
    repository = Repository(to)
    with repository.client(to_push=True) as client:
        named = _named(client, to.tag or digest)
        if named == digest or (named and keeps_what_is_there):
            return Pushed(digest=named, sent=(), mounted=(), is_new=False)
        others = [other.path for image in mount_from if (other := Repository(image)).host == repository.host]
        upload = _Upload(client=client, repository=repository, source=source, store=store, others=others, there=there)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            futures = [pool.submit(upload.run, content) for content in distinct]
            try:
                found = [future.result() for future in futures]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        with store.locked(_lock("tag", repository, to.tag or digest)):
            # Another process may have been faster; where tags are immutable, a registry refuses also the same one again.
            is_new = _named(client, to.tag or digest) != digest
            if is_new:
                _put(client, to.tag or digest, manifest, str(document.get("mediaType") or descriptors.MANIFEST))
    return Pushed(
        digest=digest,
        sent=tuple(content for content, how in zip(distinct, found, strict=True) if how == "sent"),
        mounted=tuple(content for content, how in zip(distinct, found, strict=True) if how == "mounted"),
        is_new=is_new,
    )


@dataclass(frozen=True, kw_only=True)
class _Upload:
    """Contents on their way to a repository."""

    client: Client
    repository: Repository
    source: Source
    store: Store
    others: Sequence[str]
    """Repositories of the same registry that may have contents."""
    there: set[str]
    """Digests of contents that the repository is known to have."""

    def run(self, content: Descriptor) -> str:
        """Have a content in the repository; `there`, `mounted` or `sent`."""
        if content.digest in self.there:
            return "there"
        with self.store.locked(_lock("blob", self.repository, content.digest)):
            how = "there" if self._is_there(content) else _repeated(lambda: self._bring(content))
            with suppress(OSError):  # it only saves work
                self.store.keep("held", self._key(content), self.repository.path)
        self.there.add(content.digest)
        return how

    def _is_there(self, content: Descriptor) -> bool:
        try:
            self.client.ask("head", f"blobs/{content.digest}")
        except requests.HTTPError as error:
            if status_of(error) != 404:
                raise
            return False
        return True

    def _bring(self, content: Descriptor) -> str:
        known = [self.store.record("held", self._key(content)), *self.others]
        other = next((path for path in known if path and path != self.repository.path), None)
        mount = {"mount": content.digest, "from": other} if other else {}
        begun = self.client.ask("post", "blobs/uploads/", params=mount)
        if mount and begun.status_code == 201:
            return "mounted"
        body = _Body(pieces=lambda: self.source.blob(content), size=content.size)
        self.client.send(urljoin(begun.url, begun.headers["Location"]), body, content.digest)
        return "sent"

    def _key(self, content: Descriptor) -> str:
        return key_of(self.repository.host, content.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A content of a known size that is read from its start each time it is sent."""

    pieces: Callable[[], Iterator[bytes]]
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces():
            GROUPS.raise_ended()  # which reaches the main thread alone, that waits for this one
            yield piece


def _named(client: Client, reference: str) -> str | None:
    """The digest that a tag names in the repository; None where it names nothing."""
    try:
        answer = client.ask("head", f"manifests/{reference}", headers=ACCEPT)
        digest = answer.headers.get("Docker-Content-Digest")
        if digest is None:
            digest = digest_of(client.ask("get", f"manifests/{reference}", headers=ACCEPT).content)
    except requests.HTTPError as error:
        if status_of(error) != 404:
            raise
        return None
    return digest


def _put(client: Client, reference: str, manifest: bytes, media_type: str) -> None:
    try:
        _repeated(
            lambda: client.ask("put", f"manifests/{reference}", data=manifest, headers={"Content-Type": media_type}),
            _BUSY,
        )
    except requests.HTTPError:
        # The registry may have taken it although its answer was lost, or another machine was faster with the same one: an immutable
        # tag refuses it then.
        if _named(client, reference) != digest_of(manifest):
            raise


def _repeated(attempt: Callable[[], _T], statuses: tuple[int, ...] = _BEGUN_ANEW) -> _T:
    """Try again what a registry was too busy for, or what was cut off on the way."""
    waiting = retries()
    while True:
        GROUPS.raise_ended()
        try:
            return attempt()
        except requests.RequestException as error:
            status = status_of(error)
            if (status is not None and status not in statuses) or not waiting.total:
                raise
            waiting = waiting.increment()
            waiting.sleep(getattr(error.response, "raw", None))


def _lock(kind: str, repository: Repository, what: str) -> str:
    return f"push-{kind}-{key_of(repository.host, repository.path, what)}"
