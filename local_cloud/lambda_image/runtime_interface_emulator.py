#!/var/lang/bin/python3.14 -IS
"""A stand-in for AWS's Runtime Interface Emulator: `aws-lambda-rie PROGRAM...`

Port 8080 takes `POST /2015-03-31/functions/function/invocations` and answers with what the function answered. Port 9001,
on loopback, is the Runtime API for PROGRAM, which is started at the first invocation: that is the init phase.

Programs in /opt/extensions are external extensions. They are started before PROGRAM and use the Extensions API: an init waits until
each has registered and asked for its first event, an invocation until those that registered for INVOKE have asked for the next, and
SIGTERM gives those that registered for SHUTDOWN two seconds.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html

As the real one: one invocation at a time; START, END and REPORT lines (here on stderr), `Init Duration` in a cold start's
REPORT; 200 and the error as JSON when the handler raised; 502 and the error as JSON when the init failed or the runtime
ended; 200 and "Task timed out after N.00 seconds" past AWS_LAMBDA_FUNCTION_TIMEOUT.

It writes no file and imports little, because each import costs time when the processor is emulated.
"""

import json
import os
import signal
import socket
import sys
import threading
import time

TYPE_CHECKING = False  # typing itself takes time to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedRWPair
    from typing import Any

    Stream = BufferedRWPair[Any, Any]
    Headers = dict[str, str]
    Request = tuple[str, str, Headers, bytes]
    Handler = Callable[[Stream, str, str, Headers, bytes], None]

ENVIRONMENT = {
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Functions",
    "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
    "AWS_LAMBDA_FUNCTION_NAME": "test_function",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    **os.environ,
}
TIMEOUT = int(ENVIRONMENT.get("AWS_LAMBDA_FUNCTION_TIMEOUT") or 300)
ARN = ENVIRONMENT.get("_LAMBDA_FUNCTION_ARN") or (
    f"arn:aws:lambda:us-east-1:012345678912:function:{ENVIRONMENT['AWS_LAMBDA_FUNCTION_NAME']}"
)
RUNTIME_API = "127.0.0.1:9001"
EXTENSIONS = "/opt/extensions"
SHUTDOWN_SECONDS = 2


def log(line: str) -> None:
    os.write(2, f"{line}\n".encode())


def read_request(stream: "Stream") -> "Request | None":
    """Method, path, headers (names in small letters) and body; None at the end of the connection."""
    line = stream.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while field := stream.readline().strip():
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.flush()
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return method, path, headers, stream.read(int(headers.get("content-length") or 0))
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return method, path, headers, body


def answer(stream: "Stream", status: int, body: bytes = b"", headers: "dict[str, Any] | None" = None) -> None:
    fields = {"Content-Type": "application/json", "Content-Length": len(body), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    stream.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body)
    stream.flush()


def serve(address: tuple[str, int], handle: "Handler") -> None:
    """Answer each connection in a thread of its own; the socket listens when this returns."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(64)

    def converse(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rwb") as stream:
                while request := read_request(stream):
                    handle(stream, *request)
        except (OSError, ValueError):
            pass  # the other side went away, or never spoke HTTP

    def accept() -> None:
        while True:
            threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


class Extensions:
    """The external extensions and the events that they wait for. Every field is read and written under `changed`."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.started: dict[str, int] = {}  # a program's name -> its process
        self.registered: dict[str, dict[str, Any]] = {}  # by the identifier that each was given

    def start(self) -> None:
        """Start each once, and wait until all have registered; one that ends before is left out."""
        try:
            names = sorted(os.listdir(EXTENSIONS))  # noqa: PTH208, pathlib takes time to import
        except OSError:
            return
        environment = {**ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": RUNTIME_API}
        for name in names:
            path = f"{EXTENSIONS}/{name}"
            if name not in self.started and os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
                pid = os.posix_spawn(path, [path], environment)
                with self.changed:
                    self.started[name] = pid
                threading.Thread(target=self.watch, args=(name, pid), daemon=True).start()
        with self.changed:
            self.changed.wait_for(
                lambda: self.started.keys() <= {each["name"] for each in self.registered.values()}, 10
            )

    def watch(self, name: str, pid: int) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        log(f"EXTENSION {name} ended with exit status {code}")
        with self.changed:
            self.started.pop(name, None)
            self.registered = {key: each for key, each in self.registered.items() if each["name"] != name}
            self.changed.notify_all()

    def tell(self, kind: str, event: "dict[str, Any]") -> None:
        """Give an event to those that registered for it."""
        with self.changed:
            for each in self.registered.values():
                if kind in each["events"]:
                    each["pending"].append({"eventType": kind, **event})
                    each["waiting"] = False
            self.changed.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until every extension asks for an event that there is not."""
        with self.changed:
            self.changed.wait_for(lambda: all(each["waiting"] for each in self.registered.values()), seconds)

    def shut_down(self) -> None:
        deadline = int((time.time() + SHUTDOWN_SECONDS) * 1000)
        self.tell("SHUTDOWN", {"shutdownReason": "spindown", "deadlineMs": deadline})
        with self.changed:
            told = [each["name"] for each in self.registered.values() if "SHUTDOWN" in each["events"]]
            self.changed.wait_for(lambda: not self.started.keys() & set(told), SHUTDOWN_SECONDS)

    def api(self, stream: "Stream", method: str, path: str, headers: "Headers", body: bytes) -> None:
        call = path.removeprefix("/2020-01-01/extension/")
        if (method, call) == ("POST", "register"):
            self.register(stream, headers, body)
            return
        with self.changed:
            extension = self.registered.get(headers.get("lambda-extension-identifier", ""))
        if extension is None:
            answer(stream, 403, b'{"errorType":"Extension.UnknownExtensionIdentifier","errorMessage":"register first"}')
        elif (method, call) == ("GET", "event/next"):
            with self.changed:
                extension["waiting"] = not extension["pending"]
                self.changed.notify_all()
                while not extension["pending"]:
                    self.changed.wait()
                event = extension["pending"].pop(0)
            answer(stream, 200, json.dumps(event).encode())
        elif method == "POST" and call in ("init/error", "exit/error"):
            log(f"EXTENSION {extension['name']} says {call}: {body.decode(errors='replace')}")
            answer(stream, 202, b'{"status":"OK"}')
        else:
            answer(stream, 404)

    def register(self, stream: "Stream", headers: "Headers", body: bytes) -> None:
        name, identifier = headers.get("lambda-extension-name", ""), new_request_id()
        with self.changed:
            if name not in self.started:  # it has to be the name of the file
                answer(stream, 403, b'{"errorType":"Extension.UnknownExtension","errorMessage":"no such extension"}')
                return
            events = json.loads(body or b"{}").get("events", [])
            self.registered[identifier] = {"name": name, "events": events, "pending": [], "waiting": False}
            self.changed.notify_all()
        log(f"EXTENSION Name: {name} State: Registered Events: {events}")
        about = {
            "functionName": ENVIRONMENT["AWS_LAMBDA_FUNCTION_NAME"],
            "functionVersion": ENVIRONMENT["AWS_LAMBDA_FUNCTION_VERSION"],
            "handler": ENVIRONMENT.get("_HANDLER", ""),
        }
        answer(stream, 200, json.dumps(about).encode(), {"Lambda-Extension-Identifier": identifier})


class Runtime:
    """The function's runtime process and the invocation it is at. Every field is read and written under `changed`."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.extensions = Extensions()
        self.one_at_a_time = threading.Lock()
        self.changed = threading.Condition()
        self.pid: int | None = None
        self.ready = False
        self.invocation: dict[str, Any] | None = None
        self.outcome: tuple[int, bytes] | None = None  # status and body

    def settle(self, status: int, body: bytes) -> None:
        """The first outcome of an invocation counts: an answer, an error, or the runtime's end."""
        with self.changed:
            if self.outcome is None:
                self.outcome = (status, body)
            self.changed.notify_all()

    def start(self) -> None:
        environment = {**ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": RUNTIME_API}
        pid = os.posix_spawnp(self.command[0], self.command, environment)
        with self.changed:
            self.pid, self.ready = pid, False
        threading.Thread(target=self.watch, args=(pid,), daemon=True).start()

    def watch(self, pid: int) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with self.changed:
            request_id = self.invocation["id"] if self.invocation else ""
            if self.pid == pid:
                self.pid = None
        reason = f"exit status {code}" if code >= 0 else f"signal: {-code}"
        message = f"RequestId: {request_id} Error: Runtime exited with error: {reason}"
        self.settle(502, json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message}).encode())

    def end(self) -> None:
        with self.changed:
            pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            with self.changed:
                self.changed.wait_for(lambda: self.pid != pid, 5)

    def runtime_api(self, stream: "Stream", method: str, path: str, headers: "Headers", body: bytes) -> None:
        """What the runtime client asks for: the next invocation, and where its outcome goes. And what extensions do."""
        if path.startswith("/2020-01-01/extension/"):
            self.extensions.api(stream, method, path, headers, body)
            return
        call = path.removeprefix("/2018-06-01/runtime/")
        if call == "invocation/next":
            with self.changed:
                self.ready = True
                self.changed.notify_all()
                while (invocation := self.invocation) is None or invocation["taken"]:
                    self.changed.wait()
                invocation["taken"] = True
            answer(
                stream,
                200,
                invocation["payload"],
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation["id"],
                    "Lambda-Runtime-Deadline-Ms": int((time.time() + TIMEOUT) * 1000),
                    "Lambda-Runtime-Invoked-Function-Arn": ARN,
                    "Lambda-Runtime-Trace-Id": invocation["trace"],
                },
            )
        elif method == "POST":
            answer(stream, 202, b'{"status":"OK"}')
            if call == "init/error":
                self.settle(502, body)
            elif self.invocation and self.invocation["id"] in call:
                self.settle(200, body)  # invocation/ID/response and invocation/ID/error alike
        else:
            answer(stream, 404)

    def invoke(self, payload: bytes, headers: "Headers") -> tuple[int, bytes]:
        """Run one invocation, starting the runtime where there is none; returns status and body."""
        with self.one_at_a_time:
            with self.changed:
                self.outcome, self.invocation, cold = None, None, self.pid is None
            started = time.monotonic()
            if cold:
                self.extensions.start()
                self.start()
            with self.changed:
                self.changed.wait_for(lambda: self.ready or self.outcome is not None)
            self.extensions.settle(10)
            init = f"Init Duration: {(time.monotonic() - started) * 1000:.2f} ms\t" if cold else ""
            request_id = headers.get("x-amzn-requestid") or new_request_id()
            log(f"START RequestId: {request_id} Version: {ENVIRONMENT['AWS_LAMBDA_FUNCTION_VERSION']}")
            started = time.monotonic()
            with self.changed:
                if self.outcome is None:
                    trace = headers.get("x-amzn-trace-id", "")
                    event = {
                        "requestId": request_id,
                        "deadlineMs": int((time.time() + TIMEOUT) * 1000),
                        "invokedFunctionArn": ARN,
                        "tracing": {"type": "X-Amzn-Trace-Id", "value": trace},
                    }
                    self.extensions.tell("INVOKE", event)
                    self.invocation = {"id": request_id, "payload": payload, "taken": False, "trace": trace}
                    self.changed.notify_all()
                self.changed.wait_for(lambda: self.outcome is not None, TIMEOUT)
                timed_out = (0, f"Task timed out after {TIMEOUT}.00 seconds".encode())
                status, body = self.outcome or timed_out
            self.extensions.settle(TIMEOUT)
            milliseconds = (time.monotonic() - started) * 1000
            memory = ENVIRONMENT["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
            log(f"END RequestId: {request_id}")
            log(
                f"REPORT RequestId: {request_id}\t{init}Duration: {milliseconds:.2f} ms\t"
                f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {memory} MB\tMax Memory Used: {memory} MB\t"
            )
            if status != 200:
                self.end()  # the next invocation starts a fresh one
            return status or 200, body

    def invocations(self, stream: "Stream", method: str, path: str, headers: "Headers", body: bytes) -> None:
        if method == "POST" and path == "/2015-03-31/functions/function/invocations":
            answer(stream, *self.invoke(body, headers))
        else:
            answer(stream, 404)


def new_request_id() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def main() -> None:
    runtime = Runtime(sys.argv[1:])

    def end() -> None:
        runtime.extensions.shut_down()
        os._exit(0)

    # In a thread of its own: a handler interrupts whoever holds the lock.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=end).start())
    host, port = RUNTIME_API.split(":")
    serve((host, int(port)), runtime.runtime_api)
    serve(("0.0.0.0", 8080), runtime.invocations)  # noqa: S104, the container's own network
    while True:
        signal.pause()


main()
