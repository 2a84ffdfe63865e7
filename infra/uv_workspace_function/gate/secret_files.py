"""Files that hold secrets, or are what a machine left behind, by their names and places: a short list.

Most names only say where to look more closely; what the file holds decides.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Literal

from uv_workspace_function.context.private_keys import holds_private_key

_ALWAYS = {
    ".netrc": "passwords for hosts",
    "_netrc": "passwords for hosts",
    ".pypirc": "passwords for package indexes",
    ".git-credentials": "passwords for git hosts",
    ".htpasswd": "password hashes",
    ".pgpass": "passwords for databases",
    "pgpass.conf": "passwords for databases",
    ".vault-token": "a token of Vault",
    ".mylogin.cnf": "passwords for databases",
    "secring.gpg": "a private key",
    **dict.fromkeys(("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"), "a private key"),
    **dict.fromkeys(
        (".bash_history", ".zsh_history", ".sh_history", ".ksh_history", ".history", ".python_history", ".node_repl_history"),
        "the history of a shell",
    ),
    **dict.fromkeys(
        (".psql_history", ".mysql_history", ".sqlite_history", ".rediscli_history", ".mongo_history", ".lesshst"),
        "the history of a shell",
    ),
}  # fmt: skip
_SUFFIXES = {
    **dict.fromkeys((".p12", ".pfx", ".jks", ".jceks", ".bks", ".keystore"), "a key store"),
    ".ppk": "a private key",
    ".kdbx": "a password store",
    ".agekey": "a private key",
    ".keytab": "keys of Kerberos",
    ".hprof": "a dump of a program's memory",
}
_EDITORS = {".idea", ".vscode", ".vs", ".fleet", ".zed"}
# What programs sign in with: where their files lie -> what only a file with a secret holds.
_SIGNED_IN = (
    (r"(.*/)?\.docker/config\.json|.*\.dockercfg|.*\.?dockerconfigjson", rb'"(?:auth|identitytoken|registrytoken|password)"\s*:\s*"[^"${}<]{4,}"'),
    (r"(.*/)?\.kube/config|(.*/)?[\w.-]*kubeconfig[\w.-]*", rb"(?m)^\s*(?:token|client-key-data|password|id-token|refresh-token)\s*:\s*[\"']?[^\s\"'${}<]{4,}"),
    (r"(.*/)?\.?(?:npmrc|yarnrc(?:\.yml)?)", rb"(?m)(?:_authToken|_auth|_password|npmAuthToken|npmAuthIdent)\"?\s*[=:]\s*[\"']?[^\s\"'${}<]{4,}"),
    (r"(.*/)?(?:authorized_user|application_default_credentials|token|credentials)[\w.-]*\.json", rb'"(?:refresh_token|private_key|access_token)"\s*:\s*"[^"${}<]{8,}"'),
    (r"(.*/)?client_?secrets?[\w.-]*\.json", rb'"client_secret"\s*:\s*"[^"${}<]{8,}"'),
    (r"(.*/)?(?:\.config/)?gh/hosts\.yml", rb"(?m)^\s*oauth_token\s*:\s*\S{8,}"),
    (r"(.*/)?credentials\.tfrc\.json|(.*/)?\.terraformrc", rb"\"?token\"?\s*[=:]\s*\"[^\"${}<]{8,}\""),
    (r"(.*/)?\.curlrc", rb"(?m)^\s*-{0,2}(?:user|u|oauth2-bearer)\b[\s=:]+\S{4,}"),
    (r".*\.jwks?|(.*/)?jwks?[\w.-]*\.json", rb'"(?:d|k)"\s*:\s*"[A-Za-z0-9_-]{20,}"'),
    (r".*\.wg\.conf|(.*/)?wg\d*\.conf", rb"(?m)^\s*PrivateKey\s*=\s*[A-Za-z0-9+/]{42,}="),
)  # fmt: skip
_SIGNED_IN_PATTERNS = tuple((re.compile(path), re.compile(content)) for path, content in _SIGNED_IN)
# Files in which any value of a telling name counts; and those that are there for nothing else, whatever the names in them.
_SETTINGS = re.compile(
    r"(?:.*[._-])?env|.*\.env(?:\..*)?|.*\.tfvars(?:\.json)?|.*\.tfstate(?:\..*)?|\.s3cfg|\.boto|\.my\.cnf|\.?rclone\.conf",
    re.IGNORECASE,
)
_ONLY_SECRETS = re.compile(
    r"\.?(?:(?:[a-z0-9]{1,20}[._-]){0,2}(?:secrets?|credentials?|passwords?|passwd|creds|api[_-]?keys?)|(?:(?:access|auth|api|refresh)[._-])?tokens?)"
    r"(?:[._-](?:prod(?:uction)?|dev(?:elopment)?|stag(?:e|ing)|test|qa|live|local|ci|\d{1,4}))?"
    r"(?:\.(?:ya?ml|json|toml|ini|cfg|conf|txt|properties|xml|env|csv))?",
    re.IGNORECASE,
)
_EXAMPLES = re.compile(
    r".*[._-](?:examples?|samples?|templates?|tmpl|tpl|dist|defaults?|schema|j2|jinja2?|in)(?:[._-].*)?", re.IGNORECASE
)
_CODE = (
    ".py",
    ".pyi",
    ".pyx",
    ".js",
    ".ts",
    ".md",
    ".rst",
    ".html",
    ".sql",
    ".go",
    ".rs",
    ".java",
    ".c",
    ".h",
    ".ipynb",
)


def kind_by_name(path: str, content: bytes) -> str | None:
    """What a file is by its name and place, where that with a look inside says enough.

    Args:
        path: its path, with `/`.
        content: its bytes, or the first of them.
    """
    if not content.strip():
        return None
    place = PurePosixPath(path)
    name = place.name.lower()
    if name in _ALWAYS or place.suffix.lower() in _SUFFIXES:
        return _ALWAYS.get(name) or _SUFFIXES[place.suffix.lower()]
    if not _EDITORS.isdisjoint(place.parts[:-1]):
        return "an editor's settings"
    if any(paths.fullmatch(path.lower()) and held.search(content) for paths, held in _SIGNED_IN_PATTERNS):
        return "what a program signs in with"
    return next((kind for kind, holds in _BY_CONTENT if holds(content)), None)


def is_full_of_secrets(path: str) -> bool:
    """Whether a file of that name holds secrets as a rule, so that any value of a telling name counts; not an example, and not code."""
    return _is_named(path, _SETTINGS) or is_only_secrets(path)


def is_only_secrets(path: str) -> bool:
    """Whether a file of that name is there for secrets, whatever it calls them."""
    return _is_named(path, _ONLY_SECRETS)


def _is_named(path: str, names: re.Pattern[str]) -> bool:
    place = PurePosixPath(path)
    return names.fullmatch(place.name) is not None and not is_example(path) and place.suffix.lower() not in _CODE


def is_example(path: str) -> bool:
    """Whether a file's name says that it only shows what another one looks like."""
    return _EXAMPLES.fullmatch(PurePosixPath(path).name) is not None


def _is_core_dump(content: bytes) -> bool:
    # https://man7.org/linux/man-pages/man5/elf.5.html: e_type at byte 16, in the order that byte 5 says; 4 is a core
    order: Literal["little", "big"] = "little" if content[5:6] == b"\x01" else "big"
    is_elf_core = content.startswith(b"\x7fELF") and int.from_bytes(content[16:18], order) == 4
    return is_elf_core or content.startswith((b"MDMP", b"JAVA PROFILE"))


def _is_database(content: bytes) -> bool:
    # https://www.sqlite.org/fileformat.html, its write-ahead log and its rollback journal; a snapshot of Redis
    return content.startswith(
        (
            b"SQLite format 3\x00",
            b"\x37\x7f\x06\x82",
            b"\x37\x7f\x06\x83",
            b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
            b"REDIS00",
        )
    )


def _is_capture(content: bytes) -> bool:
    # https://www.tcpdump.org/manpages/pcap-savefile.5.html, in either order and with nanoseconds; pcapng
    return content.startswith(
        (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a")
    )


def _is_key_store(content: bytes) -> bool:
    # https://docs.oracle.com/en/java/javase/21/docs/specs/security/standard-names.html: JKS and JCEKS; KeePass
    return content.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce", b"\x03\xd9\xa2\x9a"))


_BY_CONTENT: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("a private key", holds_private_key),
    ("a key store", _is_key_store),
    ("a dump of a program's memory", _is_core_dump),
    ("a database", _is_database),
    ("a capture of network traffic", _is_capture),
)


def assigned(path: str, content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Values of telling names in code and settings of any language: where, the name, and the value.

    Args:
        path: the file's; in code, only what stands in quotes is a value.
        content: its bytes.
    """
    is_code = PurePosixPath(path).suffix.lower() in _CODE
    for found in _ASSIGNED.finditer(content):
        if found["quote"] or not is_code:
            begins = _NAME_BEFORE.search(content, max(0, found.start() - _LONGEST_NAME), found.start())
            yield found.start("value"), (begins[0] if begins else b"") + found["name"], found["value"]
    for pattern in _IN_MARKUP:
        for found in pattern.finditer(content):
            yield found.start("value"), found["name"], found["value"]


def stated(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Values in a file that is there for secrets: each that has a name, or the file's only word."""
    only = content.strip()
    if _WORD.fullmatch(only):
        yield 0, b"its only word", only
    for found in _NAMED.finditer(content):
        yield found.start("value"), found["name"], found["value"]


_LONGEST_NAME = 80
_NAME_BEFORE = re.compile(rb"[\w.-]*\Z")
_NAMES = (
    rb"(?i:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|auth|key(?:[_-]?id|[_-]?base)?|connection[_-]?string)"
)
_ASSIGNED = re.compile(
    rb"""(?P<name>%s)\\?["']?(?:\s{0,4}(?:=>|:=|[:=])\s{0,4}(?P<quote>\\?["']?)|["']\s{0,4},\s{0,4}["'])(?P<value>[^\s"'\\,;]{4,500})"""
    % _NAMES
)
_IN_MARKUP = (
    re.compile(rb"<(?P<name>[\w:.-]{0,60}%s)>(?P<value>[^\s<>]{4,500})</" % _NAMES),
    re.compile(
        rb"""\b(?:key|name)=["'](?P<name>[\w:.-]{0,60}%s)["']\s+value=["'](?P<value>[^\s"'<>]{4,500})["']""" % _NAMES
    ),
)
_WORD = re.compile(rb"[^\s\"'{}\[\]<>$]{6,4096}")
_NAMED = re.compile(rb"""(?P<name>[A-Za-z_][\w.-]{0,60})["']?\s{0,4}[:=]\s{0,4}["']?(?P<value>[^\s"'\\,;]{8,500})""")
