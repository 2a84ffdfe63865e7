"""Images pushed to a registry: what is sent, what is not, and in which order.

Covers also: oci/delivery.py, oci/descriptors.py, oci/stored.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from oci import ecr
from oci.conftest import Build
from oci.ecr import Ecr


@pytest.fixture
def registry() -> Iterator[Ecr]:
    """One with a repository `shop`."""
    with ecr.serving() as found:
        yield found


def test_an_image_is_pushed_with_its_tag_last(build: Build, registry: Ecr) -> None:
    """Each content in one PUT; the answer tells the digest that the registry has."""
    answer = build("orders", f"--push={registry.host}/shop:1.0")
    assert answer["digest"] == answer["pushed"]["digest"] == registry.tags["shop"]["1.0"]
    manifest = registry.tagged("1.0")
    assert [layer["digest"] for layer in manifest["layers"]][-6:] == [layer["digest"] for layer in answer["layers"]]
    assert {1} == set(registry.received.values())
    assert registry.taken == answer["pushed"]["sent"]
    assert ("PUT", "/v2/shop/manifests/1.0") == registry.asked[-1]
    assert 0 == registry.count("PATCH")
    registry.assert_whole()
    registry.function("1.0")


def test_what_is_there_is_asked_for_once_and_not_pushed(build: Build, registry: Ecr) -> None:
    build("orders", f"--push={registry.host}/shop:1.0")
    registry.forget()
    again = build("orders", f"--push={registry.host}/shop:1.0")
    assert [("HEAD", "/v2/shop/manifests/1.0")] == registry.asked
    assert 0 == again["pushed"]["sent"]


def test_a_line_of_code_sends_a_layer_and_a_configuration(build: Build, registry: Ecr, shop: Path) -> None:
    build("orders", f"--push={registry.host}/shop:1.0")
    registry.forget()
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")
    answer = build("orders", f"--push={registry.host}/shop:1.1")
    code = next(layer for layer in answer["layers"] if layer["name"] == "code")
    assert {code["digest"], answer["configuration"]} == set(registry.received)
    registry.assert_whole()


def test_several_services_have_a_tag_each(build: Build, registry: Ecr) -> None:
    """Their name, and the digest; what they share is sent once."""
    answers = build("orders", "billing", f"--push={registry.host}/shop")
    expected = {f"{answer['service']}-{answer['digest'].removeprefix('sha256:')}" for answer in answers}
    assert expected == set(registry.tags["shop"])
    assert {1} == set(registry.received.values())
    registry.assert_whole()


def test_contents_are_mounted_where_the_registry_does_that(build: Build) -> None:
    """From the repository that is known to have them; the rest is sent."""
    with ecr.serving(repositories=("shop", "other"), mounting=True) as registry:
        first = build("orders", f"--push={registry.host}/shop:1.0")
        registry.forget()
        second = build("orders", f"--push={registry.host}/other:1.0")
        assert (0, first["pushed"]["sent"]) == (second["pushed"]["sent"], second["pushed"]["mounted"])
        assert 0 == registry.taken
        registry.assert_whole()


def test_contents_are_sent_where_the_registry_does_not_mount(build: Build) -> None:
    """The upload that it begins instead is used."""
    with ecr.serving(repositories=("shop", "other")) as registry:
        first = build("orders", f"--push={registry.host}/shop:1.0")
        registry.forget()
        second = build("orders", f"--push={registry.host}/other:1.0")
        assert first["pushed"]["sent"] == second["pushed"]["sent"] == registry.taken
        assert {} == registry.uploads
        registry.assert_whole()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("orders", "billing", "--push=localhost:9/shop:1"), "--push takes REPOSITORY:TAG for one SERVICE"),
        (("orders", "--push=localhost:9/Shop"), "'localhost:9/Shop' is no container image"),
    ],
)
def test_a_name_that_cannot_be_pushed_to(build: Build, options: tuple[str, ...], expected: str) -> None:
    """It is refused before anything is built."""
    assert expected in build(*options, code=2)


def test_what_a_registry_refuses_is_told_in_its_words(build: Build, registry: Ecr, shop: Path) -> None:
    """A repository that is not there, and a tag that is another image's for ever."""
    host = registry.host
    assert f"there is no repository mop in {host}; create it, or name one that is there" == build(
        "orders", f"--push={host}/mop:1.0", code=2
    )
    before = build("orders", f"--push={host}/shop:1.0")
    (shop / "services/orders/src/orders/main.py").write_text("x = 1\n")
    assert build("orders", f"--push={host}/shop:1.0", code=2) == (
        f"{host} refuses {host}/shop:1.0: The image tag '1.0' already exists in the 'shop' repository and cannot be overwritten "
        "because the tag is immutable (TAG_INVALID); push what it takes, or to another repository or tag"
    )
    assert {"1.0": before["digest"]} == registry.tags["shop"]
