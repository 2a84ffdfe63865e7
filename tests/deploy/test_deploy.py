"""The stack, deployed with the stock CDK CLI onto an emulator of AWS: what is built, what changes, and what events go through.

The tests share one deployment. Each compares what it finds before its own change with what it finds after, so that any of
them runs alone too; the one that destroys the stack is the last.
"""

import json
import subprocess
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from deploy.container_program import BASE, IS_WITHOUT_DOCKER
from deploy.registry import FUNCTIONS, RegistryImage, changed, count, functions, services_built

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION

pytestmark = pytest.mark.either_way

SERVICES = ["daily-report", "ingestion-worker", "legacy-export", "query-api"]
SINGLE_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DAY = "2026-02-03"
EVENTS: list[dict[str, Any]] = [
    {"id": "deploy-1", "source": "shop-oslo", "type": "order.placed", "time": f"{DAY}T08:15:00Z", "value": 10.5},
    {"id": "deploy-2", "source": "shop-oslo", "type": "order.placed", "time": f"{DAY}T08:45:00Z", "value": 4.5},
    {"id": "deploy-3", "source": "shop-rome", "type": "order.refunded", "time": f"{DAY}T23:59:59Z"},
]


def wait_for_event(url: str, event_id: str, *, seconds: float = 180) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        status, event = stack.get(url, f"/events/{event_id}")
        if status == 200:
            return dict(event)
        # 500: its first start took longer than it may, as an emulated processor does on a busy machine.
        assert status in {404, 500}, event
        assert time.monotonic() < until, f"{event_id} was not stored within {seconds:.0f} s: {event}"
        time.sleep(1)


def layers_of_the_engine(checkout: Checkout, tag: str) -> list[str]:
    """The DiffIDs of an image that was deployed, in the engine; where that did not build it, it builds the same context now."""
    (name,) = {call[1] for call in checkout.calls if call[0] == "tag" and call[2].endswith(f":{tag}")}
    if IS_WITHOUT_DOCKER:
        call = next(call for call in checkout.calls if call[0] == "build" and name in call)
        # The engine has both images by their own names: the mirror has the base image only, for one platform.
        words = [f"BASE_IMAGE={BASE}" if word.startswith("BASE_IMAGE=") else word for word in call[1:-1]]
        builder = next(at for at, word in enumerate(words) if word.startswith("BUILDER_IMAGE="))
        options = [*words[: builder - 1], *words[builder + 1 :], "--provenance=false", "--quiet"]
        folder = checkout.folder / f"cdk.out/asset.{tag}"
        subprocess.run(["docker", "build", *options, str(folder)], check=True, capture_output=True)
    inspected = subprocess.run(["docker", "image", "inspect", name], check=True, capture_output=True, text=True)
    (built,) = json.loads(inspected.stdout)
    layers: list[str] = built["RootFS"]["Layers"]
    return layers


def test_every_service_is_built_and_pushed_once(first_deployment: list[list[str]]) -> None:
    """The first deployment builds an image a service, pushes each, and no other."""
    assert services_built(first_deployment) == SERVICES
    assert count("push", first_deployment) == len(SERVICES)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_one_arm64_image_with_the_layers_that_were_built(deployed: Checkout, name: str) -> None:
    """Lambda takes one manifest of one platform; its layers are those that an engine makes, byte by byte."""
    function = functions()[name]
    image = RegistryImage.of(function.image_uri)
    built = layers_of_the_engine(deployed, function.image_uri.rpartition(":")[2])

    assert (function.package_type, function.architectures) == ("Image", ("arm64",))
    assert image.media_type in SINGLE_MANIFESTS
    assert (image.config["os"], image.config["architecture"]) == ("linux", "arm64")
    assert image.config["rootfs"]["diff_ids"] == built
    # The layers above the base image, which none of our builds made.
    assert [image.diff_id(layer) for layer in image.layers[-3:]] == built[-3:]


def test_a_deployment_without_a_change_builds_and_updates_nothing(deployed: Checkout) -> None:
    """The second deployment of the same tree runs no docker command and touches no function."""
    before = functions()
    assert deployed.deploy() == []
    assert functions() == before


def test_a_changed_service_is_built_pushed_and_updated_alone(deployed: Checkout) -> None:
    """A line in one service's code: one build, one push, one function updated, and the new bytes are its code's alone."""
    before = functions()
    layers = set(RegistryImage.of(before["QueryApi"].image_uri).layers)
    line = f"CHANGED_BY_A_TEST = {time.time_ns()}"
    deployed.append("services/query_api/src/query_api/requests.py", line)

    calls = deployed.deploy()

    after = functions()
    image = RegistryImage.of(after["QueryApi"].image_uri)
    (new_layer,) = set(image.layers) - layers
    files = image.files(new_layer)
    assert services_built(calls) == ["query-api"]
    assert count("push", calls) == 1
    assert changed(before, after) == {"QueryApi"}
    assert len(set(image.layers) & layers) == len(layers) - 1
    assert line.encode() in files["var/task/query_api/requests.py"]
    assert {name.split("/")[2].partition("-")[0] for name in files} == {"query_api"}
    assert len(image.blob(new_layer)) < 64 * 1024


def test_going_back_deploys_the_image_before_and_builds_nothing(deployed: Checkout) -> None:
    """A rollback is a deployment of the older tree: its image is in the registry still, after `cdk gc` with a buffer of days too."""
    before = functions()
    deployed.append("services/daily_report/src/daily_report/main.py", f"CHANGED_BY_A_TEST = {time.time_ns()}")
    assert services_built(deployed.deploy()) == ["daily-report"]
    assert changed(before, functions()) == {"DailyReport"}

    buffers = ["--rollback-buffer-days=30", "--created-buffer-days=0"]
    deployed.cdk("gc", f"aws://{ACCOUNT}/{REGION}", "--unstable=gc", "--type=ecr", "--confirm=false", *buffers)
    repository, _, tag = before["DailyReport"].image_uri.rpartition("/")[2].partition(":")
    (image,) = boto3.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])[
        "imageDetails"
    ]
    # That it is not in use is noted on the image, which stays.
    assert [name.partition("-")[2].startswith("aws-cdk.isolated-") for name in image["imageTags"] if name != tag] == [
        True
    ]

    deployed.remove_last_line("services/daily_report/src/daily_report/main.py")
    calls = deployed.deploy()

    assert (services_built(calls), count("push", calls)) == ([], 0)
    assert functions()["DailyReport"].image_uri == before["DailyReport"].image_uri
    assert stack.invoke(stack.outputs()["DailyReportFunction"], {"date": "2020-01-01"})["summary"]


def test_a_changed_library_updates_exactly_its_dependants(deployed: Checkout) -> None:
    """A line in common-logging: rebuilt are its dependants, the standalone project's too; their other layers stay."""
    before = functions()
    layers = {name: set(RegistryImage.of(function.image_uri).layers) for name, function in before.items()}
    deployed.append("services/common/logging/src/common_logging/text.py", f"CHANGED_BY_A_TEST = {time.time_ns()}")

    calls = deployed.deploy()

    after = functions()
    assert services_built(calls) == ["ingestion-worker", "legacy-export", "query-api"]
    assert count("push", calls) == 3
    assert changed(before, after) == {"IngestionWorker", "LegacyExport", "QueryApi"}
    for name in ("IngestionWorker", "LegacyExport", "QueryApi"):
        image = RegistryImage.of(after[name].image_uri)
        (new_layer,) = set(image.layers) - layers[name]
        assert "var/task/common_logging/text.py" in image.files(new_layer)


def test_events_are_stored_answered_and_reported(deployed: Checkout) -> None:
    """Events from the queue are stored, come back over HTTP, and are summed up by the two nightly jobs."""
    outputs = stack.outputs()
    stack.send(outputs["QueueUrl"], [json.dumps(event) for event in EVENTS])
    stored = [wait_for_event(outputs["QueryApiUrl"], event["id"]) for event in EVENTS]
    assert [(event["id"], event["value"]) for event in stored] == [
        ("deploy-1", 10.5),
        ("deploy-2", 4.5),
        ("deploy-3", None),
    ]

    status, page = stack.get(outputs["QueryApiUrl"], "/sources/shop-oslo/events?limit=1")
    assert (status, [event["id"] for event in page["events"]]) == (200, ["deploy-1"])
    status, rest = stack.get(outputs["QueryApiUrl"], f"/sources/shop-oslo/events?cursor={page['cursor']}")
    assert (status, [event["id"] for event in rest["events"]], rest["cursor"]) == (200, ["deploy-2"], None)

    bucket = boto3.client("s3")
    report = stack.invoke(outputs["DailyReportFunction"], {"date": DAY})
    summary = json.loads(bucket.get_object(Bucket=outputs["BucketName"], Key=report["summary"])["Body"].read())
    assert summary["events"] == 3
    assert summary["sources"] == {"shop-oslo": 2, "shop-rome": 1}
    assert summary["hours"] == {"08": 2, "23": 1}
    rows = bucket.get_object(Bucket=outputs["BucketName"], Key=report["csv"])["Body"].read().decode().splitlines()
    assert rows[1].startswith("shop-oslo,order.placed,2,2,15.0,7.5,")

    export = stack.invoke(outputs["LegacyExportFunction"], {"date": DAY})
    lines = bucket.get_object(Bucket=outputs["BucketName"], Key=export["key"])["Body"].read().decode().splitlines()
    assert [line.split() for line in lines] == [
        ["H20260203"],
        ["D08shop-oslo", "order.placed", "000000002"],
        ["D23shop-rome", "order.refunded", "000000001"],
        ["T000000002000000003"],
    ]


def test_what_a_caller_gets_wrong_is_said_and_nothing_more(deployed: Checkout) -> None:
    """An unknown event is a 404, a bad parameter a 400 that names it, and neither shows a stack trace."""
    url = stack.outputs()["QueryApiUrl"]
    assert stack.get(url, "/events/no-such-event")[0] == 404
    status, body = stack.get(url, "/sources/shop-oslo/events?limit=0")
    assert (status, sorted(body)) == (400, ["message", "statusCode"])
    assert "limit" in body["message"]


def test_destroying_the_stack_leaves_nothing_but_retained_data(deployed: Checkout) -> None:
    """Functions, roles, schedule and alarms go; the table, the buckets, the queues and the logs stay, as they are declared."""
    outputs = stack.outputs()
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack.STACK)["StackResources"]
    roles = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::IAM::Role"]
    assert len(roles) == 4

    deployed.cdk("destroy", stack.STACK, "--force")

    assert stack.status() in (None, "DELETE_COMPLETE")
    assert not [
        function["FunctionName"]
        for function in boto3.client("lambda").list_functions()["Functions"]
        if function["FunctionName"] in outputs.values()
    ]
    for role in roles:
        with pytest.raises(ClientError, match="NoSuchEntity"):
            boto3.client("iam").get_role(RoleName=role)
    assert not boto3.client("events").list_rules(NamePrefix=stack.STACK)["Rules"]
    assert not boto3.client("cloudwatch").describe_alarms(AlarmNamePrefix=stack.STACK)["MetricAlarms"]

    assert boto3.client("dynamodb").get_item(TableName=outputs["TableName"], Key={"id": {"S": "deploy-1"}})["Item"]
    boto3.client("s3").head_bucket(Bucket=outputs["BucketName"])
    for queue in ("QueueUrl", "DeadLetterQueueUrl"):
        boto3.client("sqs").get_queue_attributes(QueueUrl=outputs[queue])
