"""A stand-in of the AWS services that the sample's services call, just enough for one event: run in a container beside theirs."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from images.engine import LAMBDA_BASE, LAMBDA_LIKE, Engine, Image

# One table (PutItem with a condition, GetItem, Query by any equality) and buckets (PutObject), as JSON over HTTP. `GET /` tells
# what is in the buckets.
_SERVER = """
import http.server, json
items, objects = {}, {}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, document, status=200):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self):
        asked, operation = json.loads(self.body()), self.headers["X-Amz-Target"].partition(".")[2]
        if operation == "PutItem":
            key = asked["Item"]["id"]["S"]
            if key in items:
                name = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
                return self.answer({"__type": name, "message": "there", "Item": items[key]}, 400)
            items[key] = asked["Item"]
            return self.answer({})
        if operation == "GetItem":
            found = items.get(asked["Key"]["id"]["S"])
            return self.answer({"Item": found} if found else {})
        values = list(asked["ExpressionAttributeValues"].values())
        found = [item for item in items.values() if any(value in item.values() for value in values)]
        return self.answer({"Items": found, "Count": len(found), "ScannedCount": len(found)})

    def do_PUT(self):
        objects[self.path] = self.body().decode()
        self.answer(None)

    def do_GET(self):
        self.answer(objects)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", 4566), Handler).serve_forever()
"""
_REQUEST = """
import sys, urllib.request
data = sys.argv[2].encode() if len(sys.argv) > 2 else None
print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=data), timeout=120).read().decode())
"""
_INVOCATIONS = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"


@dataclass(frozen=True, kw_only=True)
class Aws:
    """The stand-in, by its container; functions share its network."""

    engine: Engine
    container: str

    @property
    def objects(self) -> Mapping[str, str]:
        """What was put into buckets, by path."""
        return dict(json.loads(self._request("http://127.0.0.1:4566/")))

    def invoke(self, image: Image, handler: str, event: object, environment: Mapping[str, str]) -> Any:
        """Run a function as Lambda does, through the runtime interface, and send it one event."""
        variables = {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_REGION": "eu-central-1",
            **environment,
        }
        options = [f"--env={name}={value}" for name, value in variables.items()]
        options += [f"--platform={image.platform}", f"--network=container:{self.container}", *LAMBDA_LIKE]
        function = self.engine.docker("run", "--detach", *options, image.name, handler).strip()
        try:
            answer = json.loads(self._request(_INVOCATIONS, json.dumps(event)))
            assert "errorType" not in answer, (answer, self.engine.docker("logs", function))
            return answer
        finally:
            self.engine.docker("rm", "--force", function)

    def _request(self, *arguments: str) -> str:
        for attempt in range(50):
            try:
                return self.engine.docker("exec", self.container, "python3", "-c", _REQUEST, *arguments)
            except AssertionError as error:
                # The server may not listen yet.
                if "Connection refused" not in str(error) or attempt == 49:
                    raise
                time.sleep(0.2)
        raise AssertionError("unreachable")


@contextmanager
def running(engine: Engine) -> Iterator[Aws]:
    """Start it, and end it afterwards."""
    name = f"uv-workspace-function-test-{uuid.uuid4().hex[:12]}"
    options = ["--rm", "--detach", f"--name={name}", f"--platform={engine.native}", "--entrypoint=python3"]
    engine.docker("run", *options, LAMBDA_BASE, "-c", _SERVER)
    try:
        yield Aws(engine=engine, container=name)
    finally:
        engine.docker("rm", "--force", name)
