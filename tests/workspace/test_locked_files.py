"""Where a locked package comes from, and its files, as uv writes them."""

from typing import Any

import pytest
from uv_workspace_function.definitions.toml import Malformed
from uv_workspace_function.workspace.locked_files import LockedFile, LockedSource


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"url": "https://example.org/a/tiny-1%2B2-py3-none-any.whl?x=1#y", "size": 3}, "tiny-1+2-py3-none-any.whl"),
        ({"path": "below/tiny-1-py3-none-any.whl"}, "tiny-1-py3-none-any.whl"),
        ({"filename": "tiny-1-py3-none-any.whl"}, "tiny-1-py3-none-any.whl"),
        ({"hash": "sha256:0"}, ""),
    ],
)
def test_a_file_has_a_name(written: dict[str, Any], expected: str) -> None:
    """Of a URL it is the last part, without what follows; an archive that `source` names has none."""
    assert expected == LockedFile.from_dict(written).name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"registry": "https://example.org/simple"}, (None, True)),
        ({"editable": "packages/a"}, ("packages/a", True)),
        ({"directory": "packages/a"}, ("packages/a", True)),
        ({"virtual": "."}, (".", False)),
        ({"git": "https://example.org/a.git?rev=1#2"}, (None, True)),
    ],
)
def test_a_local_package_has_a_folder(written: dict[str, Any], expected: tuple[str | None, bool]) -> None:
    """And is built, but for a virtual one."""
    origin = LockedSource.from_dict(written)
    assert expected == (origin.folder, origin.is_built)


def test_a_value_of_another_type_is_refused() -> None:
    """Its key is named."""
    with pytest.raises(Malformed) as refusal:
        LockedFile.from_dict({"url": 3})
    assert ("must be a string, not 3", "url") == refusal.value.args
