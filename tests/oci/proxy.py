"""A proxy before a registry that answers itself, cuts connections, spoils what it passes on, or has a process end."""

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from oci.serving import serving


@dataclass(kw_only=True)
class Fault:
    """What happens to requests, the next ones that it fits."""

    method: str
    path: str
    """A pattern that the path has somewhere."""
    times: int = 1
    status: int = 0
    """The answer's, instead of passing it on."""
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    """Whether the connection ends in the middle of the content."""
    is_lost: bool = False
    """Whether the connection ends before the registry's answer is passed on."""
    is_spoiled: bool = False
    """Whether the content is passed on with another byte."""
    before: Callable[[], None] | None = None
    """Is called instead of passing it on; the connection ends."""
    after: Callable[[], None] | None = None
    """Is called after it was answered by the registry, before the answer is passed on."""


@dataclass(kw_only=True)
class Proxy:
    """What is in its way."""

    host: str = ""
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets."""
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def before(host: str) -> Iterator[Proxy]:
    """Stand before a registry, on loopback."""
    proxy = Proxy()
    with serving(_handler(proxy, host)) as port:
        proxy.host = f"127.0.0.1:{port}"
        yield proxy


def _handler(proxy: Proxy, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            fault = proxy.next(self.command, self.path) or Fault(method="", path="")
            size = int(self.headers.get("Content-Length") or 0)
            if fault.is_cut:
                self.rfile.read(size // 2)
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            body = self.rfile.read(size)
            if fault.before:
                fault.before()
                self.close_connection = True
                return
            if fault.status:
                self._send(fault.status, fault.headers, b"{}")
                return
            if fault.is_spoiled:
                body = body[:-1] + bytes([body[-1] ^ 1])
            connection = http.client.HTTPConnection(host)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if fault.after:
                fault.after()
            if fault.is_lost:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self._send(answer.status, dict(answer.getheaders()), content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _pass_on  # noqa: N815 - names of the base class

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            with suppress(OSError):  # who asked may have ended
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

    return Handler
