"""The changelog's section of one release, once its tag, the version in infra/pyproject.toml and CHANGELOG.md agree."""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def section(changelog: str, version: str) -> str | None:
    """What stands below `## VERSION - DATE`, without the heading; None when there is no such heading."""
    parts = re.split(r"^## (?:\[)?([^\s\]]+)[^\n]*\n", changelog, flags=re.MULTILINE)[1:]
    return dict(zip(parts[0::2], (text.strip() for text in parts[1::2]), strict=True)).get(version)


def release_notes(root: Path, tag: str) -> str:
    """The notes of the release that a tag names.

    Raises:
        ValueError: when the tag, the version and the changelog disagree.
    """
    version = tomllib.loads((root / "infra" / "pyproject.toml").read_text())["project"]["version"]
    if tag != f"v{version}":
        raise ValueError(
            f"the tag is {tag!r}, and infra/pyproject.toml has version {version!r}; tag that commit v{version}"
        )
    notes = section((root / "CHANGELOG.md").read_text(), version)
    if not notes:
        raise ValueError(
            f"CHANGELOG.md has no section for {version}; rename `## Unreleased` to `## {version} - YYYY-MM-DD`"
        )
    return notes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", help="such as v1.2.3")
    try:
        print(release_notes(ROOT, parser.parse_args().tag))
    except ValueError as error:
        sys.exit(f"error: {error}")
