"""A registry on this machine, with encryption and tokens, that can be told to misbehave."""

import base64
import datetime as dt
import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from oci import serving as servers

USER, PASSWORD = "robot", "sesame"


@dataclass(kw_only=True)
class Registry:
    """What it serves, and how; requests are counted."""

    layout: Path
    host: str = ""
    certificate: Path
    login: str = "none"
    """`none`, `token` or `basic`."""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """What the next requests for a manifest get instead."""
    spoiled: bool = False
    """Whether blobs are others than they say."""
    asked: list[str] = field(default_factory=list)

    @property
    def image(self) -> str:
        """The name of the image that it has."""
        return f"{self.host}/lambda/python:3.14"


@contextmanager
def serving(layout: Path, folder: Path) -> Iterator[Registry]:
    """Serve the image of an OCI layout as `lambda/python:3.14`."""
    certificate, key = certificate_of(folder)
    registry = Registry(layout=layout, certificate=certificate)
    with servers.serving(_handler(registry), (certificate, key)) as port:
        # Names on loopback are asked without encryption; this one is no such name, and leads there.
        registry.host = f"registry.test:{port}"
        yield registry


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            registry.asked.append(self.path)
            if self.path.startswith("/token"):
                is_known = self.headers.get("Authorization") == _basic()
                self._send(200 if is_known else 401, json.dumps({"token": "t0k3n"}).encode() if is_known else b"{}")
                return
            if not self._is_let_in():
                challenge = (
                    f'Bearer realm="https://{registry.host}/token",service="registry",scope="repository:lambda/python:pull"'
                    if registry.login == "token"
                    else 'Basic realm="registry"'
                )
                self._send(401, b"{}", {"WWW-Authenticate": challenge})
                return
            if "/manifests/" in self.path and registry.answers:
                status, headers = registry.answers.pop(0)
                self._send(status, b"{}", headers)
                return
            self._send(*_content(registry, self.path))

        def _is_let_in(self) -> bool:
            wanted = {"none": None, "token": "Bearer t0k3n", "basic": _basic()}[registry.login]
            return wanted is None or self.headers.get("Authorization") == wanted

        def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _content(registry: Registry, path: str) -> tuple[int, bytes]:
    kind, _, reference = path.removeprefix("/v2/lambda/python/").partition("/")
    if reference == "3.14":
        index = json.loads((registry.layout / "index.json").read_text())
        reference = index["manifests"][0]["digest"]
    place = registry.layout / "blobs" / reference.replace(":", "/")
    if not path.startswith("/v2/lambda/python/") or not place.is_file():
        return 404, b"{}"
    content = place.read_bytes()
    return 200, content[:-1] + b"?" if registry.spoiled and kind == "blobs" else content


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def certificate_of(folder: Path) -> tuple[Path, Path]:
    """A certificate of `registry.test` and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.test")])
    now = dt.datetime.now(tz=dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("registry.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    places = folder / "certificate.pem", folder / "key.pem"
    places[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    places[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    return places
