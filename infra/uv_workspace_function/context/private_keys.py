"""Whether bytes hold a private key: no image and no build context may, but one that was asked for by its path."""

from __future__ import annotations

import base64
import binascii
import re


def holds_private_key(content: bytes) -> bool:
    """Whether a whole private key lies in the bytes.

    In PEM or OpenPGP armour: header, body and footer, also in UTF-16, or encoded in base64 once more, as a Kubernetes secret
    has it. Code that merely mentions a header, or puts a key together from a variable, holds none. A key inside a string
    (JSON, a Python literal over several lines) counts. Else in DER, of PuTTY, or of age.
    """
    return (
        _holds_armour(content)
        or _is_der_key(content)
        or (content[:3] == b"MII" and _ONLY_BASE64.fullmatch(content) is not None and _is_der_key(_decoded(content)))
        or (content.startswith(b"PuTTY-User-Key-File-") and b"Private-Lines:" in content)
        or (b"AGE-SECRET-KEY-1" in content and _AGE.search(content) is not None)
    )


class KeySearch:
    """The same question about bytes that come piece by piece."""

    def __init__(self) -> None:
        self.found = False
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Look at the next piece, and at what may lie across the one before it."""
        seen = self._rest + piece if self._rest else piece
        self.found = self.found or holds_private_key(seen)
        self._rest = seen[-_LONGEST:]


# A block's body and its two lines, with room to spare.
_LONGEST = (1 << 16) + (1 << 10)
_KEY_BLOCK = re.compile(
    rb"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----"
    rb"(?P<body>(?:(?!-----BEGIN ).){1,65536}?)-----END (?P=kind)-----",
    re.DOTALL,
)
_BETWEEN_STRINGS = re.compile(rb"""["']\s*[,+]\s*["']""")
_OPENING_QUOTE = re.compile(rb"""\A[a-zA-Z]{0,2}["']""")
_RFC_1421_HEADER = re.compile(rb"[A-Za-z-]+: .+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")
_AGE = re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{58}(?![0-9A-Z])")
# "-----BEGIN", in base64, and on: lines as `base64` breaks them, the indentation of YAML, "\n" of a string.
_ENCODED_ARMOUR = re.compile(rb"LS0tLS1CRUdJTi(?:[A-Za-z0-9+/=]|\\n|\s(?=\s*[A-Za-z0-9+/=]{8})){40,65536}")
_ONLY_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{64,20000}={0,2}\s*")
_LARGEST_DER = 16_384
_PASSWORD_BASED = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
"""Of PKCS #5 and #12, as object identifiers begin."""
_SMALLEST_RSA = 32


def _holds_armour(content: bytes) -> bool:
    if b"PRIVATE KEY" in content and any(_is_key(found["body"]) for found in _KEY_BLOCK.finditer(content)):
        return True
    for encoding in ("utf-16-le", "utf-16-be"):
        if "PRIVATE KEY".encode(encoding) in content:
            text = content[content.find("-----BEGIN".encode(encoding)) :].decode(encoding, errors="replace")
            if _holds_armour(text.encode("utf-8", errors="replace")):
                return True
    return b"LS0tLS1CRUdJTi" in content and any(
        _holds_armour(_decoded(found[0])) for found in _ENCODED_ARMOUR.finditer(content)
    )


def _decoded(encoded: bytes) -> bytes:
    packed = re.sub(rb"\\n|\s", b"", encoded).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4))
    except binascii.Error:
        return b""


def _is_key(body: bytes) -> bool:
    """Whether what stands between header and footer is base64, on lines that end as in a file or as in a string."""
    text = _BETWEEN_STRINGS.sub(b"\n", body.replace(b"\\r", b"").replace(b"\\n", b"\n"))
    rows = text.split(b"\n" if b"\n" in text.strip() else None)
    lines = [_OPENING_QUOTE.sub(b"", row.strip(), count=1).strip(b" \t\"'\\,") for row in rows]
    lines = [line for line in lines if line and not _RFC_1421_HEADER.fullmatch(line)]
    if not lines or not all(_BASE64.fullmatch(line) for line in lines):
        return False
    # In a string, a short word may be a placeholder; a row of 24 characters is no word.
    as_in_a_file = b'"' not in body and b"'" not in body and b"\\" not in body and body.lstrip(b" \t\r")[:1] == b"\n"
    return as_in_a_file or max(map(len, lines)) >= 24


def _is_der_key(content: bytes) -> bool:
    """Whether the bytes are a key in DER: PKCS #1 and #8 (RFC 8017, 5958), plain or under a password, or SEC 1 (RFC 5915)."""
    if content[:1] != b"\x30" or len(content) > _LARGEST_DER:
        return False
    whole = _fields(content)
    fields = _fields(whole[0][1]) if len(whole) == 1 else []
    match [tag for tag, _ in fields]:
        case [0x02, 0x30, 0x04, *_]:  # version, algorithm, key
            return fields[0][1] in (b"\x00", b"\x01")
        case [0x02, 0x02, 0x02, 0x02, 0x02, 0x02, *_]:  # RSA or DSA
            return fields[0][1] in (b"\x00", b"\x01") and len(fields[1][1]) >= _SMALLEST_RSA
        case [0x02, 0x04, *_]:  # an elliptic curve's
            return fields[0][1] == b"\x01"
        case [0x30, 0x04]:  # how it is encrypted, and what
            algorithm = _fields(fields[0][1])
            return bool(algorithm) and algorithm[0][0] == 0x06 and algorithm[0][1].startswith(_PASSWORD_BASED)
    return False


def _fields(content: bytes) -> list[tuple[int, bytes]]:
    """The tags and values of a sequence; empty where it is none."""
    found, at = [], 0
    while at + 2 <= len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            digits = length & 0x7F
            length, at = int.from_bytes(content[at : at + digits]), at + digits
        if at + length > len(content):
            return []
        found.append((tag, content[at : at + length]))
        at += length
    return found if at == len(content) else []
