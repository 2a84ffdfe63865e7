"""The target in uv's own terms: uv is asked what it takes, and the target has to say the same.

Covers also: target/machines.py.
"""

from pathlib import Path

import pytest
import uv_workspace_function
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.tags import parse_tag
from uv_workspace_function.context.dockerfile import Dockerfile
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target import managed_runtime
from uv_workspace_function.target.machines import Machine
from uv_workspace_function.target.target import PYTHON_VERSION, Target
from wheelhouse import uv, wheel

TAGS = [
    "cp2-none-any",
    "cp3-none-any",
    "cp31-abi3-linux_{machine}",
    "cp310-abi3-manylinux2014_{machine}",
    "cp313-cp313-manylinux_2_17_{machine}",
    "cp313-none-any",
    "cp313-none-manylinux_2_17_{machine}",
    "cp314-abi3-any",
    "cp314-abi3.abi3t-manylinux_2_17_{machine}",
    "cp314-cp314-any",
    "cp314-cp314-linux_{machine}",
    "cp314-cp314-manylinux_2_16_{machine}",
    "cp314-cp314-manylinux_2_17_{machine}.manylinux2014_{machine}",
    "cp314-cp314-manylinux_2_17_{machine}.musllinux_1_2_{machine}",
    "cp314-cp314-manylinux_2_34_{machine}",
    "cp314-cp314-manylinux_2_35_{machine}",
    "cp314-cp314-manylinux_2_5_{machine}.manylinux1_{machine}",
    "cp314-cp314-musllinux_1_2_{machine}",
    "cp314-cp314-win_arm64",
    "cp314-cp314t-manylinux_2_17_{machine}",
    "cp314-none-any",
    "cp314-none-manylinux_2_28_{machine}",
    "cp315-abi3.abi3t-manylinux_2_17_{machine}",
    "cp315-cp315-manylinux_2_17_{machine}",
    "cp32-abi3-linux_{machine}",
    "pp311-pypy311_pp73-manylinux_2_17_{machine}",
    "py2-none-any",
    "py2.py3-none-any",
    "py3-abi3-manylinux_2_17_{machine}",
    "py3-none-any",
    "py3-none-linux_{machine}",
    "py3-none-macosx_11_0_arm64",
    "py3-none-manylinux1_{machine}",
    "py3-none-manylinux2010_{machine}",
    "py313-none-manylinux_2_17_{machine}",
    "py314-none-any",
    "py315-none-any",
]
PACKAGE = Path(uv_workspace_function.__file__).parent
MACHINES: tuple[Machine, ...] = ("aarch64", "x86_64")


def uv_installs(requirement: str, wheels: Path, target: Target) -> bool:
    """Whether uv would install a requirement of `tiny` on the target, from wheels alone."""
    asked = wheels / "requirements.txt"
    asked.write_text(requirement)
    installed = uv(
        *("pip", "install", "--dry-run", "--target", "installed", "--requirements", asked),
        *("--no-index", "--find-links", wheels, "--only-binary", ":all:"),
        *("--python-platform", target.uv_platform, "--python-version", target.python),
        cwd=wheels,
        check=False,
    )
    assert installed.returncode == 0 or "no wheels" in installed.stderr, installed.stderr
    return "+ tiny==1.0" in installed.stderr


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tag", TAGS)
def test_a_wheel_is_taken_where_uv_takes_it(tag: str, machine: Machine, tmp_path: Path) -> None:
    target = Target(machine=machine)
    tag = tag.format(machine=machine)
    wheel(tmp_path, "tiny", tag=tag)
    assert uv_installs("tiny", tmp_path, target) == (not parse_tag(tag).isdisjoint(target.tags))


pythons = st.sampled_from(["py2", "py3", "py312", "py314", "cp36", "cp312", "cp314", "cp315", "pp311"])
abis = st.sampled_from(["none", "abi3", "abi3t", "cp312", "cp314", "cp314t"])
platforms = st.sampled_from(["any", "win_amd64", "macosx_11_0_arm64"]) | st.builds(
    "{}_{}".format,
    st.sampled_from(["linux", "manylinux1", "manylinux2014", "musllinux_1_2"])
    | st.integers(0, 42).map(lambda minor: f"manylinux_2_{minor}"),
    st.sampled_from(["aarch64", "x86_64", "i686"]),
)
compressed_tags = st.tuples(
    *(st.lists(part, min_size=1, max_size=2, unique=True) for part in (pythons, abis, platforms))
)


@settings(max_examples=60, derandomize=True)
@given(
    compressed_tags.map(lambda tag: "-".join(".".join(part) for part in tag)),
    st.sampled_from(["3.12", "3.14"]),
    st.sampled_from(MACHINES),
    st.sampled_from([17, 28, 34]),
)
def test_any_wheel_is_taken_where_uv_takes_it(
    tmp_path_factory: pytest.TempPathFactory, tag: str, python: str, machine: Machine, glibc: int
) -> None:
    """The same for made-up tags, compressed sets among them, on older C libraries and another Python as well."""
    folder = tmp_path_factory.mktemp("wheels")
    target = Target(python=python, machine=machine, glibc=(2, glibc))
    wheel(folder, "tiny", tag=tag)
    assert uv_installs("tiny", folder, target) == (not parse_tag(tag).isdisjoint(target.tags))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("variable", Target().environment)
def test_a_marker_variable_has_the_value_that_uv_gives_it(variable: str, machine: Machine, tmp_path: Path) -> None:
    target = Target(machine=machine)
    wheel(tmp_path, "tiny")
    value = target.environment[variable]
    assert uv_installs(f"tiny ; {variable} == '{value}'", tmp_path, target)
    assert not uv_installs(f"tiny ; {variable} != '{value}'", tmp_path, target)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tag", ["manylinux_2_17", "manylinux2014", "linux", *(f"musllinux_1_{n}" for n in range(4))])
def test_a_wheel_for_musl_is_taken_where_uv_takes_it(tag: str, machine: Machine, tmp_path: Path) -> None:
    target = Target.of(machine=machine, uv_platform=f"{machine}-unknown-linux-musl")
    wheel(tmp_path, "tiny", tag=f"cp314-cp314-{tag}_{machine}")
    assert uv_installs("tiny", tmp_path, target) == any(f"{tag}_{machine}" == taken.platform for taken in target.tags)


@pytest.mark.parametrize(
    ("python", "platform"),
    [("3.10", "manylinux_2_17"), ("3.11", "manylinux_2_17"), ("3.12", "manylinux_2_34"), ("3.14", "manylinux_2_34")],
)
def test_the_default_is_what_the_base_image_of_a_python_takes(python: str, platform: str) -> None:
    """Amazon Linux 2 with glibc 2.26 until 3.11, Amazon Linux 2023 with 2.34 since."""
    assert f"x86_64-{platform}" == Target.of(python=python, machine="x86_64").uv_platform


@pytest.mark.parametrize("name", ["aarch64-manylinux_2_17", "aarch64-manylinux_2_40", "aarch64-unknown-linux-musl"])
def test_a_platform_keeps_its_name(name: str) -> None:
    assert name == Target.of(uv_platform=name).uv_platform


def test_manylinux2014_is_glibc_2_17() -> None:
    """PEP 600's name for what PEP 599 has."""
    assert "aarch64-manylinux_2_17" == Target.of(uv_platform="aarch64-manylinux2014").uv_platform


def test_the_environment_has_every_variable_of_the_standard() -> None:
    """A variable left out would be answered from the machine that synthesizes."""
    assert sorted(Target().environment) == [
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    ]


def test_no_marker_always_holds() -> None:
    assert Target().satisfies(None)


def test_a_marker_is_answered_for_the_target_and_not_for_this_machine() -> None:
    assert Target(machine="x86_64").satisfies("platform_machine == 'x86_64'")
    assert not Target(machine="x86_64").satisfies("platform_machine == 'aarch64'")
    assert Target(machine="aarch64").satisfies("platform_machine == 'aarch64'")
    assert Target(python="3.99").satisfies("python_full_version >= '3.98.1'")


def test_a_marker_on_a_patch_version_may_hold() -> None:
    """Which one an image has is not known here."""
    assert Target().may_satisfy("python_full_version >= '3.14.2' and sys_platform == 'linux'")
    assert not Target().may_satisfy("python_full_version < '3.14'")
    assert not Target().may_satisfy("python_full_version >= '3.14.2' and sys_platform == 'darwin'")


def test_docker_has_its_own_names_for_the_machines() -> None:
    assert [Target(machine=machine).docker_platform for machine in MACHINES] == ["linux/arm64", "linux/amd64"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"python": "3.14.2"}, "python must be a minor version such as '3.14', not '3.14.2'"),
        ({"machine": "arm64"}, "Lambda does not run on the machine 'arm64'; machines are: aarch64, x86_64"),
        (
            {"glibc": (2, 30)},
            (
                "uv has no platform with glibc 2.30; it knows: "
                "2.17, 2.28, 2.31, 2.32, 2.33, 2.34, 2.35, 2.36, 2.37, 2.38, 2.39, 2.40"
            ),
        ),
    ],
)
def test_a_platform_without_a_name_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(WorkspaceError) as refusal:
        Target(**values)  # type: ignore[arg-type]
    assert str(refusal.value) == message


def test_an_unreadable_marker_is_refused_with_the_remedy() -> None:
    with pytest.raises(WorkspaceError) as refusal:
        Target().satisfies("python_version >")
    assert str(refusal.value) == "the lock has a marker that cannot be read: 'python_version >'; run `uv lock`"


def test_the_default_python_is_that_of_the_dockerfile_and_has_a_runtime() -> None:
    """A build by hand, without arguments, is for the Python that the constructs and the commands take."""
    dockerfile = Dockerfile.parse((PACKAGE / "Dockerfile").read_text())
    assert PYTHON_VERSION == dockerfile.arguments["PYTHON_VERSION"]
    assert PYTHON_VERSION in managed_runtime.PYTHONS
