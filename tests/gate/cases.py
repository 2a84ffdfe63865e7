"""A corpus of small workspaces, each a text file: what the workspace holds, and what the gate must say of it.

a claim, in one line
expect: UWF003 orders/src/orders/main.py:1        a finding; without any, the case must be clean
gap: UWF003 UWF004                                what cannot be checked
says: declare it: `uv add --package orders yaml`  what a finding says, or its remedy
wheel: PyYAML 6.0 yaml/__init__.py                a distribution: its version and files
wheel: tool 1.0 tool.py ; tag=py3-none-any ; requires=yaml, dep
scripts: tool tool=tool:main                      an entry point of it, in console_scripts
plugin: tool pytest11 tool=tool                   an entry point of it, in another group
lock: legacy                                      a standalone project to lock as well
not: lock | sync                                  leave the lock unwritten, or the packages uninstalled
bytes: orders/src/orders/model.bin 6000000        a file of that size
link: orders/src/orders/again .                   a link, and where it leads
git: all                                          commit everything, what is ignored too
option: isolated                                  an option of the check
cdk-out: cdk.out                                  a cloud assembly to look into
-- orders/pyproject.toml --                       a file; a member's `[project]` head and build system come by themselves
-- later: orders/pyproject.toml --                written once the lock is
"""

import re
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from made import BUILD_SYSTEM
from wheelhouse import uv

CORPUS = Path(__file__).parent / "corpus"
_EVERYTHING = ("--all-packages", "--all-groups", "--all-extras", "--no-install-local")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SECTION = re.compile(r"^-- (?P<later>later: )?(?P<path>\S+) --$\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One workspace and what is to be said of it."""

    name: str
    claim: str
    directives: tuple[tuple[str, str], ...]
    files: Mapping[str, str]
    later: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Case":
        """Read a case from its file."""
        return cls.parse(path.read_text(), f"{path.parent.name}/{path.stem}")

    @classmethod
    def parse(cls, text: str, name: str) -> "Case":
        """Read a case from text."""
        head, *rest = _SECTION.split(text)
        claim, *lines = [line for line in head.splitlines() if line.strip()]
        directives = tuple((key, value.strip()) for key, _, value in (line.partition(":") for line in lines))
        sections = list(zip(rest[0::3], rest[1::3], rest[2::3], strict=True))
        return cls(
            name=name,
            claim=claim,
            directives=directives,
            files={path: content for later, path, content in sections if not later},
            later={path: content for later, path, content in sections if later},
        )

    def all(self, key: str) -> list[str]:
        """The values of a directive."""
        return [value for name, value in self.directives if name == key]

    @property
    def expected(self) -> list[str]:
        """The findings it must have: code, file and line."""
        return sorted(self.all("expect"))

    @property
    def gaps(self) -> list[str]:
        """The codes that cannot be checked."""
        return sorted(code for value in self.all("gap") for code in value.split())

    def make(self, root: Path) -> Path:
        """Write the workspace, lock it and install what third-party packages it has."""
        root.mkdir(parents=True)
        self._wheels(root / ".wheels")
        files = {**_packages(self.files), **self.files}
        files["pyproject.toml"] = _root(files.get("pyproject.toml", ""))
        for path, content in files.items():
            _write(root, path, content)
        for path, size in map(str.split, self.all("bytes")):
            _write(root, path, "x" * int(size))
        for path, target in map(str.split, self.all("link")):
            (root / path).symlink_to(target)
        if "lock" not in self.all("not"):
            uv("lock", cwd=root)
            projects = [root, *(root / folder for folder in self.all("lock"))]
            for project in projects[1:]:
                uv("lock", cwd=project)
            if "sync" not in self.all("not") and self.all("wheel"):
                for project in projects:
                    uv("sync", "--frozen", *_EVERYTHING, cwd=project)
        for path, content in self.later.items():
            _write(root, path, content)
        for what in self.all("git"):
            for step in (["init", "-q"], ["add", "--force", f"--{what}", ":!.venv", ":!.wheels"]):
                subprocess.run(["git", "-C", str(root), *step], check=True, capture_output=True)
        return root

    def _wheels(self, folder: Path) -> None:
        folder.mkdir()
        for value in self.all("wheel"):
            told, _, required = value.partition("; requires=")
            described, _, tag = told.partition("; tag=")
            name, version, *files = described.split()
            points: dict[str, list[str]] = {}
            for text in self.all("scripts"):
                owner, point = text.split(maxsplit=1)
                if owner == name:
                    points.setdefault("console_scripts", []).append(point)
            for text in self.all("plugin"):
                owner, group, point = text.split(maxsplit=2)
                if owner == name:
                    points.setdefault(group, []).append(point)
            requires = [text.strip() for text in required.split(",") if text.strip()]
            wheel(folder, name, version, files, requires=requires, points=points, tag=tag.strip() or "py3-none-any")


def cases() -> list[Case]:
    """The whole corpus."""
    return [Case.read(path) for path in sorted(CORPUS.glob("*/*.txt"))]


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: list[str],
    *,
    requires: list[str],
    points: Mapping[str, list[str]],
    tag: str,
) -> None:
    """A wheel with the given files, most of them empty."""
    stem = f"{re.sub('[-.]+', '_', name)}-{version}"
    info = f"{stem}.dist-info"
    extras = sorted({m[1] for text in requires if (m := re.search(r"extra == '([^']+)'", text))})
    metadata = [f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"]
    metadata += [f"Provides-Extra: {extra}\n" for extra in extras] + [f"Requires-Dist: {text}\n" for text in requires]
    contents = dict.fromkeys(files, "")
    contents[f"{info}/METADATA"] = "".join(metadata)
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if points:
        contents[f"{info}/entry_points.txt"] = "".join(
            f"[{group}]\n" + "".join(f"{line}\n" for line in lines) for group, lines in points.items()
        )
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), text)


def _packages(files: Mapping[str, str]) -> dict[str, str]:
    """An empty `__init__.py` for each package below a `src`, and a `pyproject.toml` for each folder with one."""
    found = {}
    for path in files:
        if (match := re.match(r"(?P<member>[^/]+)/src/(?P<package>[a-z_]+)/", path)) is None:
            continue
        found[f"{match['member']}/pyproject.toml"] = ""
        if "namespace = true" not in files.get(f"{match['member']}/pyproject.toml", ""):
            found[f"{match['member']}/src/{match['package']}/__init__.py"] = ""
    return found


def _root(text: str) -> str:
    """The root's `pyproject.toml`: every folder is a member, packages come from the wheels alone."""
    uv_table = '[tool.uv]\nno-index = true\nfind-links = [".wheels"]\n'
    if "[tool.uv]\n" in text:
        text = text.replace("[tool.uv]\n", uv_table, 1)
    else:
        text += f"\n{uv_table}"
    return (
        text
        if "[tool.uv.workspace]" in text
        else f'{text}\n[tool.uv.workspace]\nmembers = ["*"]\nexclude = ["cdk.out"]\n'
    )


def _write(root: Path, path: str, content: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("/pyproject.toml"):
        content = _member(target.parent.name, content)
    target.write_bytes(content.encode("latin-1") if path.endswith(".latin1.py") else content.encode())


def _member(name: str, content: str) -> str:
    """A member's `pyproject.toml`, with what every one of them says."""
    if "[project]\n" not in content:
        content = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n{content}'
    if "[build-system]" not in content and "package = false" not in content:
        content += f"\n{BUILD_SYSTEM}"
    return content
