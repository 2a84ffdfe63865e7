"""The calls of the CDK CLI, as 2.1148.1 makes them: read as what they are; any other form is none of them."""

import pytest
from uv_workspace_function.cdk_docker.calls import Build, Find, Inspect, Login, Other, Push, Tag, read

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cdk-hnb659fds-container-assets-123456789012-eu-west-1:0a1b"
# Recorded in a deployment of this repository's stack, and shortened.
RECORDED = [
    (
        "login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        Login(username="AWS", host="123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
    ),
    ("inspect cdkasset-query-api-0a1b", Inspect(name="cdkasset-query-api-0a1b")),
    (
        "build --build-arg PYTHON_VERSION=3.14 --build-arg SERVICE_NAME=query-api --tag cdkasset-query-api-0a1b --platform linux/arm64 .",
        Build(
            folder=".",
            options={
                "--build-arg": ("PYTHON_VERSION=3.14", "SERVICE_NAME=query-api"),
                "--tag": ("cdkasset-query-api-0a1b",),
                "--platform": ("linux/arm64",),
            },
        ),
    ),
    (f"tag cdkasset-query-api-0a1b {URI}", Tag(name="cdkasset-query-api-0a1b", further=URI)),
    (f"inspect {URI}", Inspect(name=URI)),
    ("images --format {{.Repository}}:{{.Tag}} --filter reference=*/*:0a1b", Find(tag="0a1b")),
    (f"push {URI}", Push(name=URI)),
]


@pytest.mark.parametrize(("line", "expected"), RECORDED, ids=lambda value: str(value).partition(" ")[0])
def test_a_call_of_the_cli_is_known(line: str, expected: object) -> None:
    """Also where it has a folder of docker's configuration first, as with `cdk-docker-creds.json`."""
    assert expected == read(line.split()).what
    with_folder = read(["--config", "/tmp/cdkDockerConfig", *line.split()])
    assert (expected, "/tmp/cdkDockerConfig") == (with_folder.what, with_folder.config)


def test_every_option_of_a_build_is_read() -> None:
    """Those that an asset may have, as the CLI gives them: https://github.com/aws/aws-cdk-cli, its docker.ts."""
    line = (
        "build --build-context a=b --secret id=netrc,src=/n --ssh default --tag t --target s --file D --network host --platform p "
        "--output=type=docker --cache-from type=registry,ref=r --cache-from type=gha --cache-to type=local,dest=d --no-cache ."
    )
    found = read(line.split()).what
    assert isinstance(found, Build)
    assert {
        "--build-context": ("a=b",),
        "--secret": ("id=netrc,src=/n",),
        "--ssh": ("default",),
        "--tag": ("t",),
        "--target": ("s",),
        "--file": ("D",),
        "--network": ("host",),
        "--platform": ("p",),
        "--no-cache": (),
        "--output": ("type=docker",),
        "--cache-from": ("type=registry,ref=r", "type=gha"),
        "--cache-to": ("type=local,dest=d",),
    } == found.options


@pytest.mark.parametrize(
    ("line", "is_build"),
    [
        ("", False),
        ("--version", False),
        ("inspect", False),
        ("inspect a b", False),
        ("inspect --format x a", False),
        ("image inspect a", False),
        ("tag a", False),
        ("push --quiet a", False),
        ("login -u AWS -p secret host", False),
        ("images -q cdk-0a1b", False),
        ("images --format {{.ID}} --filter reference=*/*:x", False),
        ("run --rm -v /build:/asset image", False),
        ("build -t cdk-0a1b /folder", True),
        ("build --pull --tag a .", True),
        ("build --tag", True),
        ("build . other", True),
        ("build --tag a", True),
        ("buildx build .", True),
    ],
)
def test_any_other_form_is_none_of_them(line: str, is_build: bool) -> None:
    """It is passed on, whatever it is; only a build may be of a context of ours."""
    assert Other(is_build=is_build) == read(line.split()).what


def test_what_is_shown_of_a_call_has_no_values() -> None:
    assert "docker run" == read(["--config", "/c", "run", "--env", "TOKEN=secret"]).shown
    assert "docker" == read(["--token=secret"]).shown
