"""The emulator itself: ministack, with what deploying and running image functions needs replaced in memory.

1. ECR: what `docker push` put into the local registry is what DescribeImages, ListImages and BatchGetImage know; a missing
   tag answers ImageNotFoundException, as AWS does; repositories' addresses and the login point at the local registry.
2. Lambda: an image function runs in the container engine from that registry, as on AWS: a read-only file system but /tmp, user
   sbx_user1051, no capabilities; so does a zip function, in the image of its runtime. The init phase does not count against the function's timeout, because an emulated
   processor is slow.
3. CloudFormation: a table's TimeToLiveSpecification is applied.

It runs alone, as a script in an environment of its own (pyproject.toml beside it pins the version that this fits). Its input
is the environment: GATEWAY_PORT; BIND, addresses with commas between; LOCAL_REGISTRY, "" for the emulator's own at /v2; and
REGISTRY_PREFIX, with which repositories' names begin in a registry that others use too.
"""

import asyncio
import contextvars
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core.responses import error_response_json
from ministack.services import dynamodb, ecr, lambda_svc
from ministack.services.cloudformation import provisioners

PORT = os.environ["GATEWAY_PORT"]
REGISTRY = os.environ.get("LOCAL_REGISTRY") or None
PREFIX = os.environ.get("REGISTRY_PREFIX", "")
REGISTRY_HOST = REGISTRY or f"127.0.0.1:{PORT}"
# A dot, and no folder: the CDK CLI looks for an image that another environment's push has named with a pattern for names
# of two parts, as ECR's are.
REPOSITORIES = f"{REGISTRY}/{PREFIX}." if REGISTRY else f"{REGISTRY_HOST}/"
# With a hotswap the CDK CLI ends that name as CloudFormation's endpoint ends, which is on this machine here.
AWS_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.(?:amazonaws\.com|127\.0\.0\.1)")
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)
# How much longer than its timeout a function may take, in seconds; the runtime interface emulator ends it at the timeout.
INIT_ALLOWANCE = 60
# sbx_user1051, as AWS runs functions.
SANDBOX_USER = "993:990"

Request = dict[str, Any]
Response = tuple[int, dict[str, str], Any]
Operation = Callable[[Request], Response]


# --- ECR ---


def registry(path: str, method: str = "GET") -> tuple[Message, bytes] | None:
    """What the local registry answers, headers and body; None where it has no such thing."""
    request = urllib.request.Request(
        f"http://{REGISTRY}/v2/{PREFIX}.{path}", method=method, headers={"Accept": MANIFESTS}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def take_over_pushed(repository: str) -> None:
    """Make known to the emulator which tags were pushed to the local registry since the last call."""
    if not REGISTRY or repository not in ecr._repositories:
        return
    known = {tag for image in ecr._images.get(repository) or [] for tag in image.get("imageTags", [])}
    listed = registry(f"{repository}/tags/list")
    tags = json.loads(listed[1]).get("tags") if listed else None
    for tag in tags or []:
        manifest = None if tag in known else registry(f"{repository}/manifests/{tag}")
        if manifest:
            headers, body = manifest
            ecr._put_image(
                {
                    "repositoryName": repository,
                    "imageTag": tag,
                    "imageManifest": body.decode(),
                    "imageManifestMediaType": headers["Content-Type"],
                    "imageDigest": headers["Docker-Content-Digest"],
                }
            )


def after_taking_over(operation: Operation) -> Operation:
    def taken_over(request: Request) -> Response:
        take_over_pushed(request.get("repositoryName", ""))
        return operation(request)

    return taken_over


def refusing_unknown_images(operation: Operation) -> Operation:
    def describe_images(request: Request) -> Response:
        name = request.get("repositoryName", "")
        for image in request.get("imageIds") or []:
            if name in ecr._repositories and not ecr._find_image(name, image):
                text = f"The image with imageId {image} does not exist within the repository with name '{name}'"
                refused: Response = error_response_json("ImageNotFoundException", text, 400)
                return refused
        return operation(request)

    return describe_images


def delete_in_registry(repository: str, images: Iterable[dict[str, Any]]) -> None:
    for image in images:
        if REGISTRY:
            registry(f"{repository}/manifests/{image['imageDigest']}", "DELETE")


def deleting_images_there_too(operation: Operation) -> Operation:
    def batch_delete_image(request: Request) -> Response:
        name = request.get("repositoryName", "")
        found = [image for wanted in request.get("imageIds", []) if (image := ecr._find_image(name, wanted))]
        response = operation(request)
        delete_in_registry(name, found)
        return response

    return batch_delete_image


def deleting_all_images_there_too(operation: Operation) -> Operation:
    def delete_repository(request: Request) -> Response:
        name = request.get("repositoryName", "")
        images = list(ecr._images.get(name) or [])
        response = operation(request)
        if response[0] == 200:
            delete_in_registry(name, images)
        return response

    return delete_repository


def with_local_addresses(operation: Operation, *, login: bool = False) -> Operation:
    """The answer with the local registry in place of the account's."""

    def localized(request: Request) -> Response:
        status, headers, body = operation(request)
        text = body.decode() if isinstance(body, bytes) else body
        if login:
            text = AWS_REGISTRY.sub(REGISTRY_HOST, text)
            text = text.replace(f"https://{REGISTRY_HOST}", f"http://{REGISTRY_HOST}")
        else:
            text = re.sub(f"{AWS_REGISTRY.pattern}/", REPOSITORIES, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return localized


ecr._describe_images = after_taking_over(refusing_unknown_images(ecr._describe_images))
ecr._list_images = after_taking_over(ecr._list_images)
ecr._batch_get_image = after_taking_over(ecr._batch_get_image)
ecr._batch_delete_image = after_taking_over(deleting_images_there_too(ecr._batch_delete_image))
ecr._delete_repository = after_taking_over(deleting_all_images_there_too(ecr._delete_repository))
ecr._describe_repositories = with_local_addresses(ecr._describe_repositories)
ecr._create_repository = with_local_addresses(ecr._create_repository)
ecr._get_authorization_token = with_local_addresses(ecr._get_authorization_token, login=True)


# --- Lambda ---

spawn_container, invoke_in_container = lambda_svc._spawn_lambda_container_impl, lambda_svc._invoke_rie
parse_docker_flags, warm_pool_key = lambda_svc._parse_docker_flags, lambda_svc._warm_pool_key
image_of_runtime = lambda_svc._docker_image_for_runtime
runs_in_container = lambda_svc._running_in_container
zip_architecture: contextvars.ContextVar[str | None] = contextvars.ContextVar("zip_architecture", default=None)
"""That of the zip function which is being started."""


def spawn(config: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Start a function's container from the local registry, its log group's name in its environment as on AWS."""
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    variables = (config.get("Environment") or {}).get("Variables") or {}
    config = {**config, "Environment": {"Variables": {**variables, "AWS_LAMBDA_LOG_GROUP_NAME": group}}}
    if config.get("ImageUri"):
        config["ImageUri"] = re.sub(f"^{AWS_REGISTRY.pattern}/", REPOSITORIES, config["ImageUri"])
        return spawn_container(config, *args, **kwargs)
    started = zip_architecture.set((config.get("Architectures") or ["x86_64"])[0])
    try:
        return spawn_container(config, *args, **kwargs)
    finally:
        zip_architecture.reset(started)


def runtime_image(runtime: str) -> str | None:
    """The image of a zip function's runtime, by the tag of its architecture: the plain one names whichever was pulled last."""
    image: str | None = image_of_runtime(runtime)
    return f"{image}-{zip_architecture.get() or 'x86_64'}" if image and runtime.startswith("python") else image


def copies_code() -> bool:
    """Whether code is copied into a container. The engine sees the emulator's files, and nothing can be copied into a read-only one."""
    return zip_architecture.get() is None and bool(runs_in_container())


def invoke(container: Any, event: Any, timeout: int, request_id: str) -> Any:
    return invoke_in_container(container, event, timeout + INIT_ALLOWANCE, request_id)


def key_of_warm_containers(name: str, config: dict[str, Any]) -> str:
    """A warm container serves one version with one environment; the emulator's own key knows only the image."""
    environment = json.dumps(config.get("Environment"), sort_keys=True)
    return f"{warm_pool_key(name, config)}:{config.get('Version')}:{environment}"


def docker_flags(text: str) -> dict[str, Any]:
    sandbox = {"user": SANDBOX_USER, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
    return {**sandbox, **parse_docker_flags(text)}


lambda_svc._spawn_lambda_container_impl, lambda_svc._invoke_rie = spawn, invoke
lambda_svc._parse_docker_flags, lambda_svc._warm_pool_key = docker_flags, key_of_warm_containers
lambda_svc._docker_image_for_runtime, lambda_svc._running_in_container = runtime_image, copies_code


# --- CloudFormation ---


def applying_time_to_live(handler: Callable[..., Any], *, properties_at: int) -> Callable[..., Any]:
    """A table's handler that goes on to apply the TimeToLiveSpecification, which the emulator drops."""

    def handle(*args: Any, **kwargs: Any) -> Any:
        result = handler(*args, **kwargs)
        specification = args[properties_at].get("TimeToLiveSpecification")
        if specification:
            enabled = str(specification.get("Enabled")).lower() == "true"
            dynamodb._update_ttl(
                {
                    "TableName": result[0] if isinstance(result, tuple) else args[0],
                    "TimeToLiveSpecification": {**specification, "Enabled": enabled},
                }
            )
        return result

    return handle


for name, properties_at in (("_ddb_create", 1), ("_ddb_update", 2)):
    original = getattr(provisioners, name)
    replacement = applying_time_to_live(original, properties_at=properties_at)
    setattr(provisioners, name, replacement)
    for handlers in provisioners._RESOURCE_HANDLERS.values():
        for action, handler in handlers.items():
            if handler is original:
                handlers[action] = replacement


if __name__ == "__main__":
    config = Config()
    config.bind = [f"{address}:{PORT}" for address in os.environ["BIND"].split(",")]
    config.keep_alive_timeout, config.graceful_timeout, config.loglevel = 75, 3, "WARNING"
    asyncio.run(serve(app, config))
