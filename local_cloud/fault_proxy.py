"""A proxy before DynamoDB that throttles some of the puts, and lets a worker be killed right after others."""

import contextlib
import http.client
import http.server
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
).encode()


class FaultProxy:
    """An HTTP proxy on this machine, in front of the emulator; use it as a context manager.

    Args:
        emulator: the emulator's address.
        host: the address to listen at, on a free port.
        throttled: the share of puts that are refused as throttled, 0 to 1.
        outage: begin and end, in seconds after the first put, of a time in which all are.
        kill_after: the counts of stored items right after which `kill` is called, before the worker hears of it.
        kill: ends the worker.
        seed: of the random choice of puts.
    """

    def __init__(
        self,
        emulator: str,
        *,
        host: str,
        throttled: float,
        outage: tuple[float, float],
        kill_after: frozenset[int],
        kill: Callable[[], None],
        seed: int,
    ) -> None:
        self._emulator = urlsplit(emulator)
        self._throttled, self._outage, self._kill_after, self._kill = throttled, outage, kill_after, kill
        self._random = random.Random(seed)  # noqa: S311, it chooses faults and guards nothing
        self._lock = threading.Lock()
        self._first_put: float | None = None
        self.stored: Counter[str] = Counter()
        """How often DynamoDB took an event, by its id."""
        self.puts = self.refused = self.kills = 0
        self._host = host
        self._server: http.server.ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """The port it listens at."""
        if self._server is None:
            raise RuntimeError("the proxy listens inside its with block only")
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # a worker that was killed says no goodbye
                    super().handle()

            def do_POST(self) -> None:
                proxy._handle(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base class's name
                pass

        self._server = http.server.ThreadingHTTPServer((self._host, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def _handle(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        is_put = request.headers.get("X-Amz-Target", "").endswith(".PutItem")
        if is_put and self.refuses():
            self._answer(request, 400, {"Content-Type": "application/x-amz-json-1.0"}, _THROTTLED)
            return
        status, headers, answer = self._forward(request, body)
        if is_put and status == 200 and self._count(json.loads(body)["Item"]["id"]["S"]):
            # The item is stored, the worker is dead before it learns so, and the queue has not heard of either.
            self._kill()
            request.close_connection = True
            return
        with contextlib.suppress(OSError):  # the worker did not wait for the answer
            self._answer(request, status, headers, answer)

    def refuses(self) -> bool:
        """Whether the next put is refused as throttled."""
        with self._lock:
            now = time.monotonic()
            self._first_put = self._first_put or now
            self.puts += 1
            begin, end = self._outage
            refuses = begin <= now - self._first_put < end or self._random.random() < self._throttled
            self.refused += refuses
            return refuses

    def _count(self, event_id: str) -> bool:
        """Note a stored event; whether the worker is to be killed now."""
        with self._lock:
            self.stored[event_id] += 1
            kills = self.stored.total() in self._kill_after
            self.kills += kills
            return kills

    def _forward(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._emulator.hostname or "", self._emulator.port, timeout=30)
        try:
            connection.request("POST", request.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        unhopped = {"connection", "content-length", "transfer-encoding", "date", "server"}
        return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in unhopped}, content

    @staticmethod
    def _answer(request: http.server.BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
