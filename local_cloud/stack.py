"""The deployed stack as its users see it: what it gives out, its queue, its HTTP API.

The environment decides where it is deployed, as for any AWS client (`emulator.environment`).
"""

import http.client
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from local_cloud.state import LocalCloudError

STACK = "ServiceStack"


def status(name: str = STACK) -> str | None:
    """CloudFormation's status of a stack; None where there is none."""
    try:
        stacks = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return stacks[0]["StackStatus"]


def outputs(name: str = STACK) -> dict[str, str]:
    """What a stack gives out, by name."""
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def bodies(event_file: Path) -> list[str]:
    """The message bodies in a sample event of a queue.

    Raises `LocalCloudError` where the file is not such an event.
    """
    try:
        return [record["body"] for record in json.loads(event_file.read_text())["Records"]]
    except OSError as error:
        raise LocalCloudError(f"{event_file} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise LocalCloudError(f"{event_file} is not JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise LocalCloudError(f"{event_file} is not an event of a queue: it has no Records with a body each") from error


def send(queue_url: str, messages: Sequence[str]) -> None:
    """Send messages to a queue, ten at a time, which is as many as SQS takes in one call."""
    sqs = boto3.client("sqs")
    for first in range(0, len(messages), 10):
        batch = messages[first : first + 10]
        entries: Any = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(batch)]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):
            raise LocalCloudError(f"the queue refused {len(answer['Failed'])} messages: {answer['Failed'][0]}")


def get(function_url: str, path: str) -> tuple[int, Any]:
    """Ask a function's URL for a path, signed as its IAM auth wants it; returns status and JSON.

    No name server knows the URL's host on this machine: the request goes to the emulator with that name as `Host`.
    """
    host = urlsplit(function_url).netloc
    request = AWSRequest("GET", f"https://{host}{path}", headers={"Host": host})
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise LocalCloudError("the environment has no credentials to sign the request with")
    SigV4Auth(credentials, "lambda", os.environ["AWS_REGION"]).add_auth(request)
    emulator = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(emulator.hostname or "", emulator.port, timeout=120)
    try:
        connection.request("GET", path, headers=dict(request.headers.items()))
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(body) if body else None


def invoke(function: str, event: Mapping[str, Any]) -> Any:
    """Invoke a function and return its answer.

    Raises `LocalCloudError` with the error's type and text where the function raised.
    """
    answer = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        raise LocalCloudError(f"{function} failed: {payload}")
    return payload


def last_lines(text: str, count: int) -> str:
    """The last lines that say something."""
    said: Iterable[str] = (line for line in text.splitlines() if line.strip())
    return "\n".join(list(said)[-count:])
