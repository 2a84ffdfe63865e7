"""Build contexts: what enters an image and should not, and what is not pinned (UWF012 to UWF017)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.context.dockerfile import DOCKERFILE
from uv_workspace_function.context.files import Dropped
from uv_workspace_function.context.git_configuration import is_pointer
from uv_workspace_function.context.wanted import Cause
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT, requirement_name
from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.gate.built_for import assets_by_service, pythons_of
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.lines import line_of
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.secret_files import is_example
from uv_workspace_function.gate.secret_rules import NoAnswerError
from uv_workspace_function.gate.secrets import SecretSearch
from uv_workspace_function.insight.cloud_assembly import ServiceAsset, image_assets
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Member

DEFAULT_LARGEST_FILE = 5_000_000
"""Bytes. The code layer is sent anew with each line of code; what is this large belongs elsewhere."""

_HOLDS_SECRETS = (Cause.SECRETS, Cause.PRIVATE_KEY)


def check_contexts(scope: Scope, cdk_out: Path | None) -> Outcome:
    """Gather the context of every service and look into it.

    Args:
        scope: what is judged.
        cdk_out: a cloud assembly, which tells the images that contexts are built on, and their Pythons; None where there is none.
    """
    search = SecretSearch.of(scope.workspace.root)
    contexts = _Contexts(scope=scope, largest=_largest(scope), search=search, assets=assets_by_service(cdk_out))
    for service in scope.services:
        contexts.look_into(service)
    search.save(whole=scope.whole)
    findings = [*contexts.findings, *_backends(contexts), *_images(scope, cdk_out)]
    notes = () if search.rules.is_whole else (_FEW_RULES,)
    return Outcome(findings=tuple(findings), not_checked=tuple(contexts.gaps), notes=notes)


_FEW_RULES = "UWF012 (secrets) knows the commonest tokens only: uv-workspace-function[secrets] brings a rule set of several hundred"


def _largest(scope: Scope) -> int:
    return scope.workspace.project.pyproject.ours.check.largest_file or DEFAULT_LARGEST_FILE


@dataclass(slots=True, kw_only=True)
class _Contexts:
    """One pass over all contexts; a file that several of them have is looked at once."""

    scope: Scope
    largest: int
    search: SecretSearch
    assets: Mapping[str, Sequence[ServiceAsset]]
    findings: list[Finding] = field(default_factory=list)
    gaps: list[NotChecked] = field(default_factory=list)
    closures: list[Closure] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def look_into(self, service: Member) -> None:
        """Gather one context."""
        try:
            context = BuildContext.of_closure(self.scope.workspace, self.scope.closure(service))
        except LockError as error:
            self.gaps.append(_unseen(service, str(error), "lock first: UWF001", "UWF017"))
            return
        except WorkspaceError as error:
            self.findings.append(_not_made(service, error))
            self.gaps.append(_unseen(service, "its build context cannot be made", "fix UWF017 first"))
            return
        for python, why in pythons_of(self.scope, service, self.assets.get(service.name, ())).items():
            try:
                context.closure.check_python(python)
            except WorkspaceError as error:
                self.findings.append(replace(_not_made(service, error), detail=(why,)))
        self.closures.append(context.closure)
        folders = {member.folder: member for member in context.closure.sources}
        for staged, file in context.files.items():
            path = context.origin(staged)
            if path in self.seen:
                continue
            self.seen.add(path)
            if path == DOCKERFILE or path.startswith(f"{BUILDER_FOLDER}/"):
                continue
            owner = _owner(folders, PurePosixPath(path))
            self._search(owner, path, file)
            if owner is not None and PurePosixPath(path).name not in (LOCK_NAME, PYPROJECT):
                self._measure(owner, path, file)
        for dropped in context.dropped:
            if dropped.path not in self.seen:
                self.seen.add(dropped.path)
                self._left_out(_owner(folders, PurePosixPath(dropped.path)), dropped)

    def _search(self, owner: Member | None, path: str, file: ContextFile) -> None:
        try:
            suspect = self.search.first(path, file)
        except NoAnswerError as error:
            gap = NotChecked(
                codes=("UWF012",),
                member=None if owner is None else owner.name,
                reason=f"{path} enters an image, and {error}",
                remedy=f"look at it yourself, or keep it out by `exclude` in [tool.{OUR_TABLE}]",
            )
            self.gaps.append(gap)
            return
        if suspect is None:
            return
        line = suspect.line
        if PurePosixPath(path).name in (PYPROJECT, "uv.toml", LOCK_NAME):  # a context's is written anew
            written = file.content.decode(errors="replace").splitlines()[line - 1].strip()
            line = line_of(self.scope.workspace.root / path, re.escape(written)) or 1
        self.findings.append(
            Finding(
                code="UWF012",
                file=path,
                line=line,
                member=None if owner is None else owner.name,
                problem=f"{path} enters an image and holds what looks like {suspect.kind}",
                remedy=(
                    "take it out and revoke it: whoever can pull the image can read it; give it at run time instead; if it is harmless, "
                    f"say why in [tool.{OUR_TABLE}.check.allow.UWF012]"
                ),
                subject=path,
            )
        )

    def _measure(self, owner: Member, path: str, file: ContextFile) -> None:
        if is_pointer(file):
            self.findings.append(
                Finding(
                    code="UWF021",
                    file=path,
                    line=1,
                    member=owner.name,
                    problem=f"{path} is a git-lfs pointer, and goes into the image in place of the file",
                    remedy="run `git lfs pull`",
                    subject=path,
                )
            )
        if file.size > self.largest:
            self.findings.append(
                Finding(
                    code="UWF014",
                    file=path,
                    line=1,
                    member=owner.name,
                    problem=f"{path} has {file.size:,} bytes, more than {self.largest:,}, and is sent again with every change beside it",
                    remedy=(
                        "fetch it at run time, put it into a library or a package of its own, list it in `exclude` of "
                        f"[tool.{OUR_TABLE}], or raise largest-file in [tool.{OUR_TABLE}.check]"
                    ),
                    subject=path,
                )
            )

    def _left_out(self, owner: Member | None, dropped: Dropped) -> None:
        if dropped.cause not in _HOLDS_SECRETS or (dropped.cause is Cause.SECRETS and is_example(dropped.path)):
            return
        path = self.scope.workspace.root / dropped.path
        if WorkspaceFiles.of(self.scope.workspace).repository.ignored(
            str(path.resolve()), is_folder=dropped.path.endswith("/")
        ):
            return  # it is nobody's but of this checkout
        self.findings.append(
            Finding(
                code="UWF013",
                file=dropped.path,
                line=1,
                member=None if owner is None else owner.name,
                problem=f"{dropped.path} sits in the code and {dropped.reason}: no image has it",
                remedy="move it out of the package; if it is committed, revoke what is in it, and list it in .gitignore",
                subject=dropped.path,
            )
        )


def _unseen(service: Member, reason: str, remedy: str, *more: str) -> NotChecked:
    """What nobody looked for in a context that there is not."""
    codes = ("UWF012", "UWF013", "UWF014", "UWF015", "UWF021", "UWF022")
    return NotChecked(codes=tuple(sorted({*codes, *more})), member=service.name, reason=reason, remedy=remedy)


def _not_made(service: Member, error: WorkspaceError) -> Finding:
    return Finding(
        code="UWF017",
        file=(service.folder / PYPROJECT).as_posix(),
        line=1,
        member=service.name,
        problem=error.problem,
        remedy=error.remedy or "fix it, then run the check again",
        subject=service.name,
    )


def _owner(folders: Mapping[PurePosixPath, Member], path: PurePosixPath) -> Member | None:
    return next((folders[parent] for parent in path.parents if parent in folders), None)


def _backends(contexts: _Contexts) -> Iterator[Finding]:
    """Build backends that any release of may build the image (UWF015): no lock has them, and uv checks no hash of theirs.

    Source: https://docs.astral.sh/uv/reference/settings/#build-constraint-dependencies. uv_build is a part of uv.
    """
    told: set[tuple[PurePosixPath, str]] = set()
    for closure in contexts.closures:
        project = closure.project
        pinned = {name for text in project.pyproject.uv.build_constraints if (name := _pinned(text))}
        local = {member.name for member in closure.sources}
        for member in closure.sources:
            if not member.is_package:
                continue
            path = member.path / PYPROJECT
            for text in member.pyproject.build_system.requires:
                name = requirement_name(text)
                if (
                    name is None
                    or name in pinned | local | {"uv-build"}
                    or _pinned(text)
                    or (project.folder, name) in told
                ):
                    continue
                told.add((project.folder, name))
                yield Finding(
                    code="UWF015",
                    file=(member.folder / PYPROJECT).as_posix(),
                    line=line_of(path, r"^\s*requires\s*=") or 1,
                    member=member.name,
                    problem=f"{member.name} is built by whatever release of {name} is the newest that day",
                    remedy=f'pin it in [tool.uv] of {project.folder / PYPROJECT}: build-constraint-dependencies = ["{name}==..."]',
                    subject=name,
                )


def _pinned(requirement: str) -> str | None:
    """The name in a requirement that only one release meets."""
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return None
    exact = any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in parsed.specifier)
    return canonicalize_name(parsed.name) if exact or parsed.url else None


_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)
_COPY = re.compile(
    r"^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=(?P<image>\S+)|--mount=\S*?from=(?P<mount>[^\s,]+)", re.IGNORECASE
)
_ARG = re.compile(r"^\s*ARG\s+(?P<name>\w+)=(?P<value>\S+)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_IMAGE_ARGUMENTS = ("BASE_IMAGE", "BUILDER_IMAGE", "UV_IMAGE")


def _images(scope: Scope, cdk_out: Path | None) -> Iterator[Finding]:
    """Images that a tag moves under (UWF016), in Dockerfiles of the workspace and in the build arguments of a cloud assembly."""
    root = scope.workspace.root
    folders = {PurePosixPath(), *(service.folder for service in scope.services)}
    for folder in sorted(folders):
        for path in sorted((root / folder).glob("*Dockerfile*")):
            if path.is_file() and re.fullmatch(r"Dockerfile(\..*)?|.*\.Dockerfile", path.name):
                for line, image in _floating(path.read_text(encoding="utf-8", errors="replace")):
                    yield _float((folder / path.name).as_posix(), line, image)
    if cdk_out is None:
        return
    try:
        images = image_assets(cdk_out)
    except WorkspaceError:
        return  # the check of what is deployed tells
    services = {service.name: service for service in scope.workspace.services}
    for built in images:
        service = services.get(built.service)
        for argument in _IMAGE_ARGUMENTS:
            given = built.arguments.get(argument)
            if service is not None and given is not None and _is_floating(given):
                yield _float((service.folder / PYPROJECT).as_posix(), 1, given, member=service.name)


def _float(file: str, line: int, image: str, member: str | None = None) -> Finding:
    where = f" of {member}" if member else ""
    return Finding(
        code="UWF016",
        file=file,
        line=line,
        member=member,
        problem=f"the image {image}{where} is a moving target: the same commit builds something else tomorrow",
        remedy="name a version, or better a digest: image:tag@sha256:...",
        subject=image,
    )


def _floating(dockerfile: str) -> Iterator[tuple[int, str]]:
    """The lines of a Dockerfile that start from, or copy from, an image without a pin."""
    arguments: dict[str, str] = {}
    stages: set[str] = {"scratch"}
    for number, line in enumerate(dockerfile.splitlines(), 1):
        if (argument := _ARG.match(line)) is not None:
            arguments[argument["name"]] = argument["value"].strip("\"'")
        start = _FROM.match(line)
        named = [start["image"]] if start else [m["image"] or m["mount"] for m in _COPY.finditer(line)]
        for image in named:
            filled = _VARIABLE.sub(lambda found: arguments.get(found[1], found[0]), image)
            filled = _VARIABLE.sub(lambda found: arguments.get(found[1], found[0]), filled)
            if filled.lower() not in stages and not filled.isdigit() and _is_floating(filled):
                yield number, filled
        if start and start["stage"]:
            stages.add(start["stage"].lower())


def _is_floating(image: str) -> bool:
    """Whether a name pins nothing; a name with a variable that is only known in the build is not judged."""
    try:
        return not ImageReference.parse(image).is_pinned
    except WorkspaceError:
        return False
