"""A program: Lambda's side of the Runtime API, for one call. Run in a service's image, by the Python of the image.

It starts the image's own entrypoint, which is or starts AWS's runtime client, gives it one event, and reports how that went on
standard output; what the function writes goes to standard error. It imports only the standard library.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VERSION = "/2018-06-01/runtime/"


def main() -> None:
    """Carry out the request given as JSON in the first argument, with the event on standard input."""
    request = json.loads(sys.argv[1])
    happened: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _api(sys.stdin.buffer.read(), request, happened))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    started = time.perf_counter()
    process = subprocess.Popen(
        [*request["entrypoint"], request["handler"]],
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"},
        stdin=subprocess.DEVNULL,
        stdout=2,
        start_new_session=True,
    )
    threading.Thread(target=lambda: happened.put(("ended", str(process.wait()).encode())), daemon=True).start()
    report: dict[str, Any] = {"runtime": False}
    try:
        what, body = happened.get(timeout=request["timeout"])
        if what == "next":
            report = {"runtime": True, "initialisation": time.perf_counter() - started}
            started = time.perf_counter()
            what, body = happened.get(timeout=request["timeout"])
            report["duration"] = time.perf_counter() - started
    except queue.Empty:
        what, body = "late", b""
        if "initialisation" in report:
            report["duration"] = time.perf_counter() - started
    report.update({"what": what, "body": body.decode(errors="replace"), "memory": _peak_memory(process.pid)})
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    sys.stdout.write(json.dumps(report))


def _api(
    event: bytes, request: "dict[str, Any]", happened: "queue.SimpleQueue[tuple[str, bytes]]"
) -> "type[BaseHTTPRequestHandler]":
    asked = threading.Lock()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != f"{_VERSION}invocation/next":
                self._answer(404, b"")
                return
            asked.acquire()  # there is one event: who asks again waits for ever, as a function that is frozen does
            happened.put(("next", b""))
            headers = {
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + request["timeout"]) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": request["arn"],
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            }
            self._answer(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(202, b'{"status": "OK"}')
            what = self.path.rpartition("/")[2]
            if what in ("response", "error"):
                happened.put((what, body))

        def _answer(self, status: int, body: bytes, headers: "dict[str, str] | None" = None) -> None:
            self.send_response(status)
            fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Api


def _peak_memory(process: int) -> "int | None":
    """Bytes of resident memory that a process took at the most; None where it is gone."""
    try:
        with open(f"/proc/{process}/status", encoding="utf-8") as stream:  # noqa: PTH123 the fewer imports, the quicker
            peaks = [line.split()[1] for line in stream if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else None
    except OSError:
        return None


if __name__ == "__main__":
    main()
