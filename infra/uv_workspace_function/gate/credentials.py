"""Credentials in settings: in no build context, but in everybody's checkout (UWF020)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from uv_workspace_function.builder.credentials import without_credentials
from uv_workspace_function.context.rewritten_pyproject import REQUIREMENT_FILES
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, Outcome
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.workspace.carried_settings import FREE_VALUES, is_secret_value
from uv_workspace_function.workspace.configuration import UV_TOML
from uv_workspace_function.workspace.lock import LOCK_NAME

_HEADER = re.compile(r"\s*\[{1,2}(?P<table>[^\[\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?P<key>[\w.\"'-]+)\s*=")
_VALUE = re.compile(r"(?P<key>[\w.-]+|\"[^\"]*\"|'[^']*')\s*=\s*\[?\s*(?P<quote>[\"'])(?P<value>[^\"']*)(?P=quote)")
_URL = re.compile(
    r"(?P<url>(?P<scheme>[a-z][a-z0-9+.-]{0,30}):[/\\]*(?:(?P<userinfo>[^\s/\\?#\"'<>`]{1,8192})@)?"
    r"(?P<host>[^\s/\\?#\"'<>`@]+)[^\s\"'<>`]*)",
    re.IGNORECASE,
)
# What stands for a password in an example, or is filled in from elsewhere.
_STAND_IN = re.compile(
    r".*[$<{*].*|x+|\.+|(?:your|my|the|some|a)?[-_]?(?:user(?:name)?|pass(?:word|wd)?|pw|pwd|token|secret|api[-_]?key|key|credentials?)|changeme",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.=+-]{20,}")
_NAME = re.compile(r"\bname\s*=\s*[\"'](?P<name>[^\"']+)[\"']")
_BUILD = "(docker build --secret id={0},src=FILE; build_secrets of the construct)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of a definition, and the setting that it belongs to."""

    number: int
    text: str
    setting: str
    """`tool.uv.index.url`, as it would be written in a `pyproject.toml`; empty where a file has no settings."""
    block: str
    """The text of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credential:
    """The parts of a URL that must stay secret."""

    kind: str
    host: str


def _credentials(text: str) -> Iterator[_Credential]:
    for found in _URL.finditer(text) if ":" in text else ():
        url = found["url"]
        if without_credentials(url) == url:
            continue
        user, _, password = unquote(found["userinfo"] or "").partition(":")
        if password and not _STAND_IN.fullmatch(password):
            yield _Credential(kind="a password", host=found["host"])
        elif not password and _TOKEN.fullmatch(user):
            yield _Credential(kind="a token", host=found["host"])
        query = url.partition("?")[2].partition("#")[0]
        signed = [one for one in query.split("&") if one not in without_credentials(url)]
        if any(not _STAND_IN.fullmatch(one.partition("=")[2]) for one in signed):
            yield _Credential(kind="a signed query", host=found["host"])


def check_credentials(scope: Scope) -> Outcome:
    """Look at the definitions of every member and project, and at what their backends may read requirements from."""
    workspace = scope.workspace
    repository = WorkspaceFiles.of(workspace).repository
    owners = {member.folder: member.name for member in scope.members}
    folders = {PurePosixPath(), *owners, *(project.folder for project in scope.projects)}
    findings: list[Finding] = []
    for folder in sorted(folders):
        names = sorted(entry.name for entry in (workspace.root / folder).iterdir() if _is_definition(entry.name))
        for name in names:
            path = workspace.root / folder / name
            if not path.is_file() or repository.ignored(str(path.resolve()), is_folder=False):
                continue  # what git ignores is nobody's but of this checkout
            text = _text(scope, folder / name)
            findings += _in_file((folder / name).as_posix(), text, owners.get(folder))
    return Outcome(findings=tuple(findings))


def _is_definition(name: str) -> bool:
    return name in (PYPROJECT, UV_TOML, LOCK_NAME) or REQUIREMENT_FILES.fullmatch(name) is not None


def _text(scope: Scope, path: PurePosixPath) -> str:
    try:
        return (scope.workspace.root / path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}: {error.strerror}", "make it readable") from error


def _in_file(file: str, text: str, member: str | None) -> Iterator[Finding]:
    """Each host once in a setting, and in a lock, which names it for every wheel."""
    seen: set[tuple[str, str, str]] = set()
    for line in _lines(file, text):
        for url in _credentials(line.text):
            place = "" if file.endswith(".lock") else line.setting
            if (url.kind, url.host, place) not in seen:
                seen.add((url.kind, url.host, place))
                yield _finding(
                    file, line, member, f"{url.kind} for {url.host}", _place_of(file, line, url), subject=url.host
                )
        if FREE_VALUES.isdisjoint(line.setting.split(".")):
            continue
        for value in _VALUE.finditer(line.text):
            key = value["key"].strip("\"'")
            if is_secret_value(key, value["value"]) and not re.search(r"[$<{]", value["value"]):
                yield _finding(file, line, member, f"a value for {key}", _as_variable(key), subject=key)


def _finding(file: str, line: _Line, member: str | None, what: str, remedy: str, *, subject: str) -> Finding:
    where = f" in {line.setting}" if line.setting else ""
    return Finding(
        code="UWF020",
        file=file,
        line=line.number,
        member=member,
        problem=f"{file} holds {what}{where}: it is in no image, but everybody with the repository has it",
        remedy=f"revoke it, and {remedy}",
        subject=subject,
    )


def _place_of(file: str, line: _Line, url: _Credential) -> str:
    """Where a credential belongs."""
    setting, netrc = (
        line.setting.rpartition(".")[2],
        f"`machine {url.host.partition(':')[0]} login USER password ...` in a netrc file",
    )
    in_build = f"give a build that file as the secret 'netrc' {_BUILD.format('netrc')}"
    if file.rpartition("/")[2] == LOCK_NAME:
        return "take it out of the requirement or index that names it, then run `uv lock`"
    if setting in ("publish-url", "check-url"):
        return "publish with UV_PUBLISH_TOKEN, or UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD"
    if setting.endswith("-proxy"):
        return "set HTTPS_PROXY or HTTP_PROXY where uv runs; a build takes them as --build-arg, and keeps them out of the image"
    if url.kind == "a signed query":
        return (
            "have the index ask for a password instead; or leave the query out here, and give a build the whole URL as a line of the "
            f"secret 'credentials' {_BUILD.format('credentials')}"
        )
    if "index" in line.setting and (name := _NAME.search(line.block)) is not None:
        variable = re.sub(r"[^A-Z0-9]", "_", name["name"].upper())
        return f"set UV_INDEX_{variable}_USERNAME and UV_INDEX_{variable}_PASSWORD, or write {netrc}; {in_build}"
    return f"write {netrc}; {in_build}"


def _as_variable(key: str) -> str:
    return (
        f"set it as a variable of the shell; give a build the line {key}=... in a file that is the secret 'credentials' "
        f"{_BUILD.format('credentials')}"
    )


def _lines(file: str, text: str) -> Iterator[_Line]:
    """The lines that can hold a credential, each with its setting."""
    is_toml = file.endswith((".toml", ".lock"))
    prefix = "tool.uv." if file.rpartition("/")[2] == UV_TOML else ""
    lines = text.splitlines()
    table = key = ""
    start = 0
    for number, line in enumerate(lines):
        if is_toml and (header := _HEADER.match(line)) is not None and not line.startswith(" "):
            table, key, start = f"{prefix}{header['table'].strip()}.", "", number
            continue
        if is_toml and (named := _KEY.match(line)) is not None and (not line.startswith(" ") or not key):
            key = named["key"].strip("\"'")
        setting = f"{table or prefix}{key}" if is_toml else ""
        if ":" in line or not FREE_VALUES.isdisjoint(setting.split(".")):
            end = next((at for at in range(number + 1, len(lines)) if lines[at].startswith("[")), len(lines))
            block = line if line.lstrip().startswith("{") or "{" in line else "\n".join(lines[start:end])
            yield _Line(number=number + 1, text=line, setting=setting, block=block)
