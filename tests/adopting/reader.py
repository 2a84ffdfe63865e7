"""A reader of the documentation: does what a page says, in a workspace of their own, with a shell of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docs.pages import Block, blocks

REPOSITORY = Path(__file__).parents[2]
# What this test's own environment would tell a reader's commands.
_OURS = frozenset({"CDK_VALIDATION", "JSII_NODE", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"})
_NEEDS_ENGINE = re.compile(r"\bdocker\b|--image\b|\bsam build\b")


def shell(command: str, cwd: Path, variables: Mapping[str, str] = {}) -> str:
    """Run a command as a shell does, with nothing of this repository's environment; what it printed on stdout."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    inherited["PATH"] = os.pathsep.join(_folders_of_a_reader())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=cwd,
        env=inherited | {"UV_PYTHON": sys.base_prefix} | dict(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _folders_of_a_reader() -> list[str]:
    """PATH with uv, but without this repository's environment, whose `services` would answer in place of the reader's.

    A machine need not have uv, or may have one that is too old: `scripts/with-tools` fetched one into `.local` then.
    """
    folders = [Path(folder).resolve() for folder in os.environ["PATH"].split(os.pathsep) if folder]
    fetched = REPOSITORY.resolve() / ".local"
    return [
        str(folder)
        for folder in folders
        if folder.is_relative_to(fetched) or not folder.is_relative_to(REPOSITORY.resolve())
    ]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody with a workspace, the built wheel in a folder, and perhaps a container engine."""

    root: Path
    wheels: Path
    engine: bool
    printed: dict[str, str] = field(default_factory=dict)
    """What each command printed on stdout."""

    def follow(self, page: Path) -> None:
        """Do what a page says, from top to bottom; commands that need an engine only where there is one."""
        for block in blocks(page):
            if block.not_run is None:
                self._do(block)

    def _do(self, block: Block) -> None:
        if block.file is not None:
            path = self.root / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() if block.added else "") + block.text)
        elif block.language == "sh":
            for command in block.text.splitlines():
                if self.engine or not _NEEDS_ENGINE.search(command):
                    self.printed[command] = shell(command, self.root, {"UV_FIND_LINKS": str(self.wheels)})
