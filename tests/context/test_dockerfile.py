"""What a Dockerfile asks of the one who builds it."""

import re
from pathlib import Path

import uv_workspace_function
from uv_workspace_function.context.dockerfile import Dockerfile
from uv_workspace_function.oci.request import _NEED_AN_ENGINE, HONOURED

TEXT = """\
# ARG COMMENTED=1
ARG VERSION=3.14
ARG BASE=example.com/python:${VERSION} OTHER="two words" BARE
FROM ${BASE} AS first
arg VERSION
ARG LATER=$VERSION-x \\
    LAST
RUN --mount=type=cache,id=cached --mount=type=secret,id=netrc,target=/run/netrc \\
    --mount=id=token,type=secret true
"""


def test_arguments_have_their_defaults() -> None:
    """In every spelling of ARG; one that a stage repeats keeps the default of the top."""
    assert {
        "VERSION": "3.14",
        "BASE": "example.com/python:${VERSION}",
        "OTHER": "two words",
        "BARE": None,
        "LATER": "$VERSION-x",
        "LAST": None,
    } == Dockerfile.parse(TEXT).arguments


def test_a_default_is_filled_in_from_what_is_given() -> None:
    dockerfile = Dockerfile.parse(TEXT)
    assert "example.com/python:3.14" == dockerfile.value("BASE", {})
    assert "example.com/python:3.13" == dockerfile.value("BASE", {"VERSION": "3.13"})
    assert "3.14-x" == dockerfile.value("LATER", {})
    assert "mine" == dockerfile.value("BASE", {"BASE": "mine"})
    assert dockerfile.value("BARE", {}) is None


def test_secrets_are_told_from_other_mounts() -> None:
    assert {"netrc", "token"} == Dockerfile.parse(TEXT).secrets


def test_each_argument_of_the_shared_one_has_its_row_and_its_answer_without_an_engine() -> None:
    """`SOURCE_DATE_EPOCH` and `TARGETARCH` are BuildKit's own; the second is the platform's to say."""
    shared = (Path(uv_workspace_function.__file__).parent / "Dockerfile").read_text(encoding="utf-8")
    declared = Dockerfile.parse(shared).arguments.keys() - {"TARGETARCH"} | {"SOURCE_DATE_EPOCH"}
    assert declared == HONOURED | _NEED_AN_ENGINE.keys()
    page = (Path(__file__).parents[2] / "docs/dockerfile.md").read_text(encoding="utf-8")
    assert declared == set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
