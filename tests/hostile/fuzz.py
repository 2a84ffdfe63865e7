"""A fuzzer of the command line: odd workspaces, and what must hold whatever is in them.

`make fuzz RUNS=5000 SEED=7`; a run is what its seed and its number say, so `ONLY=1234` repeats one of them.
"""

import argparse
import importlib
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostile.fuzz_changes import change, text
from hostile.fuzz_ground import OUTSIDE, make
from uv_workspace_function.cli.main import COMMANDS, main
from uv_workspace_function.gate.secret_rules import RuleSet
from wheelhouse import uv

LONGEST = 30
"""Seconds that a command may take: thirty times what it takes over the ground itself, on a busy machine."""
_MEMORY = 3 << 30  # bytes of address space
_NOTHING_FOUND, _FOUND, _REFUSED = 0, 1, 2
_AT_A_START = re.compile(r"^[ \t]*(?:::|##\[)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", re.MULTILINE)
_ANNOTATION = re.compile(r"^::(?:error|warning|notice|group|endgroup)\b", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; below zero, the signal that ended it."""
    stdout: str
    stderr: str
    seconds: float
    left: bool
    """Whether processes of it were still there."""


def command(chosen: random.Random) -> list[str]:
    """A command line; `OUT` stands for a folder that is not there yet."""

    def some() -> str:
        return chosen.choice(["orders", "mail", "flat", "alone", "models"])

    lines = [
        *(["list"], ["list", "--json"], ["graph"], ["graph", "--json"], ["who", chosen.choice(["dep", "models", text(chosen)])]),
        *(["prune", some(), "--list"], ["prune", some(), "--list", "--json"], ["prune", "--all", "--json"]),
        *([["prune", some(), "-o", "OUT"]] * 4), *([["prune", some(), "-o", "OUT", "--json"]] * 2), ["prune", "--all", "-o", "OUT"],
        *(["size"], ["size", "--json"], ["size", "--cdk-out", "cdk.out"], ["size", some(), "--json"]),
        *([["check", "--offline"]] * 3), *(["check", "--offline", "--format", form] for form in ("json", "sarif", "github")),
        *(["check"], ["check", some()], ["check", "--offline", "--cdk-out", "cdk.out", "--format", "json"]),
        *(["affected", "--since", "HEAD~1", "--json"], ["affected", "--since", "HEAD", "--for", "test", "--explain"]),
        *(["why", some(), "--since", "HEAD~1"], ["why", some(), "--since", "HEAD", "--json"]),
        ["new", chosen.choice(["invoices", text(chosen)])],
    ]  # fmt: skip
    return chosen.choice(lines)


def run(line: Sequence[str], sandbox: Path) -> Ended:
    """Call a command in a process of its own, with the limits that say what is too much."""
    outputs = [sandbox.parent / name for name in ("stdout", "stderr")]
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _be_called(line, sandbox, outputs)
    ending = os.pidfd_open(child)
    if not select.select([ending], [], [], LONGEST)[0]:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ending)
    texts = [path.read_bytes().decode("utf-8", "backslashreplace") for path in outputs]
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        left = False
    else:
        left = True
    return Ended(
        code=os.waitstatus_to_exitcode(status),
        stdout=texts[0],
        stderr=texts[1],
        seconds=time.monotonic() - begun,
        left=left,
    )


def _be_called(line: Sequence[str], sandbox: Path, outputs: Sequence[Path]) -> None:
    code = 255
    try:
        os.setsid()
        os.chdir(sandbox / "shop")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in enumerate(outputs, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        tempfile.tempdir = None
        main.main(args=[*line], prog_name="services")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 it is what is looked for
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


Snapshot = dict[str, tuple[int, int, int, str]]


def snapshot(folder: Path) -> Snapshot:
    """Everything below a folder, but for what a cache is there for."""
    found: Snapshot = {}
    waiting = [str(folder)]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            status = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.path.endswith(("/home/.cache", "/.git/index")):
                continue
            times = 0 if is_folder else status.st_mtime_ns
            link = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115 (it is a string)
            found[entry.path] = (status.st_mode, 0 if is_folder else status.st_size, times, link)
            if is_folder:
                waiting.append(entry.path)
    return found


def broken(line: Sequence[str], ended: Ended, before: Snapshot, after: Snapshot, out: Path) -> Iterator[str]:
    """What does not hold, in words."""
    if ended.seconds > LONGEST:
        yield f"it took {ended.seconds:.0f} s"
    elif ended.code not in (_NOTHING_FOUND, _FOUND, _REFUSED):
        yield f"exit code {ended.code}"
    said = ended.stdout + ended.stderr
    if "Traceback" in said:
        yield "a traceback"
    if ended.left:
        yield "processes left behind"
    if ended.code == _REFUSED and not said.strip():
        yield "refused without a word"
    looked_at = _ANNOTATION.sub("", said) if "github" in line else said
    if (bad := _AT_A_START.search(looked_at)) is not None:
        at = bad.start()
        yield f"printed {looked_at[max(0, at - 60) : at + 60]!r}"
    if ended.code in (0, 1) and ({"--json", "json", "sarif"} & {*line}):
        try:
            json.loads(ended.stdout)
        except ValueError as error:
            yield f"no JSON: {error}"
    yield from _written(line, ended, before, after, out)


def _written(line: Sequence[str], ended: Ended, before: Snapshot, after: Snapshot, out: Path) -> Iterator[str]:
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    is_allowed = ended.code == 0 and line[0] in ("prune", "new")
    record = f"{out.parent}/.{out.name}.uv-workspace-function"  # what was written, for the next time
    allowed = (
        (str(out), f"{out}/", record) if line[0] == "prune" else (f"{out.parent}/shop/services/", f"{out.parent}/shop/")
    )
    for path in changed:
        if not (is_allowed and path.startswith(allowed) and (line[0] == "prune" or path not in before)):
            yield f"changed {path!r}"
    if out.is_dir():
        for file in sorted(out.rglob("*")):
            if file.is_symlink():
                yield f"wrote a link {file}"
            elif file.is_file() and file.stat().st_size < 100_000 and OUTSIDE.encode() in file.read_bytes():
                yield f"brought a file from outside in, as {file}"


def _environment(sandbox: Path) -> dict[str, str]:
    """What a command sees: nothing of this machine but its programs."""
    machine = {key: os.environ[key] for key in ("PATH", "UV") if key in os.environ}
    return machine | {
        "HOME": str(sandbox / "home"),
        "TMPDIR": str(sandbox / "tmp"),
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "true",
    }


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One run."""

    line: list[str]
    changes: list[tuple[str, str]]
    ended: Ended
    problems: list[str]


def try_one(seed: int, number: int, ground: Path, sandbox: Path) -> Tried:
    """One run: the ground, changed; one command over it; what did not hold."""
    chosen = random.Random(f"{seed}/{number}")
    if sandbox.exists():
        shutil.rmtree(sandbox)
    shutil.copytree(ground, sandbox, symlinks=True)
    line = command(chosen)
    changes = change(chosen, sandbox / "shop")
    out = sandbox / "out"
    line = [str(out) if word == "OUT" else word for word in line]
    before = snapshot(sandbox)
    ended = run(line, sandbox)
    return Tried(
        line=line, changes=changes, ended=ended, problems=[*broken(line, ended, before, snapshot(sandbox), out)]
    )


def fuzz(runs: Sequence[int], seed: int, folder: Path, *, verbose: bool = False) -> tuple[int, str]:
    """Run the fuzzer.

    Args:
        runs: the numbers of the runs.
        seed: what they are drawn from.
        folder: an empty folder; the last sandbox stays in it.
        verbose: whether to show what each run did.

    Returns:
        How many runs have a problem, and what there was by kind.
    """
    ground, sandbox = folder / "ground", folder / "sandbox"
    make(ground)
    uv("--version", cwd=ground)
    for name in COMMANDS:
        importlib.import_module(f"uv_workspace_function.cli.{name}_command")
    rules = RuleSet.installed()
    rules.first(".", b"")  # loaded once: a second for each run is what most of its time would be
    RuleSet.installed = lambda: rules  # type: ignore[method-assign]
    environment = _environment(sandbox)
    os.environ.clear()
    os.environ.update(environment)
    shutil.copytree(ground, sandbox, symlinks=True)
    first = run(["check", "--offline", "--format", "json"], sandbox)  # the cache it fills is changed, too
    if first.code not in (0, 1):
        raise SystemExit(f"the ground itself fails: {first.stderr}")
    if shutil.which("uv") is None or shutil.which("git") is None:
        raise SystemExit("uv and git are part of what is tried: they must be on PATH")
    shutil.rmtree(ground / "home")
    shutil.copytree(sandbox / "home", ground / "home")
    codes: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    failed, slowest = 0, 0.0
    for number in runs:
        tried = try_one(seed, number, ground, sandbox)
        codes[tried.ended.code] += 1
        kinds.update(kind for kind, _ in tried.changes)
        slowest = max(slowest, tried.ended.seconds)
        if tried.problems or verbose:
            failed += bool(tried.problems)
            print(f"run {number} of seed {seed}: services {' '.join(map(repr, tried.line))}")
            print(*(f"  {kind}: {said!r}" for kind, said in tried.changes), sep="\n")
            print(*(f"  PROBLEM: {problem}" for problem in tried.problems), sep="\n")
            print("\n".join(f"  | {line!r}" for line in tried.ended.stderr.splitlines()[-12:]))
            details = re.search(r"its details are in (\S+?):", tried.ended.stderr)
            if details:
                print(Path(details[1]).read_text(errors="replace"))
    lines = [f"{'runs':<24}{len(runs):>8}", f"{'seed':<24}{seed:>8}"]
    lines += [f"{f'exit code {code}':<24}{count:>8}" for code, count in sorted(codes.items())]
    lines += [f"{f'changes of {kind}':<24}{count:>8}" for kind, count in sorted(kinds.items())]
    lines += [f"{'slowest command':<24}{slowest:>6.1f} s", f"{'runs with a problem':<24}{failed:>8}"]
    return failed, "\n".join(lines)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one run, which is shown")
    given = parser.parse_args()
    runs = range(given.runs) if given.only is None else [given.only]
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        failed, report = fuzz(runs, given.seed, Path(folder), verbose=given.only is not None)
    print(report)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    _main()
