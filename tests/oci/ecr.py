"""A registry on this machine that takes and refuses what Amazon ECR does, and counts what it is asked.

Docker's own registry, and emulators of AWS, take much that ECR or Lambda refuse. What this one refuses, and where that is written:

- A content in more than one piece: of a second PATCH, ECR throws the bytes away, https://github.com/aws/containers-roadmap/issues/2831,
  so that the digest is another one in the end. One PATCH with everything is what docker sends.
- A tag that is there already, in a repository with immutable tags, with the same image, too:
  https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html, https://github.com/moby/buildkit/issues/3776.
- A mount from another repository, where the account's setting BLOB_MOUNTING is not on: ECR begins an upload then,
  https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html.
- A repository that is not there: ECR makes none by itself,
  https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-push-ecr-image.html.
- A manifest with contents that are not there, or with other sizes, and manifests of other types:
  https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html.

`Ecr.function` refuses what Lambda does when a function is made of an image that ECR took.
"""

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from oci import serving as servers

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
LAYERS = {
    "application/vnd.oci.image.manifest.v1+json": {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    },
    "application/vnd.docker.distribution.manifest.v2+json": {"application/vnd.docker.image.rootfs.diff.tar.gzip"},
}
"""The layers that Lambda takes, by the type of the manifest."""


@dataclass(kw_only=True)
class Ecr:
    """What it has, and what it was asked."""

    repositories: tuple[str, ...] = ("shop",)
    host: str = ""
    token_uses: int = 0
    """How many requests a token is good for; 0 where nobody is asked for one."""
    tokens: int = 0
    """How many tokens were given."""
    immutable: bool = True
    mounting: bool = False
    blobs: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """By repository and digest."""
    manifests: dict[str, dict[str, tuple[str, bytes]]] = field(default_factory=dict)
    """By repository and digest: media type and content."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By repository and tag: the digest."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    """What came of each by PATCH."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each request's method and path."""
    passwords: set[str] = field(default_factory=set)
    """What requests had for their authorization."""
    received: Counter[str] = field(default_factory=Counter)
    """How often each content came, by digest."""
    taken: int = 0
    """Bytes of contents that came."""
    given: int = 0
    """Bytes of contents, manifests and answers that went."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tagged(self, tag: str, repository: str = "shop") -> dict[str, Any]:
        """The manifest that a tag names."""
        content = self.manifests[repository][self.tags[repository][tag]][1]
        manifest: dict[str, Any] = json.loads(content)
        return manifest

    def function(self, tag: str, repository: str = "shop") -> None:
        """Make a function of an image, as far as Lambda looks at images.

        An index, https://github.com/aws/aws-lambda-roadmap/issues/82. Layers of other types than gzip's and OCI's plain one: zstd's, and
        the uncompressed ones below a manifest of Docker's type, https://github.com/aspect-build/rules_aws/pull/145. Files before the
        folders that they are in, https://github.com/nlewo/nix2container/issues/54.

        Raises:
            RefusedError: with Lambda's name of it.
        """
        media_type, content = self.manifests[repository][self.tags[repository][tag]]
        if media_type not in LAYERS:
            raise RefusedError(400, "InvalidParameterValueException", "The image manifest media type is not supported")
        folders = {""}
        for entry in json.loads(content)["layers"]:
            if entry["mediaType"] not in LAYERS[media_type]:
                raise RefusedError(400, "InvalidImage", f"UnsupportedImageLayerDetected - {entry['digest']}")
            raw = self.blobs[repository][entry["digest"]]
            raw = gzip.decompress(raw) if entry["mediaType"].endswith("gzip") else raw
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                for member in archive:
                    path = posixpath.normpath(member.name).strip("/.")
                    if posixpath.dirname(path) not in folders:
                        raise RefusedError(400, "InvalidImage", f"MissingParentDirectory: {path}")
                    if member.isdir() or member.issym():
                        folders.add(path)

    def count(self, method: str, part: str = "") -> int:
        """How many requests of a method had something in their path."""
        return sum(asked == method and part in path for asked, path in self.asked)

    def forget(self) -> None:
        """Count anew."""
        self.asked.clear()
        self.received.clear()
        self.taken = self.given = 0

    def empty(self) -> None:
        """Have nothing."""
        for kept in (self.blobs, self.manifests, self.tags):
            kept.update({name: {} for name in self.repositories})

    def assert_whole(self) -> None:
        """Hold every manifest to the contents that it names, and every tag to a manifest."""
        for repository, manifests in self.manifests.items():
            for _, content in manifests.values():
                document = json.loads(content)
                for entry in (document["config"], *document["layers"]):
                    assert entry["size"] == len(self.blobs[repository][entry["digest"]])
        for repository, tags in self.tags.items():
            assert set(tags.values()) <= set(self.manifests[repository])


@contextmanager
def serving(certificate: tuple[Path, Path] | None = None, **options: Any) -> Iterator[Ecr]:
    """Serve an empty registry, on loopback and so without encryption; with a certificate as `registry.test`."""
    registry = Ecr(**options)
    for kept in (registry.blobs, registry.manifests, registry.tags):
        kept.update({name: {} for name in registry.repositories})
    with servers.serving(_handler(registry), certificate) as port:
        registry.host = f"{'registry.test' if certificate else '127.0.0.1'}:{port}"
        yield registry


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def _handler(registry: Ecr) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        default_request_version = (
            "HTTP/1.1"  # what docker asks with encryption first is answered so that it sees the difference
        )
        uses: ClassVar[Counter[str]] = Counter()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            address = urlsplit(self.path)
            body = self._body()
            with registry.lock:
                registry.asked.append((self.command, self.path))
                registry.passwords.add(self.headers.get("Authorization", ""))
                try:
                    answer = self._token(address.path) or self._of(address.path, dict(parse_qs(address.query)), body)
                except RefusedError as refused:
                    errors = {"errors": [{"code": refused.code, "message": refused.message}]}
                    answer = refused.status, json.dumps(errors).encode(), {}
            status, content, headers = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                registry.given += len(content)
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - names of the base class

        def _token(self, path: str) -> tuple[int, bytes, dict[str, str]] | None:
            if not registry.token_uses:
                return None
            if path == "/token":
                registry.tokens += 1
                self.uses[f"Bearer token-{registry.tokens}"] = registry.token_uses
                return 200, json.dumps({"token": f"token-{registry.tokens}"}).encode(), {}
            given = self.headers.get("Authorization", "")
            self.uses[given] -= 1
            if self.uses[given] < 0:
                realm = f'Bearer realm="https://{registry.host}/token",service="ecr",scope="repository:shop:push"'
                return 401, b"{}", {"WWW-Authenticate": realm}
            return None

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                pieces = []
                while size := int(self.rfile.readline(), 16):
                    pieces.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(pieces)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _of(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes, dict[str, str]]:
            repository, kind, reference = _parts(path)
            if repository not in registry.repositories:
                said = f"The repository with name '{repository}' does not exist in the registry with id '123456789012'"
                raise RefusedError(404, "NAME_UNKNOWN", said)
            if kind == "uploads":
                return self._upload(repository, reference, query, body)
            if kind == "blobs":
                return self._blob(repository, reference)
            if self.command == "PUT":
                return _put(registry, repository, reference, self.headers["Content-Type"], body)
            digest = reference if reference.startswith("sha256:") else registry.tags[repository].get(reference, "")
            found = registry.manifests[repository].get(digest)
            if found is None or found[0] not in (self.headers.get("Accept") or ""):
                raise RefusedError(404, "MANIFEST_UNKNOWN", "Requested image not found")
            headers = {"Content-Type": found[0], "Docker-Content-Digest": digest, "Content-Length": str(len(found[1]))}
            return 200, found[1], headers

        def _blob(self, repository: str, digest: str) -> tuple[int, bytes, dict[str, str]]:
            content = registry.blobs[repository].get(digest)
            if content is None:
                raise RefusedError(404, "BLOB_UNKNOWN", "blob unknown to registry")
            return 200, content, {"Docker-Content-Digest": digest, "Content-Length": str(len(content))}

        def _upload(
            self, repository: str, upload: str, query: dict[str, list[str]], body: bytes
        ) -> tuple[int, bytes, dict[str, str]]:
            if self.command == "POST":
                (mount,), (other,) = query.get("mount", [""]), query.get("from", [""])
                if registry.mounting and mount in registry.blobs.get(other, {}):
                    registry.blobs[repository][mount] = registry.blobs[other][mount]
                    return 201, b"", {"Location": f"/v2/{repository}/blobs/{mount}"}
                begun = str(uuid.uuid4())
                registry.uploads[begun] = b""
                return 202, b"", {"Location": f"/v2/{repository}/blobs/uploads/{begun}"}
            if upload not in registry.uploads:
                raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            if self.command == "PATCH":
                registry.uploads[upload] = registry.uploads[upload] or body
                end = len(registry.uploads[upload]) - 1
                return 201, b"", {"Location": f"/v2/{repository}/blobs/uploads/{upload}", "Range": f"0-{end}"}
            body = registry.uploads.pop(upload) or body
            (digest,) = query["digest"]
            registry.received[digest] += 1
            registry.taken += len(body)
            if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
                raise RefusedError(400, "DIGEST_INVALID", "Layer digest does not match its content")
            registry.blobs[repository][digest] = body
            return 201, b"", {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}

    return Handler


def _parts(path: str) -> tuple[str, str, str]:
    for kind in ("/blobs/uploads/", "/blobs/", "/manifests/"):
        repository, found, reference = path.removeprefix("/v2/").partition(kind)
        if found:
            return repository, kind.strip("/").rpartition("/")[2], reference
    raise RefusedError(404, "UNSUPPORTED", "The operation is unsupported")


def _put(registry: Ecr, repository: str, reference: str, media_type: str, body: bytes) -> tuple[int, bytes, Any]:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if media_type not in MANIFESTS:
        raise RefusedError(405, "UNSUPPORTED", f"Invalid parameter: unsupported media type {media_type}")
    document = json.loads(body)
    if document.get("mediaType", media_type) != media_type:
        raise RefusedError(
            400, "MANIFEST_INVALID", "The media type of the manifest is another one than that of the request"
        )
    there = registry.blobs[repository]
    for entry in (document.get("config"), *document.get("layers", ())):
        if entry is not None and len(there.get(entry["digest"], b"")) != entry["size"]:
            raise RefusedError(400, "BLOB_UNKNOWN", f"The image layer {entry['digest']} does not exist")
    if reference.startswith("sha256:"):
        if reference != digest:
            raise RefusedError(400, "DIGEST_INVALID", "The digest of the manifest is another one")
    elif registry.immutable and reference in registry.tags[repository]:
        said = f"The image tag '{reference}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
        raise RefusedError(400, "TAG_INVALID", said)
    else:
        registry.tags[repository][reference] = digest
    registry.manifests[repository][digest] = (media_type, body)
    return 201, b"", {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
