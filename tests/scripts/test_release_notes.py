"""scripts/release_notes.py: a tag, a version and a changelog that agree give the notes; else it says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.release_notes import release_notes

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## Unreleased

- not yet

## 1.2.3 - 2026-12-01

### Added

- one thing

## 1.2.0 - 2026-11-01

- before
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_notes_are_the_changelog_s_section(repository: Path) -> None:
    """And nothing of the one before or after."""
    assert "### Added\n\n- one thing" == release_notes(repository, "v1.2.3")


def test_another_tag_than_the_version_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match="has version") as raised:
        release_notes(repository, "v1.2.4")
    assert "the tag is 'v1.2.4', and infra/pyproject.toml has version '1.2.3'; tag that commit v1.2.3" == str(
        raised.value
    )


def test_a_version_without_a_section_is_refused(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- one thing\n")
    with pytest.raises(ValueError, match="no section") as raised:
        release_notes(repository, "v1.2.3")
    assert "CHANGELOG.md has no section for 1.2.3; rename `## Unreleased` to `## 1.2.3 - YYYY-MM-DD`" == str(
        raised.value
    )


def test_the_command_says_it_in_a_line() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "release_notes.py", "v0.0.0"], capture_output=True, text=True, check=False
    )
    assert 1 == done.returncode
    assert ["error: the tag is 'v0.0.0', and infra/pyproject.toml has version '0.1.0'; tag that commit v0.1.0"] == (
        done.stderr.splitlines()
    )
