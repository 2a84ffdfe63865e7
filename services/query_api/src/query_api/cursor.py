"""The cursor of a page: where the next page starts, as a text that callers hand back unread."""

import base64
import hashlib
from dataclasses import dataclass

CHECK_BYTES = 8


class InvalidCursorError(ValueError):
    """A text that is no cursor of this query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The last event of a page.

    Attributes:
        time: the event's time, as it is stored.
        id: the event's id, which orders events of the same moment.
    """

    time: str
    id: str

    def encode(self, query: str) -> str:
        """The cursor as letters, digits, `-` and `_`, bound to one query.

        Args:
            query: what identifies the query that the page belongs to.

        Returns:
            Text that `decode` takes, with the same `query` only.
        """
        position = f"{self.time}/{self.id}".encode()
        return base64.urlsafe_b64encode(_check(query, position) + position).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, query: str) -> "Cursor":
        """The cursor that `encode` wrote.

        Its check catches a cursor that was cut, changed or taken from another query. It is no signature and needs no
        secret: a cursor only says from where on to read a source that its caller may read anyway.

        Args:
            text: what the caller handed back.
            query: what identifies the query that it is handed back to.

        Returns:
            The cursor.

        Raises:
            InvalidCursorError: `encode` did not write this text for this query.
        """
        try:
            content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            check, position = content[:CHECK_BYTES], content[CHECK_BYTES:]
            if check == _check(query, position):
                time, _, event_id = position.decode().partition("/")
                cursor = cls(time=time, id=event_id)
                if cursor.encode(query) == text:  # Base64 has several spellings of the same bytes
                    return cursor
        except ValueError:  # not Base64, or not text under it
            pass
        raise InvalidCursorError("cursor: expected the cursor of the page before, for the same source, from and to")


def _check(query: str, position: bytes) -> bytes:
    return hashlib.blake2b(query.encode() + b"\0" + position, digest_size=CHECK_BYTES).digest()
