"""Workspaces of any size, made to be measured: services, libraries, sources, and a lock as uv writes one."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_INDEX = "https://packages.example/simple"
_TAGS = (
    *(f"cp31{minor}-cp31{minor}-{platform}" for minor in range(1, 5) for platform in (
        "macosx_11_0_arm64", "manylinux_2_28_aarch64", "manylinux_2_28_x86_64", "musllinux_1_2_aarch64", "win_amd64",
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a workspace is. The default is what docs/performance.md measures."""

    services: int = 50
    members: int = 200
    files: int = 10
    """Source files of each member."""
    third_party: int = 250
    smallest_closure: int = 5
    largest_closure: int = 20
    """Local packages of a service, itself included."""
    seed: int = 1

    def __str__(self) -> str:
        return f"{self.services} services, {self.members} members, {self.members * self.files} source files"


def make(root: Path, shape: Shape) -> Path:
    """Write a workspace: `services/`, `libraries/`, `pyproject.toml`, `uv.lock`."""
    chance = random.Random(shape.seed)
    libraries = [f"library-{number:04}" for number in range(shape.members - shape.services)]
    packages = [f"package-{number:04}" for number in range(shape.third_party)]
    local: dict[str, list[str]] = {}
    reach: dict[str, frozenset[str]] = {}
    for number, name in enumerate(libraries):
        # shallow: a library uses at most two of the nearest below, as long as few come with them
        below = [lib for lib in libraries[max(0, number - 12) : number] if len(reach[lib]) < shape.smallest_closure]
        local[name] = sorted(chance.sample(below, min(len(below), chance.randint(0, 2))))
        reach[name] = frozenset({name}).union(*(reach[lib] for lib in local[name]))
    for number in range(shape.services):
        name = f"service-{number:04}"
        wanted = chance.randint(shape.smallest_closure, shape.largest_closure - 2)
        held: frozenset[str] = frozenset({name})
        chosen: list[str] = []
        while len(held) < wanted:
            lib = chance.choice(libraries)
            if lib not in held and len(held | reach[lib]) <= shape.largest_closure:
                chosen.append(lib)
                held |= reach[lib]
        local[name], reach[name] = sorted(chosen), held
    third: dict[str, list[str]] = {name: sorted(chance.sample(packages, 3)) for name in local}
    between = {p: sorted(chance.sample(packages[:n], min(n, chance.randint(0, 2)))) for n, p in enumerate(packages)}
    for name, uses in local.items():
        _write_member(root / _folder(name), name, uses, third[name], shape.files, chance)
    (root / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["libraries/*", "services/*"]\n\n[tool.uv]\nindex-url = "' + _INDEX + '"\n'
    )
    (root / "uv.lock").write_text("".join(_lock(local, third, between)))
    return root


def add_clutter(root: Path, files: int = 20_000) -> None:
    """Fill `.venv`, `node_modules` and `cdk.out` of a workspace with files that no image needs."""
    for place, share in (
        (".venv/lib/python3.14/site-packages", 0.6),
        ("node_modules", 0.3),
        ("cdk.out/asset.0", 0.1),
    ):
        for number in range(int(files * share)):
            folder = root / place / f"package{number // 50}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"module{number}.py").write_text("x = 1\n")


def _folder(name: str) -> str:
    return f"{'services' if name.startswith('service') else 'libraries'}/{name.replace('-', '_')}"


def _write_member(
    folder: Path, name: str, local: list[str], third: list[str], files: int, chance: random.Random
) -> None:
    module = name.replace("-", "_")
    code = folder / "src" / module
    (code / "parts").mkdir(parents=True)
    sources = "".join(f"{lib} = {{ workspace = true }}\n" for lib in local)
    requirements = ", ".join(f'"{requirement}"' for requirement in sorted([*local, *(f"{p}>=1" for p in third)]))
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = [{requirements}]\n\n'
        '[build-system]\nrequires = ["uv_build>=0.13,<0.14"]\nbuild-backend = "uv_build"\n\n'
        f"[tool.uv.sources]\n{sources}"
    )
    (code / "__init__.py").touch()
    (code / "main.py").write_text("def handler(event, context):\n    return event\n" if name[0] == "s" else "")
    for number in range(files - 2):
        lines = (f"value_{line} = {chance.random()}\n" for line in range(chance.randint(20, 120)))
        (code / "parts" / f"part{number}.py").write_text("".join(lines))


def _lock(local: dict[str, list[str]], third: dict[str, list[str]], between: dict[str, list[str]]) -> Iterator[str]:
    names = sorted(local)
    members = "".join(f'    "{name}",\n' for name in names)
    yield f'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[manifest]\nmembers = [\n{members}]\n'
    for name in sorted([*local, *between]):
        yield "\n[[package]]\n"
        if name in between:
            yield from _locked_package(name, between[name])
        else:
            yield from _locked_member(name, local[name], third[name])


def _locked_package(name: str, dependencies: list[str]) -> Iterator[str]:
    yield f'name = "{name}"\nversion = "1.0"\nsource = {{ registry = "{_INDEX}" }}\n'
    yield _array("dependencies", [f'{{ name = "{other}" }}' for other in dependencies])
    module = name.replace("-", "_")
    # every tenth is pure Python, as most are; the others come for each machine, which is what makes a lock large
    tags = ["py3-none-any"] if name.endswith("0") else list(_TAGS)
    files = [_file(name, f"{module}-1.0-{tag}.whl") for tag in tags]
    yield f"sdist = {_file(name, f'{module}-1.0.tar.gz')}\n"
    yield _array("wheels", files)


def _locked_member(name: str, local: list[str], third: list[str]) -> Iterator[str]:
    yield f'name = "{name}"\nversion = "0.1.0"\nsource = {{ editable = "{_folder(name)}" }}\n'
    yield _array("dependencies", [f'{{ name = "{other}" }}' for other in sorted([*local, *third])])
    metadata = [
        *(f'{{ name = "{other}", editable = "{_folder(other)}" }}' for other in local),
        *(f'{{ name = "{other}", specifier = ">=1" }}' for other in third),
    ]
    yield "\n[package.metadata]\n"
    yield _array("requires-dist", sorted(metadata))


def _file(name: str, file: str) -> str:
    digest = hashlib.sha256(file.encode()).hexdigest()
    url = f"https://packages.example/files/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file}"
    uploaded = "2026-01-17T02:31:00.123Z"
    return f'{{ url = "{url}", hash = "sha256:{digest}", size = {len(name) * 12345}, upload-time = "{uploaded}" }}'


def _array(key: str, values: list[str]) -> str:
    return f"{key} = [\n" + "".join(f"    {value},\n" for value in values) + "]\n" if values else ""
