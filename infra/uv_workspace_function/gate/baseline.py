"""A baseline: the findings that a workspace had when the gate came, so that only new ones count.

Lines move, so an entry is a code, a file, a member and what the finding is about, with how often it was there. Imports of one package by
one member are one entry, without a file.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import CODES, Finding, Report

FILE = "services-check-baseline.json"
"""At the workspace's root."""
_VERSION = 1
_REWRITE = "run `services check --write-baseline`"


class BaselineEntry(NamedTuple):
    """What makes a finding the same one after the lines around it have moved."""

    code: str
    file: str
    member: str | None
    subject: str

    @classmethod
    def of(cls, finding: Finding) -> "BaselineEntry":
        """The entry that a finding would have."""
        return cls(*finding.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Findings that do not count, each with how often it was there."""

    counts: Counter[BaselineEntry]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Baseline":
        """The baseline that knows all of these."""
        return cls(counts=Counter(map(BaselineEntry.of, findings)))

    @classmethod
    def load(cls, file: Path) -> "Baseline | None":
        """The baseline in a file; None when there is no file.

        Raises:
            WorkspaceError: when it cannot be read, or is of another form.
        """
        try:
            return cls(counts=_counts(json.loads(file.read_text())))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkspaceError(f"{file} is not a baseline of version {_VERSION} ({error})", _REWRITE) from error

    def write(self, file: Path) -> None:
        """Write it, one entry per line, sorted, so that two branches merge.

        Raises:
            WorkspaceError: when it cannot be written; what was there before is left.
        """
        entries = sorted(self.counts.items(), key=lambda item: tuple(part or "" for part in item[0]))
        lines = ",\n".join(f"  {json.dumps(_entry(known, count))}" for known, count in entries)
        text = f'{{"version": {_VERSION}, "findings": [\n{lines}\n]}}\n'
        part = file.with_name(f".{file.name}.part")
        try:
            part.write_text(text)
            part.replace(file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise WorkspaceError(f"the baseline could not be written to {file}: {error.strerror}") from error

    def applied(self, report: Report) -> Report:
        """The report in which only new findings count, and what is gone is named."""
        left = self.counts.copy()
        new, known = [], []
        for finding in report.findings:
            entry = BaselineEntry.of(finding)
            if left[entry] > 0:
                left[entry] -= 1
                known.append(finding)
            else:
                new.append(finding)
        gone = sorted(
            (entry for entry, count in left.items() if count > 0 and report.judges(entry.code, entry.member)),
            key=lambda entry: tuple(part or "" for part in entry),
        )
        return replace(report, findings=tuple(new), known=tuple(known), gone=tuple(map(_gone, gone)))


def update(file: Path, report: Report) -> None:
    """Write the baseline anew: what the report found, and of the baseline that is there what its run did not look for.

    Raises:
        WorkspaceError: when it cannot be written.
    """
    try:
        before = Baseline.load(file)
    except WorkspaceError:  # one of another form has nothing to keep
        before = None
    kept = (
        {entry: count for entry, count in before.counts.items() if not report.judges(entry.code, entry.member)}
        if before
        else {}
    )
    Baseline(counts=Counter(kept) + Baseline.of(report.findings).counts).write(file)


def _gone(known: BaselineEntry) -> Finding:
    return Finding(
        code=known.code,
        file=known.file or FILE,
        member=known.member,
        subject=known.subject,
        problem=f"the baseline has a finding about {known.subject!r} that is gone",
        remedy=f"{_REWRITE}, so that it cannot come back unseen",
    )


def _counts(document: Any) -> Counter[BaselineEntry]:
    if document["version"] != _VERSION:
        raise ValueError(f"version {document['version']!r}")
    return Counter({_known(entry): int(entry.get("count", 1)) for entry in document["findings"]})


def _known(entry: Any) -> BaselineEntry:
    known = BaselineEntry(entry["code"], entry["file"], entry.get("member"), entry["subject"])
    if known.code not in CODES or not all(isinstance(part, str) for part in known if part is not None):
        raise ValueError(f"the entry {json.dumps(entry)}")
    return known


def _entry(known: BaselineEntry, count: int) -> dict[str, Any]:
    entry = {key: value for key, value in known._asdict().items() if value is not None}
    return entry | ({"count": count} if count > 1 else {})
