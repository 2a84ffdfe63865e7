"""A made monorepo's history, replayed: what `affected` names, which images are others then, and which are pushed."""

import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from images.shop import write_package
from images.wheels import write_wheel
from uv_workspace_function.context.arguments import build_arguments
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.insight.affected import effects
from uv_workspace_function.oci import image_builds
from uv_workspace_function.oci.delivery import deliver
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

_ROOT = """
[tool.uv]
no-index = true
find-links = ["wheels"]
[tool.uv.workspace]
members = ["libraries/*", "services/*"]
"""
_MOST_LIBRARIES, _PACKAGES = 8, 6
_SIZE = 40_000
KINDS: Mapping[str, int] = {
    "a line of a service": 40,
    "a line of a library": 10,
    "a document, a test": 15,
    "a linter's table": 5,
    "a table of an unknown tool": 5,
    "a version of a service": 5,
    "a new version of a package": 8,
    "the commit before, undone": 12,
}
"""What commits are, and how many of a hundred."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a commit."""

    kind: str
    named: frozenset[str]
    """By `services affected --since HEAD~1`."""
    changed: frozenset[str]
    """Services whose image has another digest."""
    pushed: frozenset[str]
    """Services whose image the registry did not have."""
    sent: int
    """Bytes."""


@dataclass(kw_only=True)
class History:
    """The monorepo, and what its images are."""

    root: Path
    services: tuple[str, ...]
    libraries: int
    noise: random.Random
    versions: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @classmethod
    def write(cls, root: Path, count: int) -> "History":
        """Write the monorepo and its first commit."""
        noise = random.Random(1)
        services = tuple(f"service{number:02}" for number in range(count))
        libraries = min(_MOST_LIBRARIES, count)  # each has somebody who uses it
        made = cls(root=root, services=services, libraries=libraries, noise=noise)
        for package in range(_PACKAGES):
            made._wheel(f"package{package}")
        (root / "pyproject.toml").write_text(_ROOT)
        (root / "docs").mkdir()
        for library in range(libraries):
            needs = [f"package{library % _PACKAGES}", *([f"library{library - 4}"] if library >= 4 else [])]
            write_package(root / f"libraries/library{library}", *needs, code=f"LIBRARY = {library}\n")
        for number, service in enumerate(services):
            needs = [f"library{number % libraries}", f"package{(number + 3) % _PACKAGES}"]
            write_package(root / f"services/{service}", *needs, code=f"SERVICE = {number}\n")
        uv("lock", cwd=root)
        made._git("init", "--quiet", "--initial-branch=main")
        made._commit("the beginning")
        return made

    def commits(self, count: int) -> Iterator[str]:
        """Make commits, and tell of what kind each is."""
        kinds = ["a line of a service", *self.noise.choices([*KINDS], [*KINDS.values()], k=count - 1)]
        for kind in kinds:
            self.number += 1
            if kind == "the commit before, undone":
                self._git("revert", "--no-edit", "HEAD")
            else:
                self._edit(kind)
                self._commit(kind)
            yield kind

    def _edit(self, kind: str) -> None:
        service = self.root / "services" / self.noise.choice(self.services)
        library = self.root / f"libraries/library{self.noise.randrange(self.libraries)}"
        match kind:
            case "a line of a library":
                self._append(library / "src" / library.name / "__init__.py", f"LINE_{self.number} = 1\n")
            case "a document, a test":
                self._append(self.root / "docs/notes.md", f"note {self.number}\n")
                self._append(service / "tests/test_it.py", f"TEST_{self.number} = 1\n")
            case "a linter's table":
                self._append(service / "pyproject.toml", f"[tool.ruff.lint.x{self.number}]\nline = 1\n")
            case "a table of an unknown tool":
                self._append(service / "pyproject.toml", f"[tool.unknown{self.number}]\nline = 1\n")
            case "a version of a service":
                path = service / "pyproject.toml"
                before = path.read_text()
                first = next(line for line in before.splitlines() if line.startswith("version"))
                path.write_text(before.replace(first, f'version = "1.0.{self.number}"'))
                uv("lock", cwd=self.root)
            case "a new version of a package":
                package = f"package{self.noise.randrange(_PACKAGES)}"
                self._wheel(package)
                uv("lock", "--upgrade-package", package, cwd=self.root)
            case _:
                self._append(service / "src" / service.name / "main.py", f"LINE_{self.number} = 1\n")

    def _wheel(self, name: str) -> None:
        self.versions[name] = self.versions.get(name, -1) + 1
        content: dict[str, str | bytes] = {f"{name}/__init__.py": "", f"{name}/data.bin": self.noise.randbytes(_SIZE)}
        write_wheel(self.root / "wheels", name, f"1.{self.versions[name]}", content)

    def _append(self, path: Path, line: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(line)

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Builds each commit's images, and pushes them."""

    history: History
    store: Store
    options: Options
    to: ImageReference

    def all(self) -> int:
        """Build and push every image; bytes that were sent."""
        return self._pushed(self.history.services)[1]

    def commit(self, kind: str) -> Outcome:
        """What comes of the newest commit: every service that `affected` names is built, and pushed as `services build --push` does."""
        root, known = self.history.root, self.history.digests
        named = frozenset(found.member.name for found in effects(root, "HEAD~1", "deploy").affected)
        before = dict(known)
        pushed, sent = self._pushed(tuple(sorted(named)))
        changed = frozenset(name for name in named if known[name] != before[name])
        return Outcome(kind=kind, named=named, changed=changed, pushed=pushed, sent=sent)

    def unnoticed(self) -> list[str]:
        """Services whose image is another one by now than the last that was built: `affected` would have missed them."""
        known = dict(self.history.digests)
        self.all()
        return [name for name, digest in known.items() if self.history.digests[name] != digest]

    def _pushed(self, names: tuple[str, ...]) -> tuple[frozenset[str], int]:
        if not names:
            return frozenset(), 0
        workspace, target = Workspace.load(self.history.root), Target.of(python="3.14", machine="aarch64")
        requests = []
        for name in names:
            context = BuildContext.of(workspace, name)
            arguments = build_arguments(context, target, {}, mirrors={})
            requests.append(
                Request(context=StagedContext.of(context), platform=target.docker_platform, arguments=arguments)
            )
        images = image_builds.run(self.store, requests, self.options)
        self.history.digests.update({image.service: image.digest for image in images})
        deliveries = deliver(self.store, images, self.to)
        pushed = frozenset(name for name, delivery in deliveries.items() if delivery.sent)
        return pushed, sum(delivery.sent for delivery in deliveries.values())
