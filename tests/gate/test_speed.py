"""The gate over 200 members with 2,000 files: warm, it takes at most 1.5 times as long as `compileall` over the same files.

Covers also: gate/cache_file.py, gate/stored_facts.py.
"""

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from gate.cases import wheel
from made import workspace
from wheelhouse import uv

MEMBERS, FILES, LIBRARIES, PACKAGES = 200, 10, 50, 40


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 services and 50 libraries; the code is some that Python's own `test` package, or its library, has."""
    root = tmp_path_factory.mktemp("large") / "w"
    (root / ".wheels").mkdir(parents=True)
    for number in range(PACKAGES):
        files = [f"third{number}/{name}.py" for name in ("__init__", *(f"m{i}" for i in range(30)))]
        wheel(root / ".wheels", f"third{number}", "1.0", files, requires=[], points={}, tag="py3-none-any")
    chosen = random.Random(0)
    bodies = [p.read_text() for p in sorted(Path(os.__file__).parent.glob("*.py")) if 3_000 < p.stat().st_size < 20_000]
    members: dict[str, str] = {}
    for number in range(MEMBERS):
        name = f"lib{number}" if number < LIBRARIES else f"svc{number}"
        local = [f"lib{i}" for i in chosen.sample(range(min(number, LIBRARIES)), min(number, 3))]
        needed = [*local, *(f"third{i}" for i in chosen.sample(range(PACKAGES), 4))]
        sources = "".join(f"{library} = {{ workspace = true }}\n" for library in local)
        members[name] = f"dependencies = {needed}\n[tool.uv.sources]\n{sources}"
        package = root / name / "src" / name
        package.mkdir(parents=True)
        for file in range(FILES - 2):
            (package / f"m{file}.py").write_text(f"# {name}\n" + chosen.choice(bodies))
        imports = "".join(f"import {module}\n" for module in needed)
        main = "main" if number >= LIBRARIES else "code"
        (package / f"{main}.py").write_text(f"{imports}def handler(event, context):\n    return event\n")
    workspace(root, members, tail='find-links = [".wheels"]')
    uv("lock", cwd=root)
    uv("sync", "--frozen", "--all-packages", "--no-install-local", cwd=root)
    return root


def seconds(*command: str | Path, cwd: Path) -> float:
    """The processor time that a command takes, its children's included: other work on the machine does not count."""
    # As it is installed, with bytecode of its own modules.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_warm_it_takes_at_most_half_as_long_again_as_compileall(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cold it may take longer; the numbers are printed (`pytest -rP`)."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gate = (Path(sys.executable).with_name("services"), "check", "--format", "json")
    cold = seconds(*gate, cwd=large)
    compiler = (sys.executable, "-m", "compileall", "-q", "-f", "-x", r"\.venv", ".")
    # In turn: what else the machine does slows processors that share a core, and falls on both.
    pairs = [(seconds(*gate, cwd=large), seconds(*compiler, cwd=large)) for _ in range(5)]
    warm, compiled = map(min, zip(*pairs, strict=True))
    numbers = f"cold {cold:.1f} s, warm {warm:.1f} s, compileall {compiled:.1f} s of processor time"
    print(numbers)
    assert len(list(large.glob("*/src/*/*.py"))) == MEMBERS * FILES
    assert warm <= 1.5 * compiled, numbers
