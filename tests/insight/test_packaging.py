"""Zip or image: the rule of `services size`, at its borders."""

import pytest
from uv_workspace_function.insight.packaging import Packaging
from uv_workspace_function.insight.sizes import LayerSize, PackageSize, ServiceSize


def service(size: int, source: str) -> ServiceSize:
    package = PackageSize(name="large", version="1.0", size=size)
    return ServiceSize(service="api", source=source, layers=(LayerSize.of("third-party", [package]),))


@pytest.mark.parametrize(
    ("size", "source", "take", "reason"),
    [
        (199_999_999, "api:1", "zip", "Python functions below 200 MB start faster from one"),
        (200_000_000, "api:1", "image", "Python functions of 200 MB or more start faster from one"),
        (262_144_000, "api:1", "image", "Python functions of 200 MB or more start faster from one"),
        (262_144_001, "api:1", "image", "Lambda takes 262 MB of an unpacked archive"),
        (49_999_999, "lock", "zip", "Python functions below 200 MB start faster from one"),
        (65_536_001, "lock", "image", "Lambda takes 262 MB of an unpacked archive"),
    ],
)
def test_what_to_take_depends_on_the_bytes_unpacked(size: int, source: str, take: str, reason: str) -> None:
    """Of an image they are known; what a lock tells is packed, and taken times four. 250 MB of Lambda's are 262,144,000 bytes."""
    choice = Packaging.of(service(size, source))
    assert (take, reason, source == "lock") == (choice.take, choice.reason, choice.is_estimate)


def test_it_is_in_json_in_bytes() -> None:
    assert Packaging.of(service(10, "lock")).as_json() == {
        "unpacked": 40,
        "estimated": True,
        "zip_limit": 262_144_000,
        "take": "zip",
        "reason": "Python functions below 200 MB start faster from one",
    }
