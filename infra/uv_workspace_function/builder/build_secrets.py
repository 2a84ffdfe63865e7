"""What a build is given as secrets, which no layer and no hash has: passwords by host, variables, and the queries of URLs.

`netrc` is what uv reads itself, by `$NETRC`. `credentials` is for what a netrc file cannot say, one a line: `NAME=value`, a variable for
uv and the build backends (`UV_INDEX_COMPANY_PASSWORD=...`), or a URL with the query that signs it, for that file or all below it.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .credentials import restored
from .errors import BuildError

_VARIABLE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)=(?P<value>.*)")
# https://docs.aws.amazon.com/codeartifact/latest/ug/tokens-authentication.html
_CODEARTIFACT = re.compile(
    r"(?P<host>(?P<domain>[a-z0-9][a-z0-9-]*)-(?P<owner>\d{12})\.d\.codeartifact\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)"
)


@dataclass(frozen=True, kw_only=True)
class BuildSecrets:
    """The secrets of one build."""

    netrc: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    urls: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "BuildSecrets":
        """Read the files that `NETRC` and `CREDENTIALS` name; either may be absent.

        Raises:
            BuildError: when a line is neither a variable nor a URL; its number is named, and nothing of it is printed.
        """
        netrc, path = Path(environ.get("NETRC") or os.devnull), Path(environ.get("CREDENTIALS") or os.devnull)
        variables, urls = {}, []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        for number, line in enumerate(map(str.strip, lines), 1):
            variable = _VARIABLE.fullmatch(line)
            if variable is not None:
                variables[variable["name"]] = re.sub(r"(['\"])(.*)\1", r"\2", variable["value"])
            elif re.match(r"[a-z][a-z0-9+.-]*://\S+\?\S+$", line, re.IGNORECASE):
                urls.append(line)
            elif line and not line.startswith("#"):
                raise BuildError(
                    f"line {number} of the build secret 'credentials' is neither NAME=value nor a URL with a query; correct it"
                )
        return cls(netrc=netrc if netrc.is_file() else None, variables=variables, urls=tuple(urls))

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What uv and its children are given: the variables, and for git a way to the netrc file, which it only looks for in `$HOME`."""
        given = dict(self.variables)
        if self.netrc is not None and not re.fullmatch(r"[1-9]\d*", environ.get("GIT_CONFIG_COUNT", "")):
            program = [sys.executable, "-S", "-m", Path(__file__).parent.name, "git-credentials"]
            helper = f"!cd {shlex.quote(str(Path(__file__).parents[1]))} && {shlex.join(program)}"
            given |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": helper}
        return given

    @contextmanager
    def signing(self, project: Path) -> Iterator[None]:
        """A stretch in which the project's lock and uv's settings have the queries that their URLs need.

        Only what uv reads is changed: a `[project]` goes into the metadata of a wheel, and so into the image.
        """
        before: MutableMapping[Path, bytes] = {}
        for path in (project / name for name in ("uv.lock", "uv.toml", "pyproject.toml") if self.urls):
            if path.is_file():
                before[path] = path.read_bytes()
        try:
            for path, content in before.items():
                text = content.decode("utf-8", errors="surrogateescape")
                signed = self._in_settings(text) if path.name == "pyproject.toml" else restored(text, self.urls)
                path.write_text(signed, encoding="utf-8", errors="surrogateescape")
            yield
        finally:
            for path, content in before.items():
                path.write_bytes(content)

    def _in_settings(self, text: str) -> str:
        lines, is_uvs = [], False
        for line in text.splitlines(keepends=True):
            if line.startswith("["):
                is_uvs = re.match(r"\[{1,2}tool\.uv[.\]]", line) is not None
            lines.append(restored(line, self.urls) if is_uvs else line)
        return "".join(lines)


def login(netrc_file: Path, request: str) -> str:
    """What git asks a credential helper for: a user and a password, or nothing.

    Args:
        netrc_file: where passwords are.
        request: git's lines, `key=value` (https://git-scm.com/docs/git-credential#IOFMT).
    """
    import netrc  # noqa: PLC0415 - only git asks

    asked = dict(line.split("=", 1) for line in request.splitlines() if "=" in line)
    host = asked.get("host", "")
    known = netrc.netrc(netrc_file)
    found = known.authenticators(host) if host in known.hosts else known.authenticators(host.partition(":")[0])
    return "" if found is None else f"username={found[0]}\npassword={found[2]}\n"


def renewal(said: str) -> str | None:
    """How to get a new token for AWS CodeArtifact, whose own last twelve hours; None where uv names no such host.

    Args:
        said: what uv printed.
    """
    index = _CODEARTIFACT.search(said)
    if index is None:
        return None
    return (
        "a token of CodeArtifact lives twelve hours at most: get a new one by `aws codeartifact get-authorization-token --domain "
        f"{index['domain']} --domain-owner {index['owner']} --region {index['region']} --query authorizationToken --output text`, "
        f"and write `machine {index['host']} login aws password TOKEN` into the netrc file"
    )
