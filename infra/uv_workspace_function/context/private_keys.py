"""Whether bytes hold a private key: no image and no build context may."""

from __future__ import annotations

import re


def holds_private_key(content: bytes) -> bool:
    """Whether a whole PEM or OpenPGP private key lies in the bytes: header, body and footer.

    Code that merely mentions a header, or puts a key together from a variable, holds none. A key inside a string (JSON,
    a Python literal over several lines) counts.
    """
    return b"PRIVATE KEY" in content and any(_is_key(found["body"]) for found in _KEY_BLOCK.finditer(content))


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
_OPENING_QUOTE = re.compile(rb"""\A[a-zA-Z]{0,2}["']""")
_RFC_1421_HEADER = re.compile(rb"[A-Za-z-]+: .+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")


def _is_key(body: bytes) -> bool:
    """Whether what stands between header and footer is base64, on lines that end as in a file or as in a string."""
    rows = body.replace(b"\\r", b"").replace(b"\\n", b"\n").split(b"\n")
    lines = [_OPENING_QUOTE.sub(b"", row.strip(), count=1).strip(b" \t\"'\\,") for row in rows]
    lines = [line for line in lines if line and not _RFC_1421_HEADER.fullmatch(line)]
    if not lines or not all(_BASE64.fullmatch(line) for line in lines):
        return False
    # In a string, a short word may be a placeholder; a row of 24 characters is no word.
    as_in_a_file = b'"' not in body and b"'" not in body and b"\\" not in body and body.lstrip(b" \t\r")[:1] == b"\n"
    return as_in_a_file or max(map(len, lines)) >= 24
