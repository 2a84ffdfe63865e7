"""Pushes that go wrong: a proxy before the registry, a process that ends, several at once. Repeating completes."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oci import ecr, proxy
from oci.bases import write_base, write_layers
from oci.ecr import Ecr, RefusedError
from oci.proxy import Fault, Proxy
from oci.registries import certificate_of
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.push import Pushed, push
from uv_workspace_function.oci.store import Blob, Store
from uv_workspace_function.oci.stored_image import StoredImage
from uv_workspace_function.target.image_reference import ImageReference

LAYERS = 3
CONTENTS = LAYERS + 1
_PROGRAM = """
import sys; from pathlib import Path
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.push import push
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference
layout, to, store = Layout(Path(sys.argv[1])), ImageReference.parse(sys.argv[2]), Store(Path(sys.argv[3]))
push(layout.manifest("image"), layout, to, store=store)
"""


@pytest.fixture
def registry() -> Iterator[Ecr]:
    """One with a repository `shop`."""
    with ecr.serving() as found:
        yield found


@pytest.fixture
def way(registry: Ecr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before it; nobody waits."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    with proxy.before(registry.host) as found:
        yield found


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    seconds: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def image(tmp_path: Path) -> Layout:
    """An image of some layers."""
    return Layout(write_layers(tmp_path / "image", LAYERS))


def _push(image: Layout, way: Proxy, tmp_path: Path, *, tag: str = "1.0") -> Pushed:
    to = ImageReference.parse(f"{way.host}/shop:{tag}")
    return push(image.manifest("image"), image, to, store=Store(tmp_path / "store"))


def _assert_whole(registry: Ecr) -> None:
    """All is there, and nothing of it came twice."""
    registry.assert_whole()
    registry.function("1.0")
    assert [1] * CONTENTS == [*registry.received.values()]


BLOB, UPLOAD, MANIFEST = "/blobs/sha256", "/blobs/uploads/", "/manifests/"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", MANIFEST), ("HEAD", BLOB), ("POST", UPLOAD), ("PUT", UPLOAD), ("PUT", MANIFEST)]
)
def test_a_busy_registry_is_waited_for(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path, status: int, method: str, path: str
) -> None:
    """As long as it says, whatever it was asked."""
    way.faults = [Fault(method=method, path=path, times=2, status=status, headers={"Retry-After": "7"})]
    _push(image, way, tmp_path)
    _assert_whole(registry)
    assert [7, 7] == waited


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            Fault(method="HEAD", path=MANIFEST, status=401, headers={"WWW-Authenticate": 'Basic realm="ecr"'}),
            "{host} does not let us push to shop; run `docker login {host}` as somebody who may push there",
        ),
        (
            Fault(method="HEAD", path=MANIFEST, status=401),  # and no word of how to ask
            "{host} does not let us push to shop; run `docker login {host}` as somebody who may push there",
        ),
        (
            Fault(method="POST", path=UPLOAD, status=403),
            "{host} does not let us push to shop; run `docker login {host}` as somebody who may push there",
        ),
        (
            Fault(method="PUT", path=MANIFEST, status=403),
            "{host} does not let us push to shop; run `docker login {host}` as somebody who may push there",
        ),
        (
            Fault(method="POST", path=UPLOAD, status=404),
            "there is no repository shop in {host}; create it, or name one that is there",
        ),
        (
            Fault(method="PUT", path=UPLOAD, status=503),
            "{host} answered 503 6 times when {host}/shop:1.0 was pushed; push again later; what is there already is not sent again",
        ),
        (
            Fault(method="PUT", path=UPLOAD, is_cut=True),
            (
                "the connection to {host} was lost when {host}/shop:1.0 was pushed; check the network, and push again; what is there "
                "already is not sent again"
            ),
        ),
        (
            Fault(method="PUT", path=UPLOAD, is_spoiled=True),
            (
                "{host} refuses {host}/shop:1.0: Layer digest does not match its content (DIGEST_INVALID); push what it takes, or to "
                "another repository or tag"
            ),
        ),
        (
            Fault(method="PUT", path=MANIFEST, status=415),
            "{host} refuses {host}/shop:1.0: 415 Unsupported Media Type; push what it takes, or to another repository or tag",
        ),
    ],
)
def test_what_goes_wrong_for_good_is_told_and_repeating_completes(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path, fault: Fault, expected: str
) -> None:
    """No tag names anything in between, and what came is not sent again."""
    fault.times = 1000
    way.faults = [fault]
    with pytest.raises(WorkspaceError) as caught:
        _push(image, way, tmp_path)
    assert expected.format(host=way.host) == str(caught.value)
    assert {} == registry.tags["shop"]
    way.faults = []
    registry.received = type(registry.received)(
        dict.fromkeys(registry.blobs["shop"], 1)
    )  # what was spoiled did not come
    _push(image, way, tmp_path)
    fault.times = 1
    _assert_whole(registry)


def test_a_registry_that_is_not_there(image: Layout, waited: list[float], tmp_path: Path) -> None:
    """As a mistyped name has it."""
    to = ImageReference.parse("127.0.0.1:9/shop:1.0")
    with pytest.raises(WorkspaceError) as caught:
        push(image.manifest("image"), image, to, store=Store(tmp_path / "store"))
    assert str(caught.value) == (
        "127.0.0.1:9 cannot be reached to push 127.0.0.1:9/shop:1.0; check the name of the registry, and the network"
    )


def test_a_connection_that_is_cut_in_a_content_is_begun_anew(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path
) -> None:
    """At its start: the registry took nothing of it."""
    way.faults = [Fault(method="PUT", path=UPLOAD, times=2, is_cut=True)]
    assert CONTENTS == len(_push(image, way, tmp_path).sent)
    _assert_whole(registry)
    assert CONTENTS + 2 == registry.count("POST")


@pytest.mark.parametrize("immutable", [True, False])
def test_a_manifest_whose_answer_is_lost_is_pushed(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path, *, immutable: bool
) -> None:
    """An immutable tag refuses it a second time, and names it by then."""
    registry.immutable = immutable
    way.faults = [Fault(method="PUT", path=MANIFEST, is_lost=True)]
    assert _push(image, way, tmp_path).digest == registry.tags["shop"]["1.0"]
    _assert_whole(registry)
    assert 2 == registry.count("PUT", MANIFEST)


@pytest.mark.parametrize("is_same", [True, False])
def test_another_machine_that_is_faster_with_the_tag(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path, *, is_same: bool
) -> None:
    """With the same image, all is done; with another one, the registry's words are told."""
    other = image if is_same else Layout(write_layers(tmp_path / "other", LAYERS + 1))
    to = ImageReference.parse(f"{registry.host}/shop:1.0")
    theirs: list[Pushed] = []

    def be_faster() -> None:
        theirs.append(push(other.manifest("image"), other, to, store=Store(tmp_path / "another machine")))

    # This machine has asked what the tag names, and is about to put the manifest.
    way.faults = [Fault(method="HEAD", path=MANIFEST), Fault(method="HEAD", path=MANIFEST, after=be_faster)]
    if is_same:
        assert _push(image, way, tmp_path).digest == theirs[0].digest
    else:
        with pytest.raises(WorkspaceError, match="because the tag is immutable"):
            _push(image, way, tmp_path)
    assert [pushed.digest for pushed in theirs] == [registry.tags["shop"]["1.0"]]
    registry.assert_whole()


def test_a_token_that_expires_on_the_way_is_asked_for_anew(
    image: Layout, waited: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it expires at: a content is sent from its start then, and taken once."""
    own = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **more: Any) -> Any:
        return own("127.0.0.1" if host == "registry.test" else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setenv("NO_PROXY", "*")
    certificate = certificate_of(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with ecr.serving(certificate, token_uses=2) as registry:
        to = ImageReference.parse(f"{registry.host}/shop:1.0")
        push(image.manifest("image"), image, to, store=Store(tmp_path / "store"))
        _assert_whole(registry)
        assert registry.tokens > CONTENTS


def test_a_content_that_is_damaged_in_the_cache_is_not_pushed(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path
) -> None:
    """It is found when it is read, and deleted."""
    store = Store(tmp_path / "store")
    manifest = image.manifest("image")
    for entry in descriptors.parsed(manifest, "")["layers"]:
        store.add(image.blob(descriptors.Descriptor.read(entry)))
    kept = store.add([manifest])
    store.keep("images", kept.digest.partition(":")[2], {"size": kept.size, "base": f"oci:{image.path}:image"})
    layer = descriptors.Descriptor.read(descriptors.parsed(manifest, "")["layers"][1])
    place = store.path(layer.digest)
    place.write_bytes(place.read_bytes()[:-1] + b"?")
    stored = StoredImage(store=store, digest=kept.digest)
    with pytest.raises(WorkspaceError, match="was damaged; it was deleted; run the command again"):
        push(stored.manifest(), stored, ImageReference.parse(f"{way.host}/shop:1.0"), store=store)
    assert {} == registry.tags["shop"]
    assert layer.digest not in registry.blobs["shop"]
    push(stored.manifest(), stored, ImageReference.parse(f"{way.host}/shop:1.0"), store=store)
    registry.assert_whole()
    assert not store.holds(Blob(digest=layer.digest, size=layer.size))  # streamed from where it is, and not written


def test_a_password_is_nowhere_to_be_found(
    registry: Ecr, way: Proxy, waited: list[float], image: Layout, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in the cache nor in what is said, whatever goes wrong."""
    secret = "open-sesame-4711"
    encoded = base64.b64encode(f"AWS:{secret}".encode()).decode()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {way.host: {"auth": encoded}}}))
    realm = {"WWW-Authenticate": 'Basic realm="ecr"'}
    for fault in (
        Fault(method="HEAD", path=MANIFEST, status=401, headers=realm, times=99),
        Fault(method="PUT", path=UPLOAD, status=403, times=9),
        Fault(method="PUT", path=UPLOAD, is_cut=True, times=99),
    ):
        way.faults = [Fault(method="HEAD", path=MANIFEST, status=401, headers=realm), fault]
        with pytest.raises(WorkspaceError) as caught:
            _push(image, way, tmp_path)
        assert secret not in str(caught.value)
        assert encoded not in str(caught.value)
    way.faults = [Fault(method="HEAD", path=MANIFEST, status=401, headers=realm)]
    _push(image, way, tmp_path)
    said = "".join(capfd.readouterr())
    kept = [path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()]
    for text in (secret, encoded):
        assert text not in said
        assert [] == [content for content in kept if text.encode() in content]


def test_a_password_goes_to_no_other_host(registry: Ecr, way: Proxy, image: Layout, tmp_path: Path) -> None:
    """A registry may have a content sent elsewhere; what is sent there has no password."""
    encoded = base64.b64encode(b"AWS:sesame").decode()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {way.host: {"auth": encoded}}}))
    with ecr.serving() as storage:
        storage.uploads["x"] = b""
        elsewhere = {"Location": f"http://{storage.host}/v2/shop/blobs/uploads/x"}
        way.faults = [
            Fault(method="HEAD", path=MANIFEST, status=401, headers={"WWW-Authenticate": 'Basic realm="ecr"'}),
            Fault(method="POST", path=UPLOAD, status=202, headers=elsewhere),
        ]
        with pytest.raises(WorkspaceError, match="does not exist"):  # the registry was not told of it
            _push(image, way, tmp_path)
        assert 1 == storage.count("PUT")
        assert {""} == storage.passwords
        assert f"Basic {encoded}" in registry.passwords


def test_no_process_is_started_with_a_password(
    registry: Ecr, way: Proxy, image: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither among arguments nor variables: a credential helper gives it on its standard output."""
    secret = "open-sesame-4711"
    helper, seen = tmp_path / "bin/docker-credential-test", tmp_path / "seen"
    helper.parent.mkdir()
    answer = json.dumps({"Username": "AWS", "Secret": secret})
    helper.write_text(f"#!/bin/sh\n(echo \"$@\"; env) >> {seen}\ncat > /dev/null\necho '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / "docker/config.json").write_text(json.dumps({"credHelpers": {way.host: "test"}}))
    processes: list[str] = []

    def look() -> None:
        listed = subprocess.run(["ps", "axewww", "-o", "command"], check=True, capture_output=True, text=True)
        processes.append(listed.stdout)

    realm = {"WWW-Authenticate": 'Basic realm="ecr"'}
    way.faults = [
        Fault(method="HEAD", path=MANIFEST, status=401, headers=realm),
        Fault(method="PUT", path=MANIFEST, after=look),
    ]
    process = _start(image, way, tmp_path)
    assert (b"", 0) == (process.communicate(timeout=60)[1], process.returncode)
    assert "get" in seen.read_text().splitlines()
    assert secret not in seen.read_text()
    assert [True] == [f"{way.host}/shop:1.0" in listed for listed in processes]
    assert [False] == [secret in listed for listed in processes]
    _assert_whole(registry)


def test_a_full_disk_stops_no_push(registry: Ecr, way: Proxy, image: Layout, tmp_path: Path) -> None:
    """Nothing of the image is written on the way: no file of the process may have a byte here."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    process = _start(image, way, tmp_path, full)
    assert (b"", 0) == (process.communicate(timeout=60)[1], process.returncode)
    _assert_whole(registry)


def test_a_cache_that_cannot_be_used_is_told(registry: Ecr, way: Proxy, image: Layout, tmp_path: Path) -> None:
    """A push has to lock, and locks are files."""
    (tmp_path / "store").write_text("")  # no folder can be made here, whoever asks
    with pytest.raises(WorkspaceError) as caught:
        _push(image, way, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'store/locks'} could not be written or read: not a directory; make room, or give another folder with --cache (CDK_DOCKER: UV_WORKSPACE_DOCKER_CACHE)"
    )
    assert {} == registry.tags["shop"]


def _start(image: Layout, way: Proxy, tmp_path: Path, first: str = "") -> subprocess.Popen[bytes]:
    arguments = [str(image.path), f"{way.host}/shop:1.0", str(tmp_path / "store")]
    return subprocess.Popen([sys.executable, "-c", first + _PROGRAM, *arguments], stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("method", "path", "moment"),
    [
        ("HEAD", BLOB, "before"),
        ("POST", UPLOAD, "after"),
        ("PUT", UPLOAD, "before"),
        ("PUT", UPLOAD, "after"),
        ("PUT", MANIFEST, "before"),
        ("PUT", MANIFEST, "after"),
    ],
)
def test_a_process_that_is_killed_leaves_a_registry_that_the_next_completes(
    registry: Ecr, way: Proxy, image: Layout, tmp_path: Path, method: str, path: str, moment: str
) -> None:
    """At each step; its locks go with it."""
    process = _start(image, way, tmp_path)

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    way.faults = [Fault(method=method, path=path, **{moment: kill})]  # type: ignore[arg-type]
    assert -signal.SIGKILL == process.wait(60)
    assert process.stderr is not None
    process.stderr.close()
    registry.assert_whole()
    assert (moment == "after" and path == MANIFEST) == ("1.0" in registry.tags["shop"])
    _push(image, way, tmp_path)
    _assert_whole(registry)


def test_a_signal_ends_a_push_in_the_middle_of_a_content(
    registry: Ecr, way: Proxy, image: Layout, tmp_path: Path
) -> None:
    """Nobody waits until it is sent, which takes minutes here."""
    begun = threading.Event()
    way.faults.append(Fault(method="POST", path="/blobs/uploads/", after=begun.set))
    slowly = """
import time
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.processes.signals import ending_with_signals
whole, signals = Layout.blob, ending_with_signals()
signals.__enter__()
def slowly(layout, descriptor):
    for byte in b"".join(whole(layout, descriptor)):
        time.sleep(1)
        yield bytes([byte])
Layout.blob = slowly
"""
    process = _start(image, way, tmp_path, slowly)
    assert begun.wait(60)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[1]
    assert said.endswith(b"Ended: 15\n")
    assert {} == registry.tags["shop"]


def test_of_eight_processes_at_once_each_content_is_sent_by_one(
    registry: Ecr, way: Proxy, image: Layout, tmp_path: Path
) -> None:
    """And the manifest is put once: an immutable tag would refuse it a second time."""
    processes = [_start(image, way, tmp_path) for _ in range(8)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [b""] * 8 == said
    assert [0] * 8 == [process.returncode for process in processes]
    _assert_whole(registry)
    assert 1 == registry.count("PUT", MANIFEST)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"media_type": "docker", "compressed": False}, "UnsupportedImageLayerDetected"),
        ({"layer": "zstd"}, "UnsupportedImageLayerDetected"),
        ({"parents": False}, "MissingParentDirectory"),
    ],
)
def test_the_registry_of_these_tests_refuses_what_lambda_does(
    registry: Ecr, way: Proxy, tmp_path: Path, options: dict[str, object], expected: str
) -> None:
    """Each guard can fail; what is written here passes all of them, in the tests above."""
    image = Layout(write_layers(tmp_path / "bad", LAYERS, **options))  # type: ignore[arg-type]
    _push(image, way, tmp_path)
    with pytest.raises(RefusedError, match=expected):
        registry.function("1.0")


def test_lambda_takes_no_index(registry: Ecr, way: Proxy, tmp_path: Path) -> None:
    index = Layout(write_base(tmp_path / "base")).manifest("3.14")
    media_type = "application/vnd.oci.image.index.v1+json"
    registry.manifests["shop"]["sha256:0"] = media_type, index
    registry.tags["shop"]["1.0"] = "sha256:0"
    with pytest.raises(RefusedError, match="media type is not supported"):
        registry.function("1.0")
