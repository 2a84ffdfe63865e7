"""What functions take besides their service: typed, so that a type checker finds a wrong name, type or unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:  # some of these names are newer than the oldest aws-cdk-lib that this works with
    from collections.abc import Mapping, Sequence
    from typing import Any

    import aws_cdk as cdk
    from aws_cdk import aws_codeguruprofiler as codeguruprofiler
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from aws_cdk.interfaces import aws_kms as kms_references
    from aws_cdk.interfaces import aws_lambda as lambda_references

    from uv_workspace_function.constructs.image_options import ImageOptions
    from uv_workspace_function.constructs.zip_options import ZipOptions


class DockerImageFunctionOptions(TypedDict, total=False):
    """The options of `DockerImageFunction` that work for an image built here, in its own words.

    A test holds names and types to the signature of `DockerImageFunctionProps`. None is as good as left out.
    """

    allow_all_ipv6_outbound: bool | None
    allow_all_outbound: bool | None
    allow_public_subnet: bool | None
    application_log_level: str | None
    application_log_level_v2: lambda_.ApplicationLogLevel | None
    architecture: lambda_.Architecture | None
    current_version_options: lambda_.VersionOptions | dict[str, Any] | None
    dead_letter_queue: sqs.IQueue | None
    dead_letter_queue_enabled: bool | None
    dead_letter_topic: sns.ITopic | None
    description: str | None
    durable_config: lambda_.DurableConfig | dict[str, Any] | None
    environment: Mapping[str, str] | None
    environment_encryption: kms_references.IKeyRef | None
    ephemeral_storage_size: cdk.Size | None
    events: Sequence[lambda_.IEventSource] | None
    filesystem: lambda_.FileSystem | None
    function_name: str | None
    initial_policy: Sequence[iam.PolicyStatement] | None
    ipv6_allowed_for_dual_stack: bool | None
    log_format: str | None
    log_group: logs.ILogGroup | None
    log_removal_policy: cdk.RemovalPolicy | None
    log_retention: logs.RetentionDays | None
    logging_format: lambda_.LoggingFormat | None
    max_event_age: cdk.Duration | None
    memory_size: int | float | None
    on_failure: lambda_.IDestination | None
    on_success: lambda_.IDestination | None
    profiling: bool | None
    profiling_group: codeguruprofiler.IProfilingGroup | None
    recursive_loop: lambda_.RecursiveLoop | None
    reserved_concurrent_executions: int | float | None
    retry_attempts: int | float | None
    role: iam.IRole | None
    runtime_management_mode: lambda_.RuntimeManagementMode | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    snap_start: lambda_.SnapStartConf | None
    system_log_level: str | None
    system_log_level_v2: lambda_.SystemLogLevel | None
    tenancy_config: lambda_.TenancyConfig | None
    timeout: cdk.Duration | None
    tracing: lambda_.Tracing | None
    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | dict[str, Any] | None


class OwnOptions(TypedDict, total=False):
    """What a function of either kind takes that the CDK's own does not."""

    log_group_name: str | None
    """The name of the function's own log group, instead of one that CloudFormation makes up."""
    log_encryption_key: kms.IKey | None
    """The key that the function's own log group is encrypted with; CloudWatch Logs is allowed to use it."""
    powertools_service_name: bool | None
    """Whether `POWERTOOLS_SERVICE_NAME` is set to the service's package name."""


class FunctionOptions(DockerImageFunctionOptions, OwnOptions, total=False):
    """All that a function from an image is made with besides its service and handler."""

    image: ImageOptions | None
    """How the image is built."""
    entrypoint: Sequence[str] | None
    """The program that the container starts, instead of the base image's own."""
    working_directory: str | None
    """The folder that the program starts in, instead of the base image's own."""


class DefaultOptions(FunctionOptions, total=False):
    """What `FunctionDefaults` takes."""

    archive: ZipOptions | None
    """How the archives of zip functions are built."""


class ZipFunctionOptions(DockerImageFunctionOptions, OwnOptions, total=False):
    """All that a function from a zip archive is made with besides its service and handler."""

    archive: ZipOptions | None
    """How the archive is built."""
    adot_instrumentation: lambda_.AdotInstrumentationConfig | dict[str, Any] | None
    code_signing_config: lambda_references.ICodeSigningConfigRef | None
    insights_version: lambda_.LambdaInsightsVersion | None
    layers: Sequence[lambda_.ILayerVersion] | None
    params_and_secrets: lambda_.ParamsAndSecretsLayerVersion | None
