"""What looks like a secret: by the shapes that their issuers publish, so that an alarm is nearly always right.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique identifiers),
https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github (token formats),
https://api.slack.com/authentication/token-types, https://docs.stripe.com/keys, https://docs.gitlab.com/security/tokens/
(token prefixes), the Python Package Index (pypi- prefix), https://cloud.google.com/docs/authentication/api-keys.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Something in a file that looks like a secret."""

    kind: str
    line: int


# What an AWS document gives as an example ends with EXAMPLE.
_SHAPES = (
    ("an AWS access key", rb"(?<![A-Za-z0-9/+])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    ("a GitHub token", rb"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?!\w)"),
    ("a GitLab token", rb"(?<!\w)gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,64}(?![\w-])"),
    ("a Slack token", rb"(?<!\w)xox[abeprs]-\d{6,}-[A-Za-z0-9-]{16,}(?![\w-])"),
    ("a Stripe key", rb"(?<!\w)(?:sk|rk)_live_[A-Za-z0-9]{16,}(?!\w)"),
    ("a PyPI token", rb"(?<![\w-])pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("a Google API key", rb"(?<![\w-])AIza[A-Za-z0-9_-]{35}(?![\w-])"),
)
# A look for what each of them begins with is many times faster, and nearly always enough.
_BEGINNINGS = tuple(
    b"AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glcbt- xox sk_live_ rk_live_ pypi-Ag AIza".split()
)
_PATTERN = re.compile(b"|".join(b"(?P<k%d>%s)" % (at, shape) for at, (_, shape) in enumerate(_SHAPES)))
_FILES = {
    ".netrc": "passwords for hosts",
    "_netrc": "passwords for hosts",
    ".pypirc": "passwords for package indexes",
    ".git-credentials": "passwords for git hosts",
    ".htpasswd": "password hashes",
    "id_rsa": "a private key",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ed25519": "a private key",
}
_SUFFIXES = {".p12": "a key store", ".pfx": "a key store", ".kdbx": "a password store", ".keystore": "a key store"}
_LARGEST = 2_000_000  # bytes; models and data are no place to look


def secret_in(path: str, content: bytes) -> Secret | None:
    """The first thing in a file that looks like a secret.

    Args:
        path: its path, with `/`; some names say enough.
        content: its bytes.
    """
    name = PurePosixPath(path).name
    kind = _FILES.get(name) or _SUFFIXES.get(PurePosixPath(path).suffix.lower())
    if kind is not None and content.strip():
        return Secret(kind=kind, line=1)
    if len(content) > _LARGEST or not any(beginning in content for beginning in _BEGINNINGS):
        return None
    for found in _PATTERN.finditer(content):
        text = found[0]
        if b"EXAMPLE" in text or len(set(text[-16:])) < 6:  # a stand-in: AKIAIOSFODNN7EXAMPLE, ghp_xxxxxxxx
            continue
        kind = _SHAPES[int(str(found.lastgroup)[1:])][0]
        return Secret(kind=kind, line=content[: found.start()].count(b"\n") + 1)
    return None
