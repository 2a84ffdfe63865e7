"""A lock cut down: what a hand-written literal says it must be, and what uv makes of it.

Covers also: workspace/lock_text.py, workspace/selection.py, workspace/walk.py.
"""

from pathlib import Path

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.lock import Lock
from uv_workspace_function.workspace.lock_text import cut_down
from uv_workspace_function.workspace.selection import select

WHOLE = """\
version = 1
revision = 3
requires-python = ">=3.11.5"
resolution-markers = [
    "extra == 'project-1-a' and extra != 'project-1-b'",
    "extra != 'project-1-a' and extra == 'project-1-b'",
]
conflicts = [[
    { package = "a" },
    { package = "b" },
]]

[options]
exclude-newer = "2026-01-01T00:00:00Z"

[manifest]
members = [
    "a",
    "b",
    "lib",
]
constraints = [{ name = "dep", specifier = "<3" }]
build-constraints = [{ name = "hatchling", specifier = "==1.27" }]

[[package]]
name = "a"
version = "1"
source = { editable = "services/a" }
dependencies = [
    { name = "dep", version = "1.0", source = { registry = "https://example.invalid/simple" }, marker = "extra == 'project-1-a'" },
    { name = "lib", extra = ["fast"], marker = "extra == 'project-1-a'" },
]

[package.optional-dependencies]
unasked = [
    { name = "other" },
]

[package.dev-dependencies]
dev = [
    { name = "other" },
]

[package.metadata]
requires-dist = [
    { name = "dep", specifier = "<2" },
    { name = "lib", extras = ["fast"], editable = "lib" },
]

[[package]]
name = "b"
version = "1"
source = { editable = "services/b" }
dependencies = [
    { name = "dep", version = "2.0", source = { registry = "https://example.invalid/simple" }, marker = "extra == 'project-1-b'" },
    { name = "lib", marker = "extra == 'project-1-b'" },
]

[[package]]
name = "dep"
version = "1.0"
source = { registry = "https://example.invalid/simple" }
resolution-markers = [
    "extra == 'project-1-a' and extra != 'project-1-b'",
]
sdist = { url = "https://example.invalid/dep-1.0.tar.gz", hash = "sha256:00", size = 10 }
wheels = [
    { url = "https://example.invalid/dep-1.0-py3-none-any.whl", hash = "sha256:01", size = 20, upload-time = "2026-01-01T00:00:00Z" },
]

[[package]]
name = "dep"
version = "2.0"
source = { registry = "https://example.invalid/simple" }
wheels = [
    { url = "https://example.invalid/dep-2.0-py3-none-any.whl", hash = "sha256:02", size = 20 },
]

[[package]]
name = "lib"
source = { editable = "lib" }
dependencies = [
    { name = "dep", version = "1.0", source = { registry = "https://example.invalid/simple" }, marker = "(sys_platform == 'linux' and extra == 'project-1-a') or (extra == 'project-1-a' and extra == 'project-1-b')" },
    { name = "dep", version = "2.0", source = { registry = "https://example.invalid/simple" }, marker = "extra != 'project-1-a' or extra == 'project-1-b'" },
]

[package.optional-dependencies]
fast = [
    { name = "other", marker = "python_full_version < '3.13'" },
]
slow = [
    { name = "dep", version = "1.0", source = { registry = "https://example.invalid/simple" } },
]

[[package]]
name = "other"
version = "1.0"
source = { registry = "https://example.invalid/simple" }
wheels = [
    { url = "https://example.invalid/other-1.0-py3-none-any.whl", hash = "sha256:03" },
]
"""

CUT_TO_A = """\
version = 1
revision = 3
requires-python = ">=3"

[manifest]
members = [
    "a",
    "lib",
]
build-constraints = [
    { name = "hatchling", specifier = "==1.27" },
]

[[package]]
name = "a"
version = "1"
source = { editable = "services/a" }
dependencies = [
    { name = "dep" },
    { name = "lib", extra = ["fast"] },
]

[[package]]
name = "dep"
version = "1.0"
source = { registry = "https://example.invalid/simple" }
sdist = { url = "https://example.invalid/dep-1.0.tar.gz", hash = "sha256:00", size = 10 }
wheels = [
    { url = "https://example.invalid/dep-1.0-py3-none-any.whl", hash = "sha256:01", size = 20, upload-time = "2026-01-01T00:00:00Z" },
]

[[package]]
name = "lib"
source = { editable = "lib" }
dependencies = [
    { name = "dep", marker = "sys_platform == 'linux'" },
]

[package.optional-dependencies]
fast = [
    { name = "other", marker = "python_full_version < '3.13'" },
]

[[package]]
name = "other"
version = "1.0"
source = { registry = "https://example.invalid/simple" }
wheels = [
    { url = "https://example.invalid/other-1.0-py3-none-any.whl", hash = "sha256:03" },
]
"""


@pytest.fixture
def whole(tmp_path: Path) -> Lock:
    """A lock with a fork, extras, groups, and header fields of everybody's."""
    (tmp_path / "uv.lock").write_text(WHOLE)
    return Lock.load(tmp_path / "uv.lock")


def test_a_lock_is_cut_down_to_one_closure(whole: Lock) -> None:
    """Its fork, the extras asked for, what a frozen install reads of the header: nothing of others."""
    assert CUT_TO_A == cut_down(select(whole, "a"))


def test_the_other_fork_is_the_other_service_s(whole: Lock) -> None:
    """Under `conflicts` each service has its own version of a shared package."""
    assert ["2.0"] == [p.version for p in select(whole, "b").packages if p.name == "dep"]


def test_a_cut_lock_cut_again_is_the_same(whole: Lock, tmp_path: Path) -> None:
    """Cutting is a projection."""
    (tmp_path / "again.lock").write_text(CUT_TO_A)
    assert CUT_TO_A == cut_down(select(Lock.load(tmp_path / "again.lock"), "a"))


def test_an_extra_of_the_service_is_installed_when_asked_for(whole: Lock) -> None:
    """It is the service's own, and no other extra comes with it."""
    assert 'unasked = [\n    { name = "other" },\n]' in cut_down(select(whole, "a", ["unasked"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version = 1\n[[package]]\nname = 'a'\n", ": package[0] has no 'source'; run `uv lock`"),
        ("revision = 3\n", " has lock version None; this release reads version 1; update uv-workspace-function, or write the lock with a uv that uses that version"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_read_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """With the file's name."""
    path = tmp_path / "uv.lock"
    path.write_text(text)
    with pytest.raises(WorkspaceError) as caught:
        Lock.load(path)
    assert f"{path}{expected}" == str(caught.value)
