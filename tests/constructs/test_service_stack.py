"""ServiceStack: every service is deployed as written, allowed what it uses, and nothing of it is lost or open."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from assemblies import Resources, docker_images
from aws_cdk.assertions import Template
from service_stack import ServiceStack
from uv_workspace_function import Workspace
from uv_workspace_function.constructs.execution_role import ACTIONS_WITHOUT_RESOURCE

SERVICES: dict[str, dict[str, Any]] = {
    "IngestionWorker": {
        "handler": "ingestion_worker.main.handler",
        "memory": 512,
        "timeout": 30,
        "environment": {"TABLE_NAME": "<Events>"},
        "allowed": {"<Queue>.Arn": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}}
        | {"<Events>.Arn": {"dynamodb:PutItem"}},
    },
    "QueryApi": {
        "handler": "query_api.main.handler",
        "memory": 512,
        "timeout": 10,
        "environment": {"TABLE_NAME": "<Events>", "SOURCE_INDEX": "by-source"},
        "allowed": {"<Events>.Arn": {"dynamodb:GetItem"}, "<Events>.Arn/index/by-source": {"dynamodb:Query"}},
    },
    "DailyReport": {
        "handler": "daily_report.main.handler",
        "memory": 1024,
        "timeout": 300,
        "environment": {
            "TABLE_NAME": "<Events>",
            "DAY_INDEX": "by-day",
            "BUCKET_NAME": "<Reports>",
            "REPORT_PREFIX": "reports/",
        },
        "allowed": {"<Events>.Arn/index/by-day": {"dynamodb:Query"}, "<Reports>.Arn/reports/*": {"s3:PutObject"}},
    },
    "LegacyExport": {
        "handler": "legacy_export.main.handler",
        "memory": 1024,
        "timeout": 300,
        "environment": {
            "TABLE_NAME": "<Events>",
            "DAY_INDEX": "by-day",
            "BUCKET_NAME": "<Reports>",
            "EXPORT_PREFIX": "exports/",
        },
        "allowed": {"<Events>.Arn/index/by-day": {"dynamodb:Query"}, "<Reports>.Arn/exports/*": {"s3:PutObject"}},
    },
}
EVERY_FUNCTION = {"*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}}


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace.load(Path(__file__).parents[2])


@pytest.fixture(scope="module")
def stack(workspace: Workspace, flags: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ServiceStack:
    """The stack as app.py makes it."""
    context = {**flags, "aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("cdk.out")), context=context)
    return ServiceStack(app, "ServiceStack", workspace=workspace)


@pytest.fixture(scope="module")
def template(stack: ServiceStack) -> Template:
    return Template.from_stack(stack)


@pytest.fixture(scope="module")
def resources(template: Template) -> Resources:
    return Resources(template.to_json())


def test_every_service_of_the_workspace_is_deployed(stack: ServiceStack, workspace: Workspace) -> None:
    """Each from an image of its own."""
    images = docker_images(stack).values()
    assert {service.name for service in workspace.services} == {
        image["dockerBuildArgs"]["SERVICE_NAME"] for image in images
    }
    assert {"linux/arm64"} == {image["platform"] for image in images}
    assert len(SERVICES) == len(images)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_an_arm64_image_function(resources: Resources, name: str) -> None:
    """Its handler is the command; memory (MiB) and timeout (seconds) are chosen, calls are traced."""
    function = resources.of_type("AWS::Lambda::Function")[name]
    expected = SERVICES[name]
    assert {
        "Architectures": ["arm64"],
        "Environment": {"Variables": expected["environment"]},
        "ImageConfig": {"Command": [expected["handler"]]},
        "LoggingConfig": {"LogGroup": f"<{name}/LogGroup>"},
        "MemorySize": expected["memory"],
        "PackageType": "Image",
        "Role": f"<{name}/ServiceRole>.Arn",
        "Timeout": expected["timeout"],
        "TracingConfig": {"Mode": "Active"},
    } == {key: value for key, value in resources.text(function).items() if key != "Code"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_allowed_what_it_uses_and_no_more(resources: Resources, name: str) -> None:
    """Its log group, X-Ray, and exactly the tables, indexes, queues and prefixes that it works on."""
    logs = {f"<{name}/LogGroup>.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"}}
    assert logs | EVERY_FUNCTION | SERVICES[name]["allowed"] == resources.statements(f"{name}/ServiceRole")


def test_every_role_is_of_one_function(resources: Resources) -> None:
    """And has no policy but the one that the test above reads."""
    roles = resources.of_type("AWS::IAM::Role")
    assert {f"{name}/ServiceRole" for name in SERVICES} == roles.keys()
    assert {"AssumeRolePolicyDocument"} == {key for role in roles.values() for key in role}
    assert len(roles) == len(resources.of_type("AWS::IAM::Policy"))


def test_no_statement_has_a_wildcard_where_it_could_name_something(resources: Resources) -> None:
    """Over every role at once: no `*` action, `*` alone for the listed actions, else only below a prefix of a bucket."""
    for name in SERVICES:
        for resource, actions in resources.statements(f"{name}/ServiceRole").items():
            assert not [action for action in actions if "*" in action]
            if resource == "*":
                assert actions <= ACTIONS_WITHOUT_RESOURCE
            elif "*" in resource:
                assert resource.startswith("<Reports>.Arn/")
                assert resource.endswith("s/*")


@pytest.mark.parametrize("name", SERVICES)
def test_logs_are_kept_a_month(resources: Resources, name: str) -> None:
    assert {"RetentionInDays": 30} == resources.of_type("AWS::Logs::LogGroup")[f"{name}/LogGroup"]


@pytest.mark.parametrize("queue", ["Queue", "DeadLetters"])
def test_a_queue_is_encrypted_and_takes_tls_alone(template: Template, resources: Resources, queue: str) -> None:
    assert resources.of_type("AWS::SQS::Queue")[queue]["SqsManagedSseEnabled"] is True
    (statement,) = resources.of_type("AWS::SQS::QueuePolicy")[f"{queue}/Policy"]["PolicyDocument"]["Statement"]
    assert {
        "Action": "sqs:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Resource": f"<{queue}>.Arn",
    } == resources.text(statement)


def test_a_message_is_hidden_six_times_as_long_as_the_worker_may_take(resources: Resources) -> None:
    """And after five tries it lies in the dead-letter queue for two weeks."""
    queue = resources.of_type("AWS::SQS::Queue")["Queue"]
    assert 6 * 30 == queue["VisibilityTimeout"]
    assert {"deadLetterTargetArn": "<DeadLetters>.Arn", "maxReceiveCount": 5} == resources.text(queue["RedrivePolicy"])
    assert 14 * 24 * 3600 == resources.of_type("AWS::SQS::Queue")["DeadLetters"]["MessageRetentionPeriod"]


def test_a_shorter_visibility_shortens_the_worker_too(workspace: Workspace, tmp_path: Path) -> None:
    """SQS refuses a function that may take longer than its messages are hidden."""
    app = cdk.App(outdir=str(tmp_path), context={"aws:cdk:disable-asset-staging": True})
    template = Template.from_stack(
        ServiceStack(app, "Test", workspace=workspace, visibility_timeout=cdk.Duration.seconds(5))
    )
    template.has_resource_properties("AWS::SQS::Queue", {"VisibilityTimeout": 5})
    template.has_resource_properties(
        "AWS::Lambda::Function", {"ImageConfig": {"Command": ["ingestion_worker.main.handler"]}, "Timeout": 5}
    )


def test_the_worker_takes_batches_and_says_which_messages_failed(resources: Resources) -> None:
    (mapping,) = resources.of_type("AWS::Lambda::EventSourceMapping").values()
    assert {
        "BatchSize": 10,
        "EventSourceArn": "<Queue>.Arn",
        "FunctionName": "<IngestionWorker>",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    } == resources.text(mapping)


def test_the_table_is_paid_by_use_and_can_be_put_back_to_any_moment(resources: Resources) -> None:
    """Its keys are those of services/README.md."""
    table = resources.of_type("AWS::DynamoDB::Table")["Events"]
    assert "PAY_PER_REQUEST" == table["BillingMode"]
    assert {"PointInTimeRecoveryEnabled": True} == table["PointInTimeRecoverySpecification"]
    assert [{"AttributeName": "id", "KeyType": "HASH"}] == table["KeySchema"]
    assert {
        "by-source": (["source", "time"], {"ProjectionType": "ALL"}),
        "by-day": (
            ["day", "id"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["source", "type", "time", "value"]},
        ),
    } == {
        index["IndexName"]: ([key["AttributeName"] for key in index["KeySchema"]], index["Projection"])
        for index in table["GlobalSecondaryIndexes"]
    }


@pytest.mark.parametrize("bucket", ["Reports", "AccessLogs"])
def test_a_bucket_is_private_encrypted_and_takes_tls_alone(resources: Resources, bucket: str) -> None:
    properties = resources.of_type("AWS::S3::Bucket")[bucket]
    assert {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    } == properties["PublicAccessBlockConfiguration"]
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert {"SSEAlgorithm": "AES256"} == encryption["ServerSideEncryptionByDefault"]
    statements = resources.of_type("AWS::S3::BucketPolicy")[f"{bucket}/Policy"]["PolicyDocument"]["Statement"]
    (denied,) = (statement for statement in statements if statement["Effect"] == "Deny")
    assert ("s3:*", {"AWS": "*"}) == (denied["Action"], denied["Principal"])
    assert {"Bool": {"aws:SecureTransport": "false"}} == denied["Condition"]


def test_access_to_the_reports_is_logged(resources: Resources) -> None:
    logging = resources.of_type("AWS::S3::Bucket")["Reports"]["LoggingConfiguration"]
    assert {"DestinationBucketName": "<AccessLogs>", "LogFilePrefix": "reports/"} == resources.text(logging)


def test_what_holds_data_outlives_the_stack(resources: Resources) -> None:
    """Events, messages, reports and logs stay when the stack goes, or when one of them is replaced."""
    kinds = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Logs::LogGroup"}
    keeping = {path: found for path, found in resources.by_path.items() if found["Type"] in kinds}
    assert 1 + 2 + 2 + len(SERVICES) == len(keeping)
    assert {("Retain", "Retain")} == {(it["DeletionPolicy"], it["UpdateReplacePolicy"]) for it in keeping.values()}


def test_the_api_answers_callers_that_iam_knows(resources: Resources) -> None:
    """And there is no permission for anybody else to call a function but the schedule's."""
    (url,) = resources.of_type("AWS::Lambda::Url").values()
    assert {"AuthType": "AWS_IAM", "TargetFunctionArn": "<QueryApi>.Arn"} == resources.text(url)
    permissions = resources.of_type("AWS::Lambda::Permission").values()
    assert {("events.amazonaws.com", "<EveryNight>.Arn")} == {
        (permission["Principal"], resources.text(permission["SourceArn"])) for permission in permissions
    }


def test_reports_and_exports_are_made_every_night(resources: Resources) -> None:
    """An hour after the day, which is one of UTC."""
    (rule,) = resources.of_type("AWS::Events::Rule").values()
    assert "cron(0 1 * * ? *)" == rule["ScheduleExpression"]
    assert ["<DailyReport>.Arn", "<LegacyExport>.Arn"] == [resources.text(target["Arn"]) for target in rule["Targets"]]


def test_outputs_name_what_a_caller_needs(template: Template) -> None:
    outputs = {"QueueUrl", "DeadLetterQueueUrl", "TableName", "BucketName", "QueryApiUrl"}
    assert outputs | {f"{name}Function" for name in SERVICES} == template.find_outputs("*").keys()


def test_every_function_and_the_queue_are_watched(resources: Resources) -> None:
    """Errors, throttles and time near the timeout of each; dead letters, and a message that waits a quarter of an hour."""
    alarms = resources.of_type("AWS::CloudWatch::Alarm").values()
    watched = {
        (resources.text(alarm["Dimensions"][0]["Value"]), alarm["MetricName"]): alarm["Threshold"] for alarm in alarms
    }
    assert {
        **{(f"<{name}>", metric): 1 for name in SERVICES for metric in ("Errors", "Throttles")},
        **{(f"<{name}>", "Duration"): 800 * service["timeout"] for name, service in SERVICES.items()},
        ("<DeadLetters>.QueueName", "ApproximateNumberOfMessagesVisible"): 1,
        ("<Queue>.QueueName", "ApproximateAgeOfOldestMessage"): 900,
    } == watched
    assert {("GreaterThanOrEqualToThreshold", "notBreaching")} == {
        (alarm["ComparisonOperator"], alarm["TreatMissingData"]) for alarm in alarms
    }


def test_one_dashboard_shows_every_alarm_and_every_function(resources: Resources) -> None:
    (dashboard,) = resources.of_type("AWS::CloudWatch::Dashboard").values()
    first, *graphs = json.loads(resources.text(dashboard["DashboardBody"]))["widgets"]
    alarms = resources.of_type("AWS::CloudWatch::Alarm")
    assert {f"<{path}>.Arn" for path in alarms} == set(first["properties"]["alarms"])
    shown = str(graphs)
    assert not [name for name in SERVICES if f"<{name}>" not in shown]


def test_nothing_is_named_by_hand(template: Template) -> None:
    """So that the stack can be deployed twice into one account, and everything in it replaced."""
    named = ("BucketName", "FunctionName", "LogGroupName", "QueueName", "RoleName", "TableName")
    for resource in template.to_json()["Resources"].values():
        if resource["Type"] != "AWS::Lambda::EventSourceMapping":
            assert not [name for name in named if isinstance(resource.get("Properties", {}).get(name), str)]
