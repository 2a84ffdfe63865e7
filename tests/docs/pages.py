"""The code blocks of a Markdown page, and what a reader would do with each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+?) -->\s*\Z")
_FILE = re.compile(r"`(?P<file>[\w./-]+)`[^`\n]*:\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None
    """Why nobody runs it, as the page says; None where it is run."""
    file: str | None
    """The file that the sentence above says it is, or belongs to."""
    added: bool
    """Whether it is added to that file, which has more in it."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    text = page.read_text()
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        skipped, file = _NOT_RUN.search(before), _FILE.search(before)
        sentence = before.rstrip().rpartition("\n\n")[2]
        yield Block(
            page=page,
            line=before.count("\n") + 1,
            language=match["language"],
            text=match["text"],
            not_run=skipped["reason"] if skipped else None,
            file=file["file"] if file and match["language"] != "sh" else None,
            added=sentence.lower().startswith("add to"),
        )


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text())
