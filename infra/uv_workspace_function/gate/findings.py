"""What a check says: a finding, or that it could not check. And the closed list of codes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from uv_workspace_function.builder.credentials import redacted
from uv_workspace_function.errors import printable


class Severity(StrEnum):
    """How bad a finding is: an error breaks an image or will, a warning is untidy or risky."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of finding."""

    title: str
    severity: Severity = Severity.ERROR


CODES: Mapping[str, Kind] = MappingProxyType(
    {
        "UWF001": Kind(title="stale lock"),
        "UWF002": Kind(title="requirements that cannot be met"),
        "UWF003": Kind(title="undeclared import"),
        "UWF004": Kind(title="transitive import"),
        "UWF005": Kind(title="dependency that is never imported", severity=Severity.WARNING),
        "UWF006": Kind(title="source that does not parse"),
        "UWF007": Kind(title="handler that does not exist"),
        "UWF008": Kind(title="no wheel for the target"),
        "UWF009": Kind(title="unused library", severity=Severity.WARNING),
        "UWF010": Kind(title="service that no stack deploys", severity=Severity.WARNING),
        "UWF011": Kind(title="handler that does not import on its own"),
        "UWF012": Kind(title="secret in a build context"),
        "UWF013": Kind(title="secret beside the code", severity=Severity.WARNING),
        "UWF014": Kind(title="large file in a build context", severity=Severity.WARNING),
        "UWF015": Kind(title="build backend without a pin", severity=Severity.WARNING),
        "UWF016": Kind(title="floating image", severity=Severity.WARNING),
        "UWF017": Kind(title="build context that cannot be made"),
        "UWF018": Kind(title="package without a module"),
        "UWF019": Kind(title="exception without a reason"),
        "UWF020": Kind(title="credential in a setting"),
        "UWF021": Kind(title="working tree that differs from its commit", severity=Severity.WARNING),
        "UWF022": Kind(title="committed file that no image has", severity=Severity.WARNING),
    }
)


_SHOWN = 10  # further places; a report for programs has them all


def _line(text: str) -> str:
    return printable(redacted(text).replace("\n", "; "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    code: str
    """A key of `CODES`."""
    file: str
    """Relative to the workspace's root, with `/`."""
    line: int | None = None
    member: str | None = None
    """The member it is about; None where it is about the workspace."""
    problem: str
    """What is wrong, in one sentence without a period."""
    remedy: str
    """How to fix it."""
    subject: str
    """What an exception in `[tool.uv-workspace-function.check.allow]` names it by: a module, a package, a path."""
    detail: tuple[str, ...] = ()
    """More lines, where one sentence does not do."""
    package: str | None = None
    """The package, or the local module, that a member imports: findings of one code about the same one are one finding with several places."""
    places: tuple[str, ...] = ()
    """Where else it is, as `file:line`."""

    @property
    def more(self) -> tuple[str, ...]:
        """The lines below `problem`: details, and its further places."""
        if not self.places:
            return self.detail
        others = ", ".join(self.places[:_SHOWN]) + (
            f" and {len(self.places) - _SHOWN} more" if len(self.places) > _SHOWN else ""
        )
        return (*self.detail, _line(f"also in {others}"))

    @property
    def identity(self) -> tuple[str, str, str | None, str]:
        """What makes it the same one after lines have moved: code, file, member, subject; a package of a member is no file's."""
        return (
            (self.code, self.file, self.member, self.subject)
            if self.package is None
            else (self.code, "", self.member, self.package)
        )

    def __post_init__(self) -> None:
        """Hide the credentials of URLs, wherever they were quoted from, and keep each text one line."""
        for name in ("problem", "remedy", "subject"):
            object.__setattr__(self, name, _line(getattr(self, name)))
        object.__setattr__(self, "member", None if self.member is None else printable(self.member))
        object.__setattr__(self, "detail", tuple(map(_line, self.detail)))

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CODES[self.code].severity

    @property
    def title(self) -> str:
        """Its kind, in words."""
        return CODES[self.code].title


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChecked:
    """Something that could not be checked, so that the answer is not "clean"."""

    codes: tuple[str, ...]
    """What was not looked for."""
    member: str | None = None
    reason: str
    remedy: str

    def __post_init__(self) -> None:
        """Hide the credentials of URLs, wherever they were quoted from, and keep each text one line."""
        object.__setattr__(self, "member", None if self.member is None else printable(self.member))
        object.__setattr__(self, "reason", _line(self.reason))
        object.__setattr__(self, "remedy", _line(self.remedy))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check says."""

    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    notes: tuple[str, ...] = ()
    """What else one should know, such as what was not asked for; it does not stand in the way of "clean"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What all checks say of a workspace."""

    findings: tuple[Finding, ...]
    """By member, file, line and code."""
    not_checked: tuple[NotChecked, ...]
    notes: tuple[str, ...]
    allowed: int = 0
    """How many findings the workspace's exceptions took out."""
    known: tuple[Finding, ...] | None = None
    """Findings that the baseline has, which do not count; None where there is no baseline."""
    gone: tuple[Finding, ...] = ()
    """What the baseline has and this run did not find again, each as a finding about the baseline."""
    skipped: frozenset[str] = frozenset()
    """Codes that this run was not asked to look for."""
    members: frozenset[str] | None = None
    """The members that were judged; None when it was the whole workspace."""

    def judges(self, code: str, member: str | None) -> bool:
        """Whether this run would have found such a finding of this member, or of the workspace where it is None."""
        if code in self.skipped or (self.members is not None and member not in self.members):
            return False
        return not any(code in gap.codes and gap.member in (None, member) for gap in self.not_checked)

    @property
    def exit_code(self) -> int:
        """0 when everything was checked and nothing new found, 1 when something was found or is gone from the baseline, 2 when something could not be checked.

        What was found is certain, so it goes first.
        """
        if self.findings or self.gone:
            return 1
        return 2 if self.not_checked else 0


def together(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in order, those about one package of one member as one."""
    found: dict[object, Finding] = {}
    for finding in findings:
        key = finding if finding.package is None else (finding.identity, finding.remedy)
        if (first := found.get(key)) is None:
            found[key] = finding
        else:
            found[key] = replace(first, places=(*first.places, f"{finding.file}:{finding.line}"))
    return list(found.values())


def join(*outcomes: Outcome) -> Outcome:
    """Several outcomes as one."""
    return Outcome(
        findings=tuple(finding for outcome in outcomes for finding in outcome.findings),
        not_checked=tuple(gap for outcome in outcomes for gap in outcome.not_checked),
        notes=tuple(text for outcome in outcomes for text in outcome.notes),
    )
