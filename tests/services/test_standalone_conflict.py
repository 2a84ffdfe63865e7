"""legacy-export stands alone for a reason: what it needs, no lock of the workspace can give it."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

SERVICES = Path(__file__).parents[2] / "services"


def pandas_wanted(service: str) -> Requirement:
    project = tomllib.loads((SERVICES / service / "pyproject.toml").read_text())["project"]
    (wanted,) = [one for one in map(Requirement, project["dependencies"]) if one.name == "pandas"]
    return wanted


def pandas_locked(lock: Path) -> set[str]:
    return {package["version"] for package in tomllib.loads(lock.read_text())["package"] if package["name"] == "pandas"}


def test_what_either_lock_holds_the_other_service_cannot_take() -> None:
    """Had they a version in common, uv would have chosen it in neither case: it takes the newest that is allowed."""
    (workspaces,) = pandas_locked(SERVICES.parent / "uv.lock")
    (its_own,) = pandas_locked(SERVICES / "legacy_export" / "uv.lock")
    takes, legacy_takes = pandas_wanted("daily_report").specifier, pandas_wanted("legacy_export").specifier
    assert (takes.contains(workspaces), legacy_takes.contains(workspaces)) == (True, False)
    assert (takes.contains(its_own), legacy_takes.contains(its_own)) == (False, True)
