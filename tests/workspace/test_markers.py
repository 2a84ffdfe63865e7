"""Markers with the conflict atoms folded away; `packaging` is the oracle of what a marker means."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.markers import fold_conflicts

A, B = "project-1-a", "extra-3-svc-gpu"
PLATFORMS = ["linux", "win32", "darwin"]

atoms = st.one_of(
    st.sampled_from([f"extra {sign} '{name}'" for sign in ("==", "!=") for name in (A, B)]),
    st.sampled_from([f"sys_platform {sign} '{value}'" for sign in ("==", "!=") for value in PLATFORMS]),
    st.sampled_from(["python_full_version < '3.12'", "python_full_version >= '3.12'", "'win' in sys_platform"]),
)
markers = st.recursive(
    atoms, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=8
)


@given(marker=markers, active=st.sets(st.sampled_from([A, B])))
def test_folding_keeps_the_meaning(marker: str, active: set[str]) -> None:
    """On every machine, the folded marker says what the whole one says under the active extras."""
    folded = fold_conflicts(marker, active.__contains__)
    constant = marker
    for name in (A, B):
        for sign in ("==", "!="):
            truth = "python_version >= '3'" if (name in active) == (sign == "==") else "python_version < '3'"
            constant = constant.replace(f"extra {sign} '{name}'", truth)
    for platform in PLATFORMS:
        for version in ("3.11.0", "3.14.0"):
            machine = {str(key): str(value) for key, value in default_environment().items()}
            machine |= {"sys_platform": platform, "python_full_version": version, "python_version": version[:4]}
            expected = Marker(constant).evaluate(machine)
            actual = folded if isinstance(folded, bool) else Marker(folded).evaluate(machine)
            assert expected == actual


@given(marker=markers, active=st.sets(st.sampled_from([A, B])))
def test_no_conflict_atom_is_left(marker: str, active: set[str]) -> None:
    """What is left names no made-up extra."""
    assert not re.search("extra", str(fold_conflicts(marker, active.__contains__)))


@pytest.mark.parametrize(
    ("marker", "active", "expected"),
    [
        (None, set(), True),
        ("sys_platform == 'linux'", set(), "sys_platform == 'linux'"),
        (f"extra == '{A}'", {A}, True),
        (f"extra == '{A}'", set(), False),
        (f"extra != '{A}' or extra == '{B}'", {A, B}, True),
        (f"(sys_platform == 'linux' and extra == '{A}') or (extra == '{A}' and extra == '{B}')", {A}, "sys_platform == 'linux'"),
        (f"(sys_platform == 'linux' and extra != '{A}') or (sys_platform == 'linux' and extra == '{B}')", {B}, "sys_platform == 'linux'"),
        (f"(os_name == 'nt' or 'win' in sys_platform) and extra == '{A}'", {A}, "os_name == 'nt' or 'win' in sys_platform"),
        (f"platform_machine not  in 'a b' and (os_name == 'nt' or extra == '{A}')", set(), "platform_machine not in 'a b' and os_name == 'nt'"),
        (f"extra == '{A}' and (os_name == 'nt' or os_name == 'posix')  and sys_platform != 'x'", {A}, "(os_name == 'nt' or os_name == 'posix') and sys_platform != 'x'"),
    ],
)  # fmt: skip
def test_what_is_left_is_short(marker: str | None, active: set[str], expected: str | bool) -> None:
    """Constants, repeats and absorbed terms are gone, so that another's fork leaves no trace."""
    assert expected == fold_conflicts(marker, active.__contains__)


@pytest.mark.parametrize("marker", ["extra == 'a' )", "extra == 'a' §", "(extra == 'a'"])
def test_a_marker_that_cannot_be_read_is_refused(marker: str) -> None:
    """A broken lock is an error of the workspace's, not a traceback."""
    with pytest.raises(WorkspaceError, match="run `uv lock`"):
        fold_conflicts(marker, set().__contains__)
