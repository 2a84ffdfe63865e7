"""docs/adopting.md in a workspace of each shape that was met: installed, listed, checked, staged and invoked."""

from pathlib import Path

import pytest
from adopting.shapes import SHAPES, Shape

_ALL = [Shape.read(path) for path in sorted(SHAPES.glob("*.txt"))]


@pytest.mark.parametrize("shape", _ALL, ids=[shape.name for shape in _ALL])
def test_the_page_works_in_a_workspace_of_the_shape(shape: Shape, wheels: Path, tmp_path: Path) -> None:
    """Nothing but what the shape says has to be written."""
    adopted = shape.adopt(tmp_path / "repository", wheels)
    assert shape.services == adopted.services
    assert shape.findings == adopted.findings
    assert shape.services.keys() == adopted.contexts.keys()
    assert [] == [(name, path) for name, path in shape.handler_files if not (adopted.contexts[name] / path).is_file()]
    for service, event, answer in shape.answers:
        assert answer == adopted.answer(service, event)


def test_each_shape_says_what_must_come_of_it() -> None:
    """A service, its handler's file, and an answer."""
    assert [] == [shape.name for shape in _ALL if not (shape.services and shape.handler_files and shape.answers)]
