"""A zip archive against an image of the same service, both made without an engine: time, bytes to send, bytes unpacked.

    uv run python benchmarks/zip_or_image.py --base-image oci:BASE

BASE is the Lambda base image as an OCI layout: `docker image save --output=BASE public.ecr.aws/lambda/python:3.14`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {
    "query-api": "services/query_api/src/query_api/main.py",
    "daily-report": "services/daily_report/src/daily_report/main.py",
}
FORMS = ("zip", "image")


def build(root: Path, service: str, form: str, cache: Path, asked: argparse.Namespace) -> tuple[float, Any]:
    """Build it; the seconds that it took, and the answer."""
    command = [sys.executable, "-c", "from uv_workspace_function.cli.main import main; main()", "build", service]
    command += [f"--workspace={root}", f"--format={form}", f"--cache={cache}", "--json"]
    command += [f"--interpreter={asked.interpreter}"] if asked.interpreter else []
    command += [f"--base-image={asked.base_image}"] if form == "image" else []
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{service} was not built:\n{done.stderr[-3000:]}")
    return time.perf_counter() - begun, json.loads(done.stdout)


def sent(answer: Any, *, known: set[str]) -> int:
    """Bytes that go to the bucket or the registry, where some digests are there already."""
    if "unpacked" in answer:
        return 0 if answer["digest"] in known else int(answer["size"])
    return sum(layer["size"] for layer in answer["layers"] if layer["digest"] not in known)


def digests(answer: Any) -> set[str]:
    """What is there once it was published."""
    return {answer["digest"], *(layer["digest"] for layer in answer.get("layers", ()))}


def rows(folder: Path, asked: argparse.Namespace) -> list[tuple[str, ...]]:
    """Of a table."""
    found = []
    root = folder / "repository"
    ignored = shutil.ignore_patterns(".venv", "node_modules", ".git", ".local", "cdk.out", ".mypy_cache", ".ruff_cache")
    shutil.copytree(ROOT, root, ignore=ignored)
    for service, code in SERVICES.items():
        wheels = json.loads(_services("size", service, f"--workspace={root}", "--json"))[0]["size"]
        times, line, first, second, unpacked = {}, {}, {}, {}, 0
        for form in FORMS:
            cache = folder / f"{service}-{form}"
            # A cache that knows uv, and for images the base image: nobody fetches these for each build.
            build(root, "query-api" if service != "query-api" else "daily-report", form, cache, asked)
            shutil.rmtree(cache / "records/steps", ignore_errors=True)
            shutil.rmtree(cache / "uv-cache", ignore_errors=True)
            times[form], before = build(root, service, form, cache, asked)
            with (root / code).open("a") as file:
                file.write("CHANGED = True\n")
            line[form], after = build(root, service, form, cache, asked)
            first[form], second[form] = sent(before, known=set()), sent(after, known=digests(before))
            unpacked = before.get("unpacked", unpacked)
        found += [
            (f"{service}: build from nothing", *(f"{times[form]:.1f} s" for form in FORMS)),
            (f"{service}: build after a line of code", *(f"{line[form]:.1f} s" for form in FORMS)),
            (f"{service}: bytes to send at first", *(f"{first[form] / 1e6:.1f} MB" for form in FORMS)),
            (f"{service}: bytes to send after a line of code", *(f"{second[form] / 1e3:,.1f} kB" for form in FORMS)),
            (
                f"{service}: unpacked",
                f"{unpacked / 1e6:.0f} MB, {unpacked / wheels:.1f} times its wheels",
                "the same, and the base",
            ),
        ]
    return found


def _services(*arguments: str) -> str:
    command = [sys.executable, "-c", "from uv_workspace_function.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-image", required=True, metavar="oci:PATH")
    parser.add_argument("--interpreter", metavar="PYTHON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("| | zip | image |\n| --- | ---: | ---: |")
        for row in rows(Path(folder), asked):
            print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
