"""A cache in a registry: what a machine with an empty cache takes from it, and who believes it.

Covers also: oci/cache_option.py, oci/elsewhere.py.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from oci import ecr, proxy
from oci.bases import write_base
from oci.conftest import Build, digests, reused
from oci.ecr import Ecr
from oci.proxy import Fault
from uv_workspace_function.oci.layers import Layer
from uv_workspace_function.oci.shared import SharedCache
from uv_workspace_function.oci.store import Blob, Store
from uv_workspace_function.target.image_reference import ImageReference

LAYER = Layer(diff_id=f"sha256:{'1' * 64}", blob=Blob(digest=f"sha256:{'2' * 64}", size=1), head=0, way="")
DOCUMENT = {"kind": "rebased", "key": "key", "value": LAYER.as_kept(), "paths": {"1" * 64: ["var/task/main.py"]}}
DAMAGED: tuple[Any, ...] = (
    [],
    None,
    {},
    {**DOCUMENT, "value": None},
    {**DOCUMENT, "value": {**LAYER.as_kept(), "blob": []}},
    {**DOCUMENT, "paths": None},
    {**DOCUMENT, "paths": ["main.py"]},
    {**DOCUMENT, "paths": {"1" * 64: [1]}},
    {**DOCUMENT, "paths": {"1" * 64: 1}},
    {**DOCUMENT, "value": {**LAYER.as_kept(), "diff_id": "sha256:../../x"}, "paths": {"../../x": []}},
)
ALL = {"root", "heavy", "medium", "light", "local", "code"}


@pytest.fixture
def registry() -> Iterator[Ecr]:
    """One with a repository for images, and two for caches."""
    with ecr.serving(repositories=("shop", "cache", "strangers")) as found:
        yield found


@pytest.fixture
def fresh(tmp_path: Path, cache: Path) -> Callable[[], Path]:
    """Makes caches of machines that have built nothing yet; they have uv."""
    number = iter(range(100))

    def make() -> Path:
        folder = tmp_path / f"fresh-{next(number)}"
        folder.mkdir()
        (folder / "uv").symlink_to((cache / "uv").resolve(), target_is_directory=True)
        return folder

    return make


def _option(registry: Ecr, repository: str = "cache") -> str:
    return f"type=registry,ref={registry.host}/{repository}:main,mode=max"


def _edit(shop: Path) -> None:
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")


def test_a_fresh_machine_runs_one_step_for_a_line_of_code(
    build: Build, registry: Ecr, shop: Path, fresh: Callable[[], Path]
) -> None:
    """It reads no layer, neither of the base image nor of ours, and sends two contents."""
    build("orders", f"--push={registry.host}/shop:1", f"--cache-to={_option(registry)}")
    _edit(shop)
    registry.forget()
    machine = fresh()
    after = build("orders", f"--push={registry.host}/shop:2", f"--cache-from={_option(registry)}", cache=machine)
    assert ALL - {"code"} == reused(after)
    code = next(layer["digest"] for layer in after["layers"] if layer["name"] == "code")
    assert {code, after["configuration"]} == set(registry.received)
    fetched = {path.rpartition("/")[2] for method, path in registry.asked if method == "GET" and "/blobs/" in path}
    assert set() == fetched & {layer["digest"] for layer in registry.tagged("2")["layers"]}
    assert {code} == {layer["digest"] for layer in after["layers"]} & _blobs(machine)
    assert build("orders", cache=fresh())["digest"] == after["digest"]
    registry.assert_whole()


def test_the_guards_are_asked_again_of_another_base(
    build: Build, registry: Ecr, tmp_path: Path, fresh: Callable[[], Path]
) -> None:
    """By what the cache knows of each layer's claims: none is read."""
    build("orders", f"--cache-to={_option(registry)}")
    other = write_base(
        tmp_path / "other", files={"var/lang/bin/python3.13": b""}, links={"var/lang/bin/python3": "python3.13"}
    )
    said = build("orders", f"--base-image=oci:{other}", f"--cache-from={_option(registry)}", cache=fresh(), code=2)
    assert said.startswith("the base image has Python 3.13, but PYTHON_VERSION is 3.14; ")


def test_what_is_read_whole_is_fetched(build: Build, registry: Ecr, tmp_path: Path, fresh: Callable[[], Path]) -> None:
    """An archive has all layers, and is the same as where they were built."""
    build("orders", f"--cache-to={_option(registry)}", f"--output={tmp_path / 'there.tar'}")
    build("orders", f"--cache-from={_option(registry)}", f"--output={tmp_path / 'here.tar'}", cache=fresh())
    assert (tmp_path / "there.tar").read_bytes() == (tmp_path / "here.tar").read_bytes()


def test_nothing_is_written_unless_it_is_asked_for(build: Build, registry: Ecr, fresh: Callable[[], Path]) -> None:
    build("orders", f"--cache-from={_option(registry)}")
    assert 0 == registry.count("PUT") + registry.count("POST")
    build("orders", f"--cache-to={_option(registry)}")
    tags = dict(registry.tags["cache"])
    registry.forget()
    build("orders", f"--cache-from={_option(registry)}", f"--cache-to={_option(registry)}", cache=fresh())
    assert 0 == registry.count("PUT") + registry.count("POST")
    assert tags == registry.tags["cache"]


def test_what_strangers_write_is_not_believed(build: Build, registry: Ecr, fresh: Callable[[], Path]) -> None:
    """A deployment reads the caches that it names, and no other."""
    build("orders", f"--cache-to={_option(registry, 'strangers')}")
    after = build("orders", f"--cache-from={_option(registry)}", cache=fresh())
    assert set() == reused(after)


def test_services_share_a_cache_and_its_third_party_layers(
    build: Build, registry: Ecr, shop: Path, fresh: Callable[[], Path]
) -> None:
    """Each has entries of its own; nobody writes over somebody else's, and equal sets are there once."""
    for service in ("orders", "billing"):
        build(service, f"--cache-to={_option(registry)}", cache=fresh())
    machine = fresh()
    for service in ("orders", "billing"):
        assert ALL == reused(build(service, f"--cache-from={_option(registry)}", cache=machine))
    assert {1} == set(registry.received.values())


def test_a_cache_that_does_not_answer_stops_no_build(build: Build, registry: Ecr) -> None:
    """It is said once."""
    away = f"type=registry,ref={registry.host}/nowhere:main"
    answer = build("orders", f"--cache-to={away}")
    assert [
        f"the cache {registry.host}/nowhere:main was not written: there is no repository nowhere in {registry.host}"
    ] == (answer["remarks"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(method="GET", path="", status=401), "it answered 401"),
        (Fault(method="GET", path="", status=401, headers={"WWW-Authenticate": "Negotiate"}), "it answered 401"),
        (Fault(method="GET", path="", status=403), "it answered 403"),
        (Fault(method="GET", path="", status=503), "it answered 503"),
        (Fault(method="GET", path="", is_cut=True), "it gave no answer"),
        (Fault(method="GET", path="", status=200), "an entry of it is damaged"),
    ],
)
def test_whatever_a_cache_answers_a_note_says_so(
    registry: Ecr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, expected: str
) -> None:
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _: None)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    fault.times = 1000
    with proxy.before(registry.host) as way:
        way.faults = [fault]
        cache = ImageReference.parse(f"{way.host}/cache:main")
        shared = SharedCache(store=Store(tmp_path / "store"), read=[cache])
        assert [None, None] == [shared.find("steps", key) for key in ("one", "another")]
        shared.close()
    assert [f"the cache {cache} was not read: {expected}"] == shared.notes


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="not compressed"),
        pytest.param(gzip.compress(json.dumps(DOCUMENT).encode())[:-20], id="cut off"),
        pytest.param(gzip.compress(b"{}")[:10] + b"\xff" * 20, id="no deflate"),
        pytest.param(gzip.compress(b"\xff"), id="no text"),
        pytest.param(gzip.compress(b"[" * 100_000), id="deep"),
        *(
            pytest.param(gzip.compress(json.dumps(document).encode()), id=json.dumps(document)[-40:])
            for document in DAMAGED
        ),
    ],
)
def test_a_damaged_entry_is_none(registry: Ecr, tmp_path: Path, content: bytes) -> None:
    """And nothing of it is kept."""
    _enter(registry, content, tmp_path)
    shared = SharedCache(store=Store(tmp_path / "store"), read=[_reference(registry)])
    assert shared.find("rebased", "key") is None
    shared.close()
    assert [f"the cache {_reference(registry)} was not read: an entry of it is damaged"] == shared.notes
    assert [] == [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_an_entry_that_is_whole_is_believed(registry: Ecr, tmp_path: Path) -> None:
    """It differs from the damaged ones in nothing else."""
    _enter(registry, gzip.compress(json.dumps(DOCUMENT).encode()), tmp_path)
    store = Store(tmp_path / "store")
    shared = SharedCache(store=store, read=[_reference(registry)])
    assert LAYER.as_kept() == shared.find("rebased", "key")
    shared.close()
    assert (["var/task/main.py"], []) == (store.record("paths", "1" * 64), shared.notes)


def _reference(registry: Ecr) -> ImageReference:
    return ImageReference.parse(f"{registry.host}/cache:main")


def _enter(registry: Ecr, content: bytes, tmp_path: Path) -> None:
    """Write an entry as the cache does, and have another document in it."""
    store = Store(tmp_path / "writer")
    writer = SharedCache(store=store, read=[])
    blob = store.add([b"x"])
    store.keep("rebased", "key", replace(LAYER, blob=blob).as_kept())
    writer.note("rebased", "key")
    writer.write(_reference(registry))
    ((tag, digest),) = registry.tags["cache"].items()
    media_type, raw = registry.manifests["cache"].pop(digest)
    manifest: dict[str, Any] = json.loads(raw)
    added = _digest(content)
    registry.blobs["cache"][added] = content
    manifest["layers"][0] |= {"digest": added, "size": len(content)}
    manifest["layers"].append({"mediaType": "x", "digest": LAYER.blob.digest, "size": LAYER.blob.size})
    raw = json.dumps(manifest).encode()
    registry.manifests["cache"][_digest(raw)] = media_type, raw
    registry.tags["cache"] = {tag: _digest(raw)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_layer_that_the_cache_has_no_more_is_built_by_the_next_run(
    build: Build, registry: Ecr, tmp_path: Path, fresh: Callable[[], Path]
) -> None:
    before = build("orders", f"--cache-to={_option(registry)}")
    machine = fresh()
    build("orders", f"--cache-from={_option(registry)}", cache=machine)
    registry.blobs["cache"].clear()
    said = build("orders", f"--output={tmp_path / 'orders.tar'}", cache=machine, code=2)
    assert said == (
        f"the cache {registry.host}/cache:main no longer gives a layer: there is no image {registry.host}/cache:main in "
        f"{registry.host}; run the command again, which builds it"
    )
    for _ in ALL:
        result = build("orders", cache=machine)
    assert digests(before) == digests(result)


@pytest.mark.parametrize("kind", ["gha", "s3", "local", "inline", "azblob"])
def test_other_types_are_refused_by_name(build: Build, kind: str) -> None:
    assert build("orders", f"--cache-from=type={kind},ref=x", code=2) == (
        f"--cache-from asks for a cache of type {kind!r}, which only an engine has; give type=registry,ref=REPOSITORY, or keep the "
        "folder of --cache from one run to the next"
    )


def test_an_entry_that_was_written_for_another_key_is_none(
    build: Build, registry: Ecr, fresh: Callable[[], Path]
) -> None:
    """Tags can be moved in a registry; a document says which key it is of."""
    build("orders", f"--cache-to={_option(registry)}")
    tags = registry.tags["cache"]
    moved = {*tags.values()}
    registry.tags["cache"] = {tag: next(iter(moved - {digest})) for tag, digest in tags.items()}
    assert set() == reused(build("orders", f"--cache-from={_option(registry)}", cache=fresh()))


def _blobs(cache: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in (cache / "blobs/sha256").iterdir()}
