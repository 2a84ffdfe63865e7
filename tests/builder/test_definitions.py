"""What the builder reads of definitions: by Python's own reader, which knows TOML 1.0."""

from pathlib import Path

import pytest
from uv_workspace_function.builder.definitions import read_toml
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
