"""Images pushed to a registry: what is sent, what is not, and in which order.

Covers also: oci/delivery.py, oci/descriptors.py, oci/stored_image.py.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from oci import ecr
from oci.bases import FILES, write_base
from oci.conftest import Build, digests, reused
from oci.ecr import Ecr
from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.push import push
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference


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


def test_a_line_of_one_service_asks_once_for_each_other(build: Build, registry: Ecr, shop: Path) -> None:
    """Whether its tag is there, and nothing else."""
    before = build("orders", "billing", f"--push={registry.host}/shop")
    registry.forget()
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")
    after = build("orders", "billing", f"--push={registry.host}/shop")
    (changed, other) = ({answer["service"]: answer for answer in after}[name] for name in ("orders", "billing"))
    assert other["digest"] in {answer["digest"] for answer in before}
    own = {other["digest"], other["configuration"], *(layer["digest"] for layer in other["layers"])}
    own -= {changed["configuration"], *(layer["digest"] for layer in changed["layers"])}
    of_other = [asked for asked in registry.asked if "/billing-" in asked[1] or asked[1].rpartition("/")[2] in own]
    tag = f"billing-{other['digest'].removeprefix('sha256:')}"
    assert [("HEAD", f"/v2/shop/manifests/{tag}")] == of_other
    assert 0 < changed["pushed"]["sent"]


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


def test_on_patch_day_only_manifests_and_configurations_are_pushed(build: Build, registry: Ecr, tmp_path: Path) -> None:
    """A new base image with the same folders: no layer of ours is made or sent, and the guards are asked again."""
    names = ("orders", "billing")
    before = build(*names, f"--push={registry.host}/shop")
    registry.forget()
    patched = write_base(tmp_path / "patched", files={**FILES, "etc/patch": b"2"})
    after = build(*names, f"--push={registry.host}/shop", f"--base-image=oci:{patched}")
    base = registry.tagged(_tag(after[0]))["layers"][0]["digest"]
    configurations = {answer["configuration"] for answer in after}
    assert {base, *configurations} == set(registry.received)
    assert [answer["layers"] for answer in before] != [answer["layers"] for answer in after]  # of the check, which ran
    for old, new in zip(before, after, strict=True):
        assert digests(old) == digests(new)
        assert {"root"} == {layer["name"] for layer in new["layers"]} - reused(new)
        assert old["digest"] != new["digest"]
    registry.assert_whole()
    other = write_base(
        tmp_path / "other", files={"var/lang/bin/python3.13": b""}, links={"var/lang/bin/python3": "python3.13"}
    )
    tags = dict(registry.tags["shop"])
    assert build(*names, f"--push={registry.host}/shop", f"--base-image=oci:{other}", code=2).startswith(
        "the base image has Python 3.13, but PYTHON_VERSION is 3.14; "
    )
    assert tags == registry.tags["shop"]


def test_several_accounts_have_the_same_digest_of_one_build(build: Build, registry: Ecr, cache: Path) -> None:
    """The second push builds nothing, and no content is written a second time."""
    first = build("orders", f"--push={registry.host}/shop:1.0")
    blobs = {path: path.stat().st_ino for path in (cache / "blobs/sha256").iterdir()}
    with ecr.serving() as elsewhere:
        second = build("orders", f"--push={elsewhere.host}/shop:1.0")
        assert {"root", "heavy", "medium", "light", "local", "code"} == reused(second)
        assert registry.tags == elsewhere.tags
        assert first["pushed"]["digest"] == second["pushed"]["digest"]
        elsewhere.assert_whole()
    manifests = {path.stat().st_size for path in (cache / "blobs/sha256").iterdir() if path not in blobs}
    assert set() == manifests


def test_a_base_image_of_a_registry_is_streamed_from_there(
    build: Build, registry: Ecr, base: Path, cache: Path
) -> None:
    """Once what is to be known of it is known, its layers need not be on this machine."""
    with ecr.serving(repositories=("base",)) as elsewhere:
        layout, name = Layout(base), ImageReference.parse(f"{elsewhere.host}/base:3.14")
        manifest = descriptors.parsed(layout.manifest("3.14"), "")["manifests"][0]["digest"]
        push(layout.manifest(manifest), layout, name, store=Store(cache))
        build("orders", f"--base-image={name}")
        for digest in elsewhere.blobs["base"]:
            if len(elsewhere.blobs["base"][digest]) > 5000:
                (cache / "blobs" / digest.replace(":", "/")).unlink()
                large = digest
        build("orders", f"--base-image={name}", f"--push={registry.host}/shop:1.0")
        assert large in registry.blobs["shop"]
        assert not (cache / "blobs" / large.replace(":", "/")).exists()
    registry.assert_whole()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("orders", "billing", "--push=localhost:9/shop:1"), "--push takes REPOSITORY:TAG for one SERVICE"),
        (("orders", "--push=localhost:9/Shop"), "'localhost:9/Shop' is not a container image"),
        (("orders", "--push="), "'' is not a container image"),  # of a variable that is not set, say
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


def _tag(answer: Mapping[str, Any]) -> str:
    return f"{answer['service']}-{answer['digest'].removeprefix('sha256:')}"
