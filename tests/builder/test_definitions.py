"""What the builder reads of definitions: by Python's own reader, which knows TOML 1.0."""

from pathlib import Path

import pytest
from uv_workspace_function.builder.definitions import read_lock, read_toml
from uv_workspace_function.builder.errors import BuildError


def test_a_newer_toml_is_told_to_be_one(tmp_path: Path) -> None:
    """uv reads it, and nobody would look for a fault in it."""
    path = tmp_path / "pyproject.toml"
    path.write_text("a = {\n  b = 1,\n}\n")
    with pytest.raises(BuildError) as caught:
        read_toml(path, shown="orders/pyproject.toml")
    assert str(caught.value).startswith("orders/pyproject.toml cannot be read (")
    assert str(caught.value).endswith(
        "; an image is built by Python's own reader, which knows TOML 1.0: no inline table over several lines, no comma at its end; "
        "write it so, or build from the context that `services prune` writes"
    )


def test_a_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("a = { b = 1 }\n")
    assert {"a": {"b": 1}} == read_toml(path)


def test_a_lock_is_read_as_any_toml(tmp_path: Path) -> None:
    """Wheels are read apart; what uv does not write so is read as anything else is."""
    path = tmp_path / "uv.lock"
    lines = (
        '{ url = "https://a.example/a-1-py3-none-any.whl", hash = "sha256:00", size = 12, upload-time = "2026-01-01T00:00:00Z" }',
        '{ filename = "a-1-cp314-cp314-linux_aarch64.whl" }',
        '{ path = "vendored/\\u00e4-1-py3-none-any.whl" }',
        "{ url = 'https://a.example/literal.whl' }",
        "{ nested = { a = [1] } }",
        '{ path = "vendored/a\u2028b.whl", hash = "sha256:00" }',
    )
    for taken in ([0], [0, 1], [2], [0, 3], [4], [0, 5], []):
        block = "".join(f"    {lines[number]},\n" for number in taken)
        path.write_text(
            f'version = 1\n[[package]]\nname = "a"\nwheels = [\n{block}]\n\n[[package]]\nname = "b"\nwheels = 0\n'
        )
        assert read_lock(path) == {**read_toml(path)}, taken
        assert len(read_lock(path)["package"][0]["wheels"]) == len(taken)
    for lock in Path(__file__).parents[2].rglob("uv.lock"):
        if not any(
            part.startswith(".") or part == "node_modules" for part in lock.relative_to(Path(__file__).parents[2]).parts
        ):
            assert read_lock(lock) == read_toml(lock), lock


def test_a_malformed_lock_is_told_by_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    path.write_text('[[package]]\nwheels = [\n    { url = "a" },\n    { url = "b" },\n]\nname = oops\n')
    with pytest.raises(BuildError, match="at line 6"):
        read_lock(path)
