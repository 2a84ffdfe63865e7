"""As much of AWS as `cdk-assets` asks before it calls docker, over a registry of this machine; it counts what it is asked.

STS: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, and ECR:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html and the two beside it.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from oci import serving as servers
from oci.ecr import Ecr

ACCOUNT = "123456789012"
USER, PASSWORD = "AWS", "token-of-a-registry"
_IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult>"
    f"<Arn>arn:aws:sts::{ACCOUNT}:user/a</Arn><UserId>a</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
_ROLE = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
    "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2099-01-01T00:00:00Z</Expiration>"
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


@dataclass(kw_only=True)
class Aws:
    """An account with a registry."""

    registry: Ecr
    endpoint: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each action was asked for."""

    def environment(self) -> dict[str, str]:
        """What leads to it, instead of to AWS."""
        keys = {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"}
        return {**keys, "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}

    def answer(self, action: str, body: dict[str, Any]) -> tuple[int, str]:
        """The status, and the document."""
        match action:
            case "GetCallerIdentity":
                return 200, _IDENTITY
            case "AssumeRole":
                return 200, _ROLE
            case "GetAuthorizationToken":
                token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                data = {"authorizationToken": token, "proxyEndpoint": f"https://{self.registry.host}"}
                return 200, json.dumps({"authorizationData": [data]})
            case "DescribeRepositories":
                (name,) = body["repositoryNames"]
                return 200, json.dumps({"repositories": [{"repositoryUri": f"{self.registry.host}/{name}"}]})
            case "DescribeImages":
                (asked,) = body["imageIds"]
                digest = self.registry.tags[body["repositoryName"]].get(asked["imageTag"])
                if digest is None:
                    return 400, json.dumps({"__type": "ImageNotFoundException", "message": "no such image"})
                return 200, json.dumps({"imageDetails": [{"imageDigest": digest, "imageTags": [asked["imageTag"]]}]})
            case _:
                return 400, json.dumps(
                    {"__type": "InvalidParameterException", "message": f"{action} is not known here"}
                )


@contextmanager
def serving(registry: Ecr) -> Iterator[Aws]:
    """Serve an account with a registry on loopback."""
    aws = Aws(registry=registry)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            action = target or parse_qs(body)["Action"][0]
            with registry.lock:
                aws.asked[action] += 1
                status, document = aws.answer(action, json.loads(body) if target else {})
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1" if target else "text/xml")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document.encode())

    with servers.serving(Handler) as port:
        aws.endpoint = f"http://127.0.0.1:{port}"
        yield aws
