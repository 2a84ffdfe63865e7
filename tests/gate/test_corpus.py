"""Every case of the corpus, and that the corpus is whole.

Covers also: gate/allowed.py, gate/built_for.py, gate/contexts.py, gate/credentials.py, gate/ignore_rules.py, gate/isolation.py,
gate/left_out.py, gate/lines.py, gate/locks.py, gate/missing_handlers.py, gate/run_by_path.py, gate/runner.py, gate/scope.py, gate/target_wheels.py, gate/usage.py, gate/imports/.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gate.cases import Case, cases
from uv_workspace_function.gate.findings import CODES
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The gate says of the workspace what the case says, no more and no less."""
    root = case.make(tmp_path / "w")
    report = check(root, Target(python=next(iter(case.all("python")), "3.14")), **options(case, root))
    found = sorted(f"{f.code} {place}" for f in report.findings for place in (f"{f.file}:{f.line}", *f.places))
    expected = case.expected
    record_property("corpus-right", "\n".join((Counter(found) & Counter(expected)).elements()))
    record_property("corpus-alarm", "\n".join((Counter(found) - Counter(expected)).elements()))
    record_property("corpus-missed", "\n".join((Counter(expected) - Counter(found)).elements()))
    assert expected == found, [f"{f.problem} ({f.remedy})" for f in report.findings]
    assert case.gaps == sorted({code for gap in report.not_checked for code in gap.codes}), report.not_checked
    said = [line for f in report.findings for line in (f.problem, f.remedy, *f.detail)]
    assert [] == [text for text in case.all("says") if text not in said], said
    assert (1 if expected else 2 if case.gaps else 0) == report.exit_code


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_three_cases_of_either_kind(code: str) -> None:
    """Its folder, named by its title, holds at least three workspaces where it must be found and three where it must not."""
    folder = CODES[code].title.replace(" ", "-")
    mine = [case for case in CASES if case.name.startswith(f"{folder}/")]
    found = [case for case in mine if any(line.startswith(code) for line in case.expected)]
    clean = [case for case in mine if not case.expected]
    assert len(found) >= 3, f"{folder}: {len(found)} workspaces with {code}"
    assert len(clean) >= 3, f"{folder}: {len(clean)} workspaces without"


def options(case: Case, root: Path) -> dict[str, Any]:
    """The options of the check that a case asks for."""
    given: dict[str, Any] = dict.fromkeys(case.all("option"), True)
    for folder in case.all("cdk-out"):
        given["cdk_out"] = root / folder
    return given
