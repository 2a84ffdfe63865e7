"""What becomes of uv's settings in a build context.

Covers also: workspace/configuration.py.
"""

import re
from pathlib import Path

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace import carried_settings
from uv_workspace_function.workspace.carried_settings import FATES, Relevance, carried
from wheelhouse import uv

RELEVANCE = Relevance(
    closure={"svc", "lib", "used"},
    local={"svc", "lib"},
    building=lambda name: name != "elsewhere",
    sources={"lib", "used"},
    indexes={"cpu"},
)


def test_the_table_names_every_setting_that_uv_knows(tmp_path: Path) -> None:
    """uv lists its settings when it meets an unknown one; the table has the same names."""
    (tmp_path / "uv.toml").write_text("nonsense = 1\n")
    message = uv("lock", cwd=tmp_path, check=False).stderr
    assert set(re.findall(r"`([a-z-]+)`", message.partition("expected one of")[2])) == set(FATES)


def test_every_fate_has_a_reason() -> None:
    """The table says why."""
    assert [] == [name for name, fate in FATES.items() if not fate.why]


def test_what_is_said_to_be_cut_down_is_cut_down() -> None:
    """A setting that goes into a build whole is not told to be of this closure."""
    said = {name for name, fate in FATES.items() if fate.why.startswith("cut down")}
    assert carried_settings._CHOICES.keys() == said | {"index"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"index-url": "https://example.invalid/simple"}, {"index-url": "https://example.invalid/simple"}),
        ({"a-setting-of-tomorrow": 1}, {"a-setting-of-tomorrow": 1}),
        ({"default-groups": ["dev", "docs"], "dev-dependencies": ["pytest"], "pip": {"no-deps": True}}, {}),
        ({"constraint-dependencies": ["Used<2", "elsewhere<3"]}, {"constraint-dependencies": ["Used<2"]}),
        ({"override-dependencies": ["elsewhere==1"]}, {}),
        ({"build-constraint-dependencies": ["hatchling==1.27"]}, {"build-constraint-dependencies": ["hatchling==1.27"]}),
        ({"sources": {"lib": {"workspace": True}, "elsewhere": {"workspace": True}}}, {"sources": {"lib": {"workspace": True}}}),
        ({"sources": {"Used": {"index": "cpu"}, "svc": {"workspace": True}}}, {"sources": {"used": {"index": "cpu"}}}),
        ({"no-binary-package": ["used", "elsewhere", "setuptools"]}, {"no-binary-package": ["used", "setuptools"]}),
        ({"dependency-metadata": [{"name": "used"}, {"name": "elsewhere"}]}, {"dependency-metadata": [{"name": "used"}]}),
        ({"extra-build-dependencies": {"lib": ["cython"], "elsewhere": ["cython"]}}, {"extra-build-dependencies": {"lib": ["cython"]}}),
        ({"no-build-isolation-package": ["elsewhere"]}, {}),
        (
            {"index": [
                {"name": "main", "url": "https://a.invalid", "publish-url": "https://p.invalid"},
                {"name": "gpu", "url": "https://b.invalid", "explicit": True},
                {"name": "cpu", "url": "https://c.invalid", "explicit": True},
            ]},
            {"index": [{"name": "main", "url": "https://a.invalid"}, {"name": "cpu", "url": "https://c.invalid", "explicit": True}]},
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_setting_travels_as_far_as_it_matters(settings: dict[str, object], expected: dict[str, object]) -> None:
    """Carried whole, cut down to the closure, or dropped."""
    assert expected == carried(settings, RELEVANCE, where="uv.toml")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"no-build-isolation": True},
            (
                "uv.toml sets no-build-isolation, which an image's build cannot follow: an image's build has no environment "
                "that a backend could share; declare what the backend needs in its [build-system] requires, or in "
                "extra-build-dependencies, and take the setting out"
            ),
        ),
        (
            {"no-build-isolation-package": ["Lib"]},
            (
                "uv.toml sets no-build-isolation-package for 'Lib', which an image's build cannot follow: an image's build "
                "has no environment that a backend could share; declare what the backend needs in its [build-system] "
                "requires, or in extra-build-dependencies, and take the setting out"
            ),
        ),
    ],
    ids=["all", "one"],
)
def test_a_setting_that_cannot_be_carried_is_refused_by_name(settings: dict[str, object], message: str) -> None:
    """With the way out."""
    with pytest.raises(WorkspaceError) as caught:
        carried(settings, RELEVANCE, where="uv.toml")
    assert message == str(caught.value)
