"""What the services' tests share: AWS made up by moto, and services that start cold in it."""

import importlib
import importlib.util
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import boto3
import pytest
from moto import mock_aws

SERVICES = Path(__file__).parents[2] / "services"
REGION: Literal["eu-west-1"] = "eu-west-1"
ENVIRONMENT = {
    "TABLE_NAME": "events",
    "SOURCE_INDEX": "by-source",
    "DAY_INDEX": "by-day",
    "BUCKET_NAME": "reports-of-somebody",
    "REPORT_PREFIX": "reports/",
    "EXPORT_PREFIX": "exports/",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}

# A standalone project has an environment of its own; its tests run there, by the last command of `make test`.
HAS_LEGACY_EXPORT = importlib.util.find_spec("legacy_export") is not None
collect_ignore = [] if HAS_LEGACY_EXPORT else ["legacy_export"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not HAS_LEGACY_EXPORT:
        terminalreporter.write_line(
            "legacy_export is tested by: uv run --project services/legacy_export pytest tests/services/legacy_export"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What Lambda says of an invocation, as far as the services read it."""

    function_name: str = "service"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:service"
    aws_request_id: str = "8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f"


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def sample() -> Callable[[str, str], dict[str, Any]]:
    """Reads a sample event from beside its service."""

    def read(service: str, name: str) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((SERVICES / service / "events" / f"{name}.json").read_text())
        return event

    return read


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One session for all tests: it reads the description of each AWS service once."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, session: boto3.Session) -> Iterator[None]:
    """An empty AWS account in memory, whatever emulator or profile the environment names."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@pytest.fixture
def table(aws: None) -> Any:
    """The table of services/README.md, as a boto3 resource."""
    keys = ("id", "source", "time", "day")
    read_for_reports = ["source", "type", "time", "value"]
    return boto3.resource("dynamodb").create_table(
        TableName="events",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-source",
                "KeySchema": [
                    {"AttributeName": "source", "KeyType": "HASH"},
                    {"AttributeName": "time", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": "by-day",
                "KeySchema": [
                    {"AttributeName": "day", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": read_for_reports},
            },
        ],
    )


@pytest.fixture
def bucket(aws: None) -> Any:
    """The bucket for reports and exports, as a boto3 resource."""
    return boto3.resource("s3").create_bucket(
        Bucket=ENVIRONMENT["BUCKET_NAME"], CreateBucketConfiguration={"LocationConstraint": REGION}
    )


@pytest.fixture
def cold_start(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], ModuleType]:
    """Imports a service's `main` as Lambda does: its clients, settings and logger are made then and there."""

    def start(package: str) -> ModuleType:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        # Otherwise Powertools would go on writing to an earlier test's standard output.
        monkeypatch.delitem(logging.Logger.manager.loggerDict, package.replace("_", "-"), raising=False)
        return importlib.import_module(f"{package}.main")

    return start


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Reads what was logged since the last call, each line of standard output as JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
