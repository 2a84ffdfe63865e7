"""The sample's services, built for arm64 as the CDK CLI builds them, run as Lambda runs them, each sent one real event."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
from images.aws import Aws, running
from images.engine import Engine, Image
from images.probes import BYTECODE
from images.shop import stage

ROOT = Path(__file__).parents[2]
SERVICES = ("ingestion-worker", "query-api", "daily-report", "legacy-export")
EVENT = {"id": "e-1", "source": "shop", "type": "sale", "time": "2026-01-17T02:31:00Z", "data": {"value": 4.5}}
TABLE = {"TABLE_NAME": "events", "SOURCE_INDEX": "by-source", "DAY_INDEX": "by-day"}
OF_THE_BUILD = {"INSTALLER", "direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED", "RECORD", ".lock"}


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Image]:
    """Each service's image."""
    folder = tmp_path_factory.mktemp("contexts")
    return {name: engine.build(*stage(ROOT, name, folder / name)) for name in SERVICES}


@pytest.fixture(scope="module")
def aws(engine: Engine) -> Iterator[Aws]:
    """The table and the bucket that the services share."""
    with running(engine) as found:
        yield found


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_for_arm64_alone(images: Mapping[str, Image], service: str) -> None:
    """One manifest of one platform: what Lambda takes."""
    (inspected,) = json.loads(images[service].engine.docker("image", "inspect", images[service].name))
    assert inspected["Architecture"] == "arm64"
    assert images[service].stored.config["architecture"] == "arm64"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_what_uv_installs_and_its_bytecode(
    images: Mapping[str, Image], service: str, tmp_path: Path
) -> None:
    """Every file above the base image: those of an install by uv on this machine from the uncut lock, and no other."""
    expected = _installed_by_uv(service, tmp_path)
    files = {path.removeprefix("var/task/"): content for path, content in images[service].stored.files.items()}
    compiled = {path for path in files if path.endswith(".pyc")}
    held = {path for path in files.keys() - compiled if not path.endswith("/RECORD")}
    # Thousands of files: what differs, not pytest's comparison of all.
    assert sorted(held ^ expected.keys()) == []
    assert sorted(path for path in held if _without_generator(files[path]) != _without_generator(expected[path])) == []
    sources = {_source(PurePosixPath(path)) for path in compiled}
    assert sources <= expected.keys()
    assert len(sources) == len(compiled)


def _installed_by_uv(service: str, folder: Path) -> dict[str, bytes]:
    project = ROOT / "services/legacy_export" if service == "legacy-export" else ROOT
    exported = ["export", "--frozen", "--no-default-groups", "--no-editable", "--no-hashes", "--package", service]
    _uv(*exported, "--quiet", "--output-file", str(folder / "requirements.txt"), cwd=project)
    target = folder / "target"
    platform = ["--python-platform=aarch64-manylinux_2_34", "--python-version=3.14"]
    options = ["--no-deps", "--link-mode=copy", "--target", str(target), "-r", str(folder / "requirements.txt")]
    _uv("pip", "install", "--quiet", *platform, *options, cwd=project)
    files = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    # The image's two differences, said in docs/dockerfile.md: no launchers, and scripts that take the Python on the path.
    launchers = {
        f"bin/{entry.name}"
        for distribution in metadata.distributions(path=[str(target)])
        for entry in distribution.entry_points.select(group="console_scripts")
    }
    return {
        path: re.sub(rb"\A#!\S*/python\n", b"#!/usr/bin/env python3\n", place.read_bytes())
        for path, place in files.items()
        if place.name not in OF_THE_BUILD and path not in launchers and "__pycache__" not in path
    }


def _without_generator(content: bytes) -> bytes:
    """A WHEEL file names the uv that built it, and this machine's may be another than the image's."""
    return re.sub(rb"(?m)^Generator: uv .*$", b"", content)


def _uv(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(["uv", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _source(compiled: PurePosixPath) -> str:
    assert compiled.parent.name == "__pycache__"
    return (compiled.parents[1] / f"{compiled.name.removesuffix('.cpython-314.pyc')}.py").as_posix()


def test_services_share_the_layers_of_equal_packages(images: Mapping[str, Image]) -> None:
    """The two services that need the same third-party packages and libraries differ in their code."""
    one, other = images["ingestion-worker"].stored.digests, images["query-api"].stored.digests
    assert {name for name in one if one[name] != other[name]} == {"code"}


def test_bytecode_is_used_on_arm64(images: Mapping[str, Image]) -> None:
    """By the Python of the image itself, which runs on the processor it was not compiled on."""
    found = json.loads(images["ingestion-worker"].python(BYTECODE))
    assert found.pop("modules") > 100
    assert [problem for problem, paths in found.items() if paths] == []


def test_an_event_goes_through_all_services(images: Mapping[str, Image], aws: Aws) -> None:
    """Stored by one, found by another, counted by the third, exported by the fourth; a poison record fails alone."""
    records = [{"messageId": "good", "body": json.dumps(EVENT)}, {"messageId": "poison", "body": "no JSON"}]
    answer = aws.invoke(images["ingestion-worker"], "ingestion_worker.main.handler", {"Records": records}, TABLE)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}

    request = {
        "version": "2.0",
        "rawPath": "/events/e-1",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/events/e-1"}, "stage": "$default"},
        "isBase64Encoded": False,
    }
    answer = aws.invoke(images["query-api"], "query_api.main.handler", request, TABLE)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["data"] == EVENT["data"]

    bucket = {**TABLE, "BUCKET_NAME": "reports", "REPORT_PREFIX": "reports/", "EXPORT_PREFIX": "exports/"}
    day = {"date": "2026-01-17"}
    answer = aws.invoke(images["daily-report"], "daily_report.main.handler", day, bucket)
    assert answer["events"] == 1
    assert set(aws.objects) == {"/reports/reports/2026-01-17/events.csv", "/reports/reports/2026-01-17/summary.json"}
    answer = aws.invoke(images["legacy-export"], "legacy_export.main.handler", day, bucket)
    assert answer["events"] == 1
    assert "/reports/exports/2026-01-17.txt" in aws.objects


def test_a_build_by_hand_from_the_root_makes_the_same_layers(engine: Engine, images: Mapping[str, Image]) -> None:
    """With the Dockerfile where it is kept, and the service by its folder's name."""
    dockerfile = "--file=infra/uv_workspace_function/Dockerfile"
    by_hand = engine.build(ROOT, {"SERVICE_NAME": "ingestion_worker"}, dockerfile)
    assert by_hand.stored.digests == images["ingestion-worker"].stored.digests
