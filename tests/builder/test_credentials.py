"""What of a URL is a credential: gone from what is written, hidden in what is printed."""

import time

import pytest
from uv_workspace_function.builder.credentials import is_credential_name, redacted, restored, without_credentials


@pytest.mark.parametrize(
    ("text", "written", "printed"),
    [
        ("https://aws:TOKEN@host/simple/", "https://host/simple/", "https://***@host/simple/"),
        ("https://TOKEN@host/simple/", "https://host/simple/", "https://***@host/simple/"),
        ("https://u:p%40ss%2Fword@host/", "https://host/", "https://***@host/"),
        ("https://u:p@ss@host/", "https://host/", "https://***@host/"),
        ("https://u:it's@host/", "https://host/", "https://***@host/"),
        # what a URL parser takes for the same
        ("https:aws:TOKEN@host/", "https:host/", "https:***@host/"),
        ("https:/aws:TOKEN@host/", "https:/host/", "https:/***@host/"),
        (r"http:\\aws:TOKEN@host/", r"http:\\host/", r"http:\\***@host/"),
        ("HTTPS://aws:TOKEN@HOST/", "HTTPS://HOST/", "HTTPS://***@HOST/"),
        ("git+https://oauth2:TOKEN@host/x.git@v1#subdirectory=a", "git+https://host/x.git@v1#subdirectory=a", None),
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("ssh://git:TOKEN@host/x.git", "ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("x @ https://u:p@host/x.whl ; python_version > '3'", "x @ https://host/x.whl ; python_version > '3'", None),
        ('["https://u:p@a/","https://u:p@b/"]', '["https://a/","https://b/"]', None),
        ("https://host/?token=T&page=1", "https://host/?page=1", "https://host/?token=***&page=1"),
        ("https://host/x.whl?private_token=T#sha256=ab", "https://host/x.whl#sha256=ab", None),
        ("https://host/?tok%65n=T", "https://host/", "https://host/?token=***"),
        ("https://host/x.whl?sv=1&se=2026&sp=r&sig=S&v=1", "https://host/x.whl?v=1", None),
        ("https://host/x?X-Amz-Date=1&X-Amz-Signature=S&versionId=3", "https://host/x?versionId=3", None),
        ("https://host/?key=AIza0123456789abcdefghij", "https://host/", "https://host/?key=***"),
        ("postgresql+psycopg://app:p@db:5432/x", "postgresql+psycopg://db:5432/x", None),
    ],
)
def test_a_credential_is_neither_written_nor_printed(text: str, written: str, printed: str | None) -> None:
    """Users with passwords, users that are tokens, and signatures."""
    assert written == without_credentials(text)
    assert printed in (None, redacted(text))
    assert "TOKEN" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/x@v1",
        "https://host/?ref=main&se=1",
        "https://host/?key=value",
        "https://host/x.whl#sha256=ab&egg=x",
        "https://cdn.host/npm/@scope/x",
        "me@example.org",
        "git@host:o/x.git",
        "a = b@c",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    """No byte of it changes."""
    assert text == without_credentials(text)
    assert text == redacted(text)


def test_a_password_that_makes_a_url_malformed_is_not_printed() -> None:
    """uv quotes the line; a header too is hidden."""
    assert redacted('7 | url="https://u:pa/ss@host/"') == '7 | url="https://***@host/"'
    assert redacted("Authorization: Basic dTpw") == "Authorization: Basic ***"


@pytest.mark.parametrize(
    "text", ["http:" * 40_000 + "@", "@" + "http:" * 40_000, "a://" + "b@" * 100_000, "x?" * 100_000 + "https:@="]
)
def test_long_texts_take_linear_time(text: str) -> None:
    """A lock of a hostile workspace is read, and a log printed, in bounded time."""
    began = time.process_time()
    without_credentials(text)
    redacted(text)
    assert time.process_time() - began < 5


def test_names_tell_credentials() -> None:
    """As parameters of a query, variables and options have them."""
    assert [
        *filter(is_credential_name, ["HF_TOKEN", "api-key", "DB_PASSWORD", "sig", "AWS_ACCESS_KEY_ID", "client_secret"])
    ] == [*("HF_TOKEN", "api-key", "DB_PASSWORD", "sig", "AWS_ACCESS_KEY_ID", "client_secret")]
    assert not [
        *filter(is_credential_name, ["CMAKE_ARGS", "TOKENIZERS", "design", "author", "passes", "TOKEN_FILE", "bypass"])
    ]


def test_a_query_comes_back_where_its_url_stands() -> None:
    """For one file, or for all below a folder; nowhere else."""
    text = '"https://host/a/x.whl" "https://host/a/" "https://host/y.whl" "https://host/ab"\n'
    assert restored(text, ["https://host/a/?sig=1", "https://host/y.whl?token=2"]) == (
        '"https://host/a/x.whl?sig=1" "https://host/a/?sig=1" "https://host/y.whl?token=2" "https://host/ab"\n'
    )
