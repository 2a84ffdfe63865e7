"""Workspaces as they are met, each a text file below `shapes/`, and what a reader of docs/adopting.md makes of them.

a claim, in one line
root: python                                the folder of the repository with the workspace; by default the repository itself
lock: lambdas/mail                          a standalone project to lock as well
install: --marker                           the page's command for workspaces that admit older Pythons
service: mail mail.app.lambda_handler       a service that is to be found, with its handler; with several, a line each
handler: mail mail/app.py                   the file that its build context has to hold
answer: mail {"to": "Ada"} -> "Dear Ada"    an event of a service, and what its handler answers (mail --handler NAME: which one)
find: UWF005 UWF015                         the codes that the gate has for it; without any it is clean
-- pyproject.toml --                        a file of the workspace
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adopting.reader import REPOSITORY, shell
from docs.pages import blocks

SHAPES = Path(__file__).parent / "shapes"
_SECTION = re.compile(r"^-- (?P<path>\S+) --$\n", re.MULTILINE)
_APP = """\
from pathlib import Path

import aws_cdk as cdk
from uv_workspace_function import UvWorkspaceFunction, Workspace

workspace = Workspace.load(Path(__file__).parent)
app = cdk.App()
stack = cdk.Stack(app, "Shape")
for name, handlers in {services}.items():
    for handler in handlers if len(handlers) > 1 else [None]:
        UvWorkspaceFunction(stack, handler or name, workspace=workspace, service=name, handler=handler)
app.synth()
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One workspace, and what must come of it."""

    name: str
    claim: str
    directives: tuple[tuple[str, str], ...]
    files: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "Shape":
        """Read a shape from its file."""
        head, *rest = _SECTION.split(path.read_text())
        claim, *lines = [line for line in head.splitlines() if line.strip()]
        return cls(
            name=path.stem,
            claim=claim,
            directives=tuple((key, value.strip()) for key, _, value in (line.partition(":") for line in lines)),
            files=dict(zip(rest[0::2], rest[1::2], strict=True)),
        )

    def all(self, key: str) -> list[str]:
        """The values of a directive."""
        return [value for name, value in self.directives if name == key]

    @property
    def services(self) -> dict[str, list[str]]:
        """The handlers of each service that is to be found."""
        found: dict[str, list[str]] = {}
        for name, handler in (value.split() for value in self.all("service")):
            found.setdefault(name, []).append(handler)
        return found

    @property
    def handler_files(self) -> list[tuple[str, str]]:
        """A service, and a file that its build context has to hold."""
        return [(name, path) for name, path in (value.split() for value in self.all("handler"))]

    @property
    def answers(self) -> list[tuple[str, Any, Any]]:
        """A service, perhaps with a handler, an event, and what it answers."""
        told = [re.fullmatch(r"(\S+(?: --handler \S+)?) (.*) -> (.*)", value) for value in self.all("answer")]
        return [(match[1], json.loads(match[2]), json.loads(match[3])) for match in told if match]

    @property
    def findings(self) -> list[str]:
        """The codes that the gate has for it, each as often as it has it."""
        return sorted(code for value in self.all("find") for code in value.split())

    def adopt(self, repository: Path, wheels: Path) -> "Adopted":
        """Write it into a repository, and install the tool as the page says, from a folder with its wheel."""
        root = self.write(repository)
        (root / "app.py").write_text(_APP.format(services=self.services))
        shell(documented_install(*self.all("install")), root, {"UV_FIND_LINKS": str(wheels)})
        for folder in self.all("lock"):  # as the page says: the root's groups stand in the locks of who depends on it
            shell("uv lock --quiet", root / folder)
        return Adopted(root=root)

    def write(self, repository: Path) -> Path:
        """Write it into a repository and lock it; returns the workspace's root."""
        root = repository / "".join(self.all("root"))
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        shell("git init --quiet && git add --all", repository)
        for folder in ("", *self.all("lock")):
            shell("uv lock --quiet", root / folder)
        return root


def documented_install(*options: str) -> str:
    """The command of docs/adopting.md that installs the tool, with these options."""
    page = blocks(REPOSITORY / "docs/adopting.md")
    commands = [line for block in page if block.language == "sh" for line in block.text.splitlines()]
    words = ("uv", "add", "--dev", *options)
    return next(line for line in commands if line.split()[: len(words)] == list(words))


@dataclass(frozen=True)
class Adopted:
    """A workspace that has the tool."""

    root: Path

    @property
    def services(self) -> dict[str, list[str]]:
        """What `services list` says: the handlers of each service."""
        told = {row["package"]: row["handler"] for row in json.loads(self._run("services list --json"))}
        return {name: found if isinstance(found, list) else [found] for name, found in told.items() if found}

    @property
    def findings(self) -> list[str]:
        """The codes that `services check` has; it ends with 0 or 1."""
        report = json.loads(self._run("services check --format json || test $? = 1"))
        return sorted(finding["code"] for finding in report["findings"])

    @cached_property
    def contexts(self) -> dict[str, Path]:
        """The build context that a synthesis stages, of each service."""
        self._run("python app.py", {"CDK_OUTDIR": str(self.root / "cdk.out")})
        assets = json.loads((self.root / "cdk.out/Shape.assets.json").read_text())["dockerImages"].values()
        sources = [asset["source"] for asset in assets]
        return {s["dockerBuildArgs"]["SERVICE_NAME"]: self.root / "cdk.out" / s["directory"] for s in sources}

    def answer(self, service: str, event: object) -> Any:
        """What `services invoke` answers."""
        (self.root / "cdk.out").mkdir(exist_ok=True)
        (self.root / "cdk.out/event.json").write_text(json.dumps(event))
        return json.loads(self._run(f"services invoke {service} --event cdk.out/event.json"))

    def _run(self, command: str, variables: Mapping[str, str] = {}) -> str:
        """Run a command of the workspace's environment as the page does."""
        return shell(f"uv run --frozen --no-sync {command}", self.root, variables)
