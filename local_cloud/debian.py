"""Debian packages of another release, fetched and unpacked without being installed.

The machine's own apt, its sources and its state stay untouched: each release and architecture gets an apt of its own
in the cache folder, on the mirror that the machine itself uses.
"""

import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local_cloud.state import LocalCloudError, have, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def is_debian() -> bool:
    """Whether this machine is a Debian, whose packages and keys can be used."""
    try:
        return platform.freedesktop_os_release()["ID"] == "debian" and KEYRING.exists()
    except OSError:
        return False


def architecture() -> str:
    """The machine's architecture in Debian's spelling: `amd64`, `arm64`."""
    return run("dpkg", "--print-architecture").strip()


def mirror() -> str:
    """The address of the archive that this machine's apt has for its own release (not a security or vendor's archive)."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    listed = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    for line in listed.splitlines():
        address, suite, component = line.split()
        if (suite, component) == (release, "main"):
            return address
    raise LocalCloudError(f"apt has no source for Debian {release} main; add one to its sources")


def own_apt(cache: Path, *, suite: str, arch: str) -> dict[str, str]:
    """The environment of an apt that knows one suite and architecture only, its index fetched."""
    root = cache / f"apt-{suite}-{arch}"
    for folder in ("state/lists/partial", "cache/archives/partial", "etc/none.d"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "state/status").touch()
    (root / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    (root / "apt.conf").write_text(
        f"""\
APT::Architecture "{arch}"; APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Retries "3";
Dir::State "{root}/state"; Dir::State::status "{root}/state/status"; Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "{root}/etc/sources.list"; Dir::Etc::sourceparts "{root}/etc/none.d";
Dir::Etc::preferencesparts "{root}/etc/none.d"; Dir::Etc::preferences "{root}/etc/none";
"""
    )
    environment = {"APT_CONFIG": str(root / "apt.conf")}
    run("apt-get", "-qq", "update", env=environment)
    return environment


def with_dependencies(apt: dict[str, str], packages: Iterable[str]) -> set[str]:
    """The packages and everything they depend on, as that apt resolves them."""
    simulated = run("apt-get", "install", "-s", "--no-install-recommends", *packages, env=apt)
    return {line.split()[1].split(":")[0] for line in simulated.splitlines() if line.startswith("Inst ")}


def download(apt: dict[str, str], packages: Iterable[str], folder: Path) -> list[Path]:
    """Fetch packages into a folder that holds nothing else; returns the files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run("apt-get", "-qq", "download", *packages, env=apt, cwd=folder)
    return sorted(folder.glob("*.deb"))


def unpack(package: Path, root: Path, *, leave_out: Iterable[str] = (), only: Iterable[str] = ()) -> None:
    """Unpack a package's files below `root`: all but `leave_out`, or those alone that match `only`."""
    patterns = [f"--exclude={pattern}" for pattern in leave_out]
    if only:
        patterns += ["--wildcards", *only]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as files:
        tar = subprocess.run(
            ["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner", *patterns],
            check=False,
            stdin=files.stdout,
            capture_output=True,
            text=True,
        )
    # A package may have none of the files asked for with `only`: tar calls that an error.
    if files.returncode or (tar.returncode and not only):
        raise LocalCloudError(f"could not unpack {package.name}: {tar.stderr.strip()[-300:]}")


def install(packages: Iterable[str]) -> None:
    """Install packages of the machine's own release, for good."""
    if not have("apt-get"):
        raise LocalCloudError(f"apt-get is missing, and with it the way to {', '.join(packages)}")
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-qq", "update", env=environment)
    run(
        "apt-get",
        *("-qq", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"),
        *packages,
        env=environment,
    )
