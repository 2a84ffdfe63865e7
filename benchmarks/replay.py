"""Commits of a made monorepo, one after the other: what `affected` names, whose image changes, and what is pushed.

Run `uv run python benchmarks/replay.py`. Each of the three holds the next: an image that changed was named, and one that was pushed changed.
What is named and does not change is printed with the commit's kind. With `--engine` the named services are built and pushed by
BuildKit, too.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pushes
from timing import table
from uv_workspace_function.insight.affected import effects
from without_an_engine import Pair

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from oci import ecr

_SETS: tuple[list[str], ...] = (["attrs"], ["packaging", "tomli"], ["idna", "certifi"], ["click"], [])
_LIBRARIES = 10
_PYPROJECT = """
[project]
name = "{name}"
version = "1.0.{patch}"
description = "{description}"
requires-python = ">=3.11"
dependencies = {dependencies}
[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"
[tool.uv.sources]
{sources}
[tool.ruff]
line-length = {length}
"""


@dataclass(kw_only=True)
class Member:
    """A package of the monorepo, as it is now."""

    name: str
    third_party: list[str]
    local: list[str]
    values: dict[str, int] = field(default_factory=lambda: {"patch": 0, "length": 80, "description": 0})

    def write(self, root: Path) -> None:
        """Write its definition."""
        sources = "".join(f"{name} = {{ workspace = true }}\n" for name in self.local)
        text = _PYPROJECT.format(
            name=self.name, dependencies=[*self.third_party, *self.local], sources=sources, **self.values
        )
        (self.folder(root) / "pyproject.toml").write_text(text)

    def folder(self, root: Path) -> Path:
        """Where it lies."""
        return root / ("services" if self.name.startswith("service") else "libraries") / self.name

    def module(self, root: Path) -> Path:
        """Where its modules lie."""
        return self.folder(root) / "src" / self.name.replace("-", "_")


def write(root: Path, services: int) -> list[Member]:
    """A monorepo of services and libraries."""
    libraries = [Member(name=f"library-{n}", third_party=[], local=[]) for n in range(_LIBRARIES)]
    found = [
        Member(name=f"service-{n}", third_party=_SETS[n % len(_SETS)], local=[libraries[n % _LIBRARIES].name])
        for n in range(services)
    ]
    for member in (*libraries, *found):
        member.module(root).mkdir(parents=True)
        (member.folder(root) / "tests").mkdir()
        (member.module(root) / "__init__.py").touch()
        handler = "def handler(event, context):\n    return event\n" if member in found else ""
        (member.module(root) / "main.py").write_text(handler)
        member.write(root)
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["libraries/*", "services/*"]\n')
    _run("uv", "lock", "--quiet", cwd=root)
    _run("git", "init", "--quiet", cwd=root)
    return [*libraries, *found]


def commits(root: Path, members: list[Member], chance: random.Random) -> dict[str, Callable[[int], None]]:
    """The kinds of a commit, each with what it does."""
    services = [member for member in members if member.name.startswith("service")]
    libraries = [member for member in members if member.name.startswith("library")]

    def code(among: list[Member]) -> Callable[[int], None]:
        def edit(number: int) -> None:
            place = chance.choice(among).module(root) / "main.py"
            place.write_text(f"{place.read_text()}\nvalue_{number} = {number}\n")

        return edit

    def definition(key: str) -> Callable[[int], None]:
        def edit(number: int) -> None:
            member = chance.choice(services)
            member.values[key] += 1 + number
            member.write(root)

        return edit

    def beside(name: str) -> Callable[[int], None]:
        def edit(number: int) -> None:
            (chance.choice(members).folder(root) / name).write_text(f"# {number}\n")

        return edit

    def bump(number: int) -> None:
        member = services[0]  # always the same: a workspace has one version of a package
        member.third_party = [*member.third_party[:1], f"six==1.{12 + number % 5}.0"]
        member.write(root)

    return {
        "a line of a service": code(services),
        "a line of a library": code(libraries),
        "a service's version": definition("patch"),
        "a service's description": definition("description"),
        "a linter's setting": definition("length"),
        "a test": beside("tests/test_main.py"),
        "a page": beside("NOTES.md"),
        "a requirement": bump,
    }


def main() -> int:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--commits", type=int, default=100)
    arguments.add_argument("--services", type=int, default=60)
    arguments.add_argument("--interpreter", type=Path, required=True, help="a Python 3.14")
    arguments.add_argument(
        "--base", type=Path, required=True, help="the base image for linux/amd64, as an OCI layout in an archive"
    )
    arguments.add_argument("--engine", action="store_true", help="build what is named by BuildKit, too")
    given = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ecr.serving(repositories=("shop",)) as registry,
        ecr.serving(repositories=("shop",)) as of_engine,
    ):
        root = Path(folder) / "repository"
        root.mkdir()
        members = write(root, given.services)
        pair = Pair(root=root, folder=Path(folder), platform="linux/amd64", interpreter=given.interpreter, tags=[])
        (Path(folder) / "base.tar").symlink_to(given.base.absolute())
        registries = pushes.Registries(engine=of_engine, ours=registry, pair=pair)
        _commit(root, "first")
        before = _build(registries)
        if given.engine:
            for name in before:
                registries.by_engine(name)
        registry.forget()
        of_engine.forget()
        chance = random.Random(1)
        kinds = commits(root, members, chance)
        rows: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        for number in range(given.commits):
            kind = [*kinds][number % len(kinds)]
            kinds[kind](number)
            _run("uv", "lock", "--quiet", cwd=root)
            _commit(root, kind)
            found = effects(root, "HEAD~1", "deploy")
            named = {affected.member.name for affected in found.affected}
            sizes = registry.taken, of_engine.taken
            known = set(registry.manifests["shop"])
            after = _build(registries)
            changed = {name for name, digest in after.items() if before[name] != digest}
            pushed = {name for name, digest in after.items() if digest not in known}
            if not named >= changed >= pushed:
                raise SystemExit(f"{kind}: named {named}, changed {changed}, pushed {pushed}")
            if given.engine:
                for name in named:
                    registries.by_engine(name)
            rows[kind] += Counter(
                commits=1,
                named=len(named),
                changed=len(changed),
                pushed=len(pushed),
                ours=registry.taken - sizes[0],
                engine=of_engine.taken - sizes[1],
            )
            before = after
            print(number, kind, len(named), len(changed), len(pushed), file=sys.stderr, flush=True)
        if pair.tags:
            pushes.docker("image", "rm", "--force", *dict.fromkeys(pair.tags))
        columns = ("commits", "named", "changed", "pushed", "ours", *(["engine"] if given.engine else []))
        head = ("", "commits", "named", "changed", "pushed", "bytes sent", "bytes sent by BuildKit")[: len(columns) + 1]
        print(table([head, *((kind, *(str(row[column]) for column in columns)) for kind, row in rows.items())]))
    return 0


def _build(registries: pushes.Registries) -> dict[str, str]:
    """All services in the registry: the digests of their images, by service."""
    answer = registries.pair.ours("--all", f"--push={registries.ours.host}/shop", is_new=False)[1]
    return {one["service"]: one["digest"] for one in answer}


def _commit(root: Path, message: str) -> None:
    _run("git", "add", "--all", cwd=root)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    _run("git", *who, "commit", "--quiet", "--allow-empty", f"--message={message}", cwd=root)


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
