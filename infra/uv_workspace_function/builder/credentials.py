"""Credentials in URLs: taken out of what is written, hidden in what is printed, and given back to uv in a build.

The rest of the package imports this module too, so that there is one answer to what a credential in a URL is: a user with a
password, a user that may be a token, and query parameters that sign or authorize. The user of an SSH URL is none: `git@` has to stay.
"""

import re
from collections.abc import Callable, Iterable, Mapping

HIDDEN = "***"

# WHATWG's URL parser, which uv uses, takes `https:user:password@host` and `https:\\user...` for what they should have been.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}:[/\\]{2,}|(?:[a-z]{1,10}\+)?(?:https?|ftp):[/\\]*", re.IGNORECASE)
# What ends a host where a word is a URL, where one stands in a text, and where one is malformed.
_END_ALONE, _END_IN_TEXT = re.compile(r"[/\\?#]"), re.compile(r"[/\\?#\"'<>`()\[\],]")
_QUOTE = re.compile(r"[\"'<>`]")
_PORT = re.compile(r"[^:]*(?::\d{1,5})?\]?$")
_PARAMETERS = re.compile(r"(?P<mark>[?#])(?P<parameters>[^?#\"'<>`()\s]*=[^?#\"'<>`()\s]*)")
_HEADER = re.compile(
    r"(?P<header>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token)\s+)[^\s\"']+", re.IGNORECASE
)
_WORD = re.compile(r"\S+")

_NAMES = re.compile(
    r"(?:.*[-_.])?(?:sig|signature|secret|password|passwd|pwd|pass|api-?key|apikey|auth|authorization|credentials?|jwt|sas|access-?key)"
    r"|.*token|.*api[-_]key|.*access[-_]key(?:[-_]?id)?|.*private[-_]key",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~%+/-]{20,}={0,2}")
# What a signature comes with, and is new with each one.
_SIGNED_TOGETHER: Mapping[str, tuple[str, ...]] = {
    # https://learn.microsoft.com/rest/api/storageservices/create-service-sas
    "sig": (
        *("sv", "ss", "srt", "sr", "st", "se", "sp", "spr", "sip", "si", "sdd", "ses"),
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid"),
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    "x-amz-signature": ("x-amz-",),
    # https://cloud.google.com/storage/docs/authentication/signatures
    "x-goog-signature": ("x-goog-",),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
    "signature": ("expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid"),
}


def without_credentials(text: str) -> str:
    """A text whose URLs name no user, password, token or signature: for what is written."""
    return _changed(text, userinfo=lambda _: "", parameter=lambda _: None)


def redacted(text: str) -> str:
    """A text whose URLs hide what may be a credential, also where a password makes one malformed: for what is printed."""
    text = _changed(text, userinfo=lambda _: f"{HIDDEN}@", parameter=lambda name: f"{name}={HIDDEN}", malformed=True)
    return _HEADER.sub(rf"\g<header>{HIDDEN}", text)


def is_credential_name(name: str) -> bool:
    """Whether a variable, a parameter or a key of that name holds a credential."""
    return _NAMES.fullmatch(name) is not None


def restored(text: str, urls: Iterable[str]) -> str:
    """A text whose URLs have the query again that they need.

    Args:
        text: what was written without credentials.
        urls: URLs with their query. One that names a file is that file's; one that ends with a slash is for all below it.
    """
    for url in urls:
        place = re.escape(without_credentials(url).partition("?")[0])
        below = r"[^\s\"'?#]*" if place.endswith("/") else ""
        wanted = url.partition("?")[2].partition("#")[0]
        text = re.sub(rf"{place}{below}(?=[\"'#\s])", lambda found: f"{found[0]}?{wanted}", text)  # noqa: B023 - used at once
    return text


def _changed(
    text: str, *, userinfo: Callable[[str], str], parameter: Callable[[str], str | None], malformed: bool = False
) -> str:
    if ":" not in text or ("@" not in text and "=" not in text):
        return text

    def query(found: re.Match[str]) -> str:
        from urllib.parse import unquote  # noqa: PLC0415 - it takes its time, and nearly no URL has parameters

        kept = []
        given = found["parameters"].split("&")
        names = [unquote(one.partition("=")[0]) for one in given]
        for name, one in zip(names, given, strict=True):
            told = parameter(name) if _is_credential(name, one.partition("=")[2], names) else one
            kept += [] if told is None else [told]
        return found["mark"] + "&".join(kept) if kept else ""

    def token(found: re.Match[str]) -> str:
        word = found[0]
        if ":" not in word or _SCHEME.search(word) is None:
            return word
        if "@" in word:
            word = _with_userinfo(word, userinfo, malformed=malformed)
        return _PARAMETERS.sub(query, word) if "=" in word else word

    return _WORD.sub(token, text)


def _with_userinfo(word: str, change: Callable[[str], str], *, malformed: bool) -> str:
    """A word in which the users and passwords of its URLs are changed; in one pass, however long it is."""
    parts, at = [], 0
    ends = _END_ALONE if _SCHEME.match(word) else _END_IN_TEXT
    while (scheme := _SCHEME.search(word, at)) is not None:
        start = scheme.end()
        stop = ends.search(word, start)
        end = stop.start() if stop else len(word)
        sign = word.rfind("@", start, end)
        if sign < 0 and malformed and not _PORT.match(word[start:end]):
            quote = _QUOTE.search(word, start)
            sign = word.rfind("@", start, quote.start() if quote else len(word))
        parts.append(word[at:start])
        if sign < 0:
            parts.append(word[start:end])
            at = end
        else:
            given = word[start:sign]
            is_ssh = "ssh:" in scheme[0].lower()
            parts.append(f"{given.partition(':')[0]}@" if is_ssh else change(given))
            at = sign + 1
    return "".join([*parts, word[at:]])


def _is_credential(name: str, value: str, beside: Iterable[str]) -> bool:
    if is_credential_name(name) or (name.lower() in ("key", "code") and _RANDOM.fullmatch(value)):
        return True
    there = {other.lower() for other in beside}
    return any(
        name.lower() in companions or any(c.endswith("-") and name.lower().startswith(c) for c in companions)
        for signature, companions in _SIGNED_TOGETHER.items()
        if signature in there
    )
