"""A program: it calls a handler once, as Lambda does, and reports how that went. Run by the Python of a service's own environment.

It imports only the standard library, and as little of it as possible: whatever is loaded here, the handler's own code finds loaded.
"""

import decimal
import importlib
import json
import logging
import os
import sys
import time
import traceback
import uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Carry out the request in the file given first; the report goes to the file descriptor given second, a JSON line a step.

    A request without an event asks only for the import.
    """
    with open(sys.argv[1], encoding="utf-8") as stream:  # noqa: PTH123 the fewer imports, the less there is to shadow
        request = json.load(stream)
    descriptor = int(sys.argv[2])
    os.set_inheritable(descriptor, False)
    context = Context(request["timeout"], request["function"])
    _log_as_lambda_does(context)
    os.environ["_X_AMZN_TRACE_ID"] = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
    sys.path[:0] = request["folders"]
    report: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3]))}
    _tell(descriptor, report)
    try:
        started = time.perf_counter()
        handler = _imported(request["handler"])
        report["initialisation"] = time.perf_counter() - started
        _tell(descriptor, report)
        if "event" in request:
            context.begin()
            started = time.perf_counter()
            try:
                answer = handler(request["event"], context)
            finally:
                report["duration"] = time.perf_counter() - started
            report["answer"] = _as_json(answer)
    except BaseException as error:  # noqa: BLE001 whatever it is, the report tells it
        report["failure"] = _as_text(error)
        report["error"] = [type(error).__name__, str(error)]
        report["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        report["frames"] = [[frame.filename, frame.lineno] for frame in traceback.extract_tb(error.__traceback__)]
    _tell(descriptor, {**report, "memory": peak_memory("self"), "done": True})


class Identity:
    """Who called, by Amazon Cognito: nobody."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What Lambda tells a handler: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    def __init__(self, timeout: float, function: str) -> None:
        self._timeout = timeout
        self._deadline = 0.0
        self.aws_request_id = ""
        self.invoked_function_arn = f"arn:aws:lambda:{os.environ.get('AWS_REGION')}:123456789012:function:{function}"
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = None
        self.identity = Identity()
        self.tenant_id = None

    def begin(self) -> None:
        """From now on the time runs."""
        self.aws_request_id = str(uuid.uuid4())
        self._deadline = time.time() + self._timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the call is ended."""
        return max(0, int((self._deadline - time.time()) * 1000))

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))


def peak_memory(process: str) -> "int | None":
    """Bytes of resident memory that a process took at the most.

    Args:
        process: its id, or `self`.
    """
    try:
        with open(f"/proc/{process}/status", encoding="utf-8") as stream:  # noqa: PTH123 as above
            peaks = [line.split()[1] for line in stream if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else None
    except OSError:
        if process != "self":
            return None
        import resource  # noqa: PLC0415 where there is no /proc; here the figure is in bytes

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _imported(handler: str) -> "Any":
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)


def _as_json(answer: object) -> str:
    """An answer as Lambda's runtime writes it: bytes as they are, a `Decimal` as a number; what is no JSON is an error."""
    try:
        if isinstance(answer, bytes):
            return answer.decode()
        return json.dumps(answer, default=_number, ensure_ascii=False)
    except Exception as error:  # noqa: BLE001 as in AWS's runtime client
        raise MarshalError(f"Unable to marshal response: {error}") from None


class MarshalError(Exception):
    """An answer that is no JSON; Lambda says `Runtime.MarshalError`."""


def _number(value: object) -> float:
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _as_text(error: BaseException) -> str:
    """A traceback that begins in the code that was called."""
    if isinstance(error, MarshalError):
        return f"Runtime.MarshalError: {error}"
    whole = traceback.TracebackException.from_exception(error)
    ours = (__file__, importlib.__file__)
    while whole.stack and (whole.stack[0].filename in ours or whole.stack[0].filename.startswith("<frozen importlib")):
        del whole.stack[0]
    return "".join(whole.format()).rstrip()


def _log_as_lambda_does(context: Context) -> None:
    """Give the root logger a handler, or what a function logs below a warning would not be seen."""

    class Formatter(logging.Formatter):
        converter = staticmethod(time.gmtime)

        def format(self, record: logging.LogRecord) -> str:
            record.aws_request_id = context.aws_request_id
            return super().format(record)

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.getLogger().addHandler(handler)


def _tell(descriptor: int, report: "dict[str, Any]") -> None:
    line = json.dumps(report).encode() + b"\n"
    while line:
        line = line[os.write(descriptor, line) :]


if __name__ == "__main__":
    main()
