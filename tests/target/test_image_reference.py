"""Names of images: read, written, redirected, and what their tags tell."""

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.image_reference import ImageReference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("python", "python", None, None),
        ("python:3.14-slim", "python", "3.14-slim", None),
        ("public.ecr.aws/lambda/python:3.14", "public.ecr.aws/lambda/python", "3.14", None),
        ("localhost:5000/base", "localhost:5000/base", None, None),
        ("localhost:5000/base:1", "localhost:5000/base", "1", None),
        (f"ghcr.io/astral-sh/uv@{DIGEST}", "ghcr.io/astral-sh/uv", None, DIGEST),
        (f"ghcr.io/astral-sh/uv:0.13.9@{DIGEST}", "ghcr.io/astral-sh/uv", "0.13.9", DIGEST),
    ],
)
def test_a_name_is_read_and_written_back(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    """The colon of a port is not that of a tag."""
    reference = ImageReference.parse(text)
    assert ImageReference(repository=repository, tag=tag, digest=digest) == reference
    assert text == str(reference)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("me:s3cret@r.example.com/a:1", "***@r.example.com/a:1"),
        ("https://me:s3cret@r.example.com/a", "https://***@r.example.com/a"),
        ("me:s3@cret@r.example.com/a", "***@r.example.com/a"),
        ("me:s3/cret@r.example.com/a", "***@r.example.com/a"),
        ("s3cret@r.example.com/a", "***@r.example.com/a"),
        ("me:s3cret@r.example.com:a", "***@r.example.com:a"),
        (f"me:s3cret@r.example.com/a@sha256:{'0' * 64}", f"***@r.example.com/a@sha256:{'0' * 64}"),
        ("r.example.com:5000/A:1@sha256:12", "r.example.com:5000/A:1@sha256:12"),
    ],
)
def test_a_password_is_not_shown(text: str, shown: str) -> None:
    """No name has one, and what is refused is in a log."""
    with pytest.raises(WorkspaceError) as raised:
        ImageReference.parse(text)
    assert str(raised.value).startswith(f"'{shown}' is not a container image; ")


@pytest.mark.parametrize("text", ["", "no image", "a/Upper", "a:", "a@sha256:123", "https://example.com/a", "a//b"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(WorkspaceError) as raised:
        ImageReference.parse(text)
    assert (
        f"{text!r} is not a container image; write repository:tag or repository@sha256:..., "
        "for example 'public.ecr.aws/lambda/python:3.14'"
    ) == str(raised.value)


@pytest.mark.parametrize(
    ("text", "python", "machine"),
    [
        ("public.ecr.aws/lambda/python:3.14", "3.14", None),
        ("public.ecr.aws/lambda/python:3.14-arm64", "3.14", "aarch64"),
        ("public.ecr.aws/lambda/python:3.14-x86_64", "3.14", "x86_64"),
        ("public.ecr.aws/lambda/python:3.14.2026.01.17.02-arm64", "3.14", "aarch64"),
        ("python:3.13-slim", "3.13", None),
        ("python:3", None, None),
        (f"public.ecr.aws/lambda/python@{DIGEST}", None, None),
        ("example.com/our-base:3.12", None, None),
    ],
)
def test_a_tag_tells_python_and_machine_where_it_does(text: str, python: str | None, machine: str | None) -> None:
    """Another repository's tag may be the version of anything."""
    reference = ImageReference.parse(text)
    assert (python, machine) == (reference.python, reference.machine)


@pytest.mark.parametrize(
    ("text", "pinned"),
    [("a", False), ("a:latest", False), ("a:1", True), (f"a@{DIGEST}", True), (f"a:latest@{DIGEST}", True)],
)
def test_a_name_is_pinned_by_tag_or_digest(text: str, pinned: bool) -> None:
    """But for `latest`, which moves by its nature."""
    assert pinned == ImageReference.parse(text).is_pinned


MIRRORS = {
    "public.ecr.aws": "mirror.example.com/aws",
    "public.ecr.aws/lambda/": "mirror.example.com/lambda/",
    "docker.io": "mirror.example.com:5000",
}


@pytest.mark.parametrize(
    ("text", "redirected"),
    [
        ("public.ecr.aws/lambda/python:3.14", "mirror.example.com/lambda/python:3.14"),
        ("public.ecr.aws/docker/python:3.14", "mirror.example.com/aws/docker/python:3.14"),
        ("public.ecr.awsome/x:1", "public.ecr.awsome/x:1"),
        ("ghcr.io/astral-sh/uv:0.13.9", "ghcr.io/astral-sh/uv:0.13.9"),
        ("python:3.14", "mirror.example.com:5000/library/python:3.14"),
        ("astral/uv:0.13.9", "mirror.example.com:5000/astral/uv:0.13.9"),
        ("localhost/uv:1", "localhost/uv:1"),
        (f"public.ecr.aws/lambda/python@{DIGEST}", f"mirror.example.com/lambda/python@{DIGEST}"),
    ],
)
def test_a_mirror_takes_the_place_of_the_longest_prefix(text: str, redirected: str) -> None:
    """Whole components count, tag and digest stay, and a name without a registry is Docker Hub's."""
    assert redirected == str(ImageReference.parse(text).redirected(MIRRORS))
