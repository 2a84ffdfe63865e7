"""Base images made on this machine, of Debian packages and wheels, where no container registry can be reached.

They carry the names that Dockerfiles use, so that a build cannot tell the difference:

- `public.ecr.aws/lambda/python:3.14` for both processors, `:3.14-arm64`, `:3.14-x86_64`: Debian's CPython at `/var/lang`, AWS's
  runtime client, boto3 and pip, the documented `sys.path`, and an emulator of the runtime interface. It is not Amazon
  Linux: no `dnf`, a newer glibc, none of AWS's own libraries.
- `ghcr.io/astral-sh/uv:VERSION`: uv's own programs, from its wheel.

Each is written as an OCI layout that `docker load` takes. No emulation is needed to make one.
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud import debian
from local_cloud.state import LocalCloudError, run, short_hash

PYTHON_SUITE = "forky"
"""The Debian release that has CPython 3.14."""

RECIPE_LABEL = "local-cloud.recipe"
"""The label that says which recipe a stand-in was made by; a base image from elsewhere has none."""

LAMBDA_IMAGE = "public.ecr.aws/lambda/python:3.14"
LAMBDA_IMAGE_BY_ARCH = {"amd64": f"{LAMBDA_IMAGE}-x86_64", "arm64": f"{LAMBDA_IMAGE}-arm64"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_LAMBDA_FILES = Path(__file__).parent / "lambda_image"
_INSTALLED_AS = {
    "lambda-entrypoint.sh": "lambda-entrypoint.sh",
    "bootstrap": "var/runtime/bootstrap",
    "bootstrap.py": "var/runtime/bootstrap.py",
    "runtime_interface_emulator.py": "usr/local/bin/aws-lambda-rie",
}
_PACKAGES = (
    *("python3.14-minimal", "libpython3.14-stdlib", "libstdc++6"),
    *("bash", "coreutils", "sed", "grep", "findutils", "base-files"),
)
# What these depend on for being administered, not for running.
_NOT_NEEDED = {
    *("debconf", "debianutils", "gcc-16-base", "libc-gconv-modules-extra", "libcrypt1", "libdb5.3t64"),
    *("libdebconfclient0", "libsystemd0", "mawk", "netbase", "openssl-provider-legacy", "perl-base"),
    *("readline-common", "tzdata"),
}
_FOLDERS_LEFT_OUT = (
    *("./boot", "./usr/lib/systemd", "./usr/share/bug", "./usr/share/doc", "./usr/share/info"),
    *("./usr/share/lintian", "./usr/share/locale", "./usr/share/man"),
    *("./usr/lib/python3.14/EXTERNALLY-MANAGED", "./usr/lib/python3.14/sitecustomize.py"),
)
_EMPTY_FOLDERS = ("var/task", "opt", "tmp", "proc", "sys", "dev", "run", "etc/pki/tls/certs", "etc/ssl/certs")
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_NOT_COMPILED = "bad_coding|badsyntax|test/|lib2to3/tests"


def recipe() -> str:
    """What the Lambda stand-in is made by, as a short hash: it changes when a stand-in made now would be another one."""
    own = [Path(__file__), *sorted(_LAMBDA_FILES.iterdir())]
    return short_hash(*(path.read_bytes() for path in own if path.is_file()))


def make_lambda(archive: Path, cache: Path) -> None:
    """Write the Lambda base image for both processors to `archive`; `cache` holds downloads and is deleted afterwards."""
    native = debian.architecture()
    if native not in _MACHINES:
        raise LocalCloudError(f"no stand-in for the Lambda base image on {native}; on amd64 and arm64 there is one")
    roots = {arch: _lambda_root(arch, cache) for arch in _MACHINES}
    for arch in sorted(_MACHINES, key=lambda arch: arch != native):
        _compile_standard_library(roots[arch], native=roots[native])
    libraries = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    config = {
        "Env": [
            "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LANG=en_US.UTF-8",
            "TZ=:/etc/localtime",
            f"LD_LIBRARY_PATH={libraries}",
            "LAMBDA_TASK_ROOT=/var/task",
            "LAMBDA_RUNTIME_DIR=/var/runtime",
            "SSL_CERT_FILE=/etc/pki/tls/certs/ca-bundle.crt",
        ],
        "WorkingDir": "/var/task",
        "Entrypoint": ["/lambda-entrypoint.sh"],
        "Labels": {RECIPE_LABEL: recipe()},
    }
    _write_archive(archive, roots, config=config, name=LAMBDA_IMAGE, name_by_arch=LAMBDA_IMAGE_BY_ARCH)
    shutil.rmtree(cache)


def make_uv(archive: Path, cache: Path, *, version: str) -> None:
    """Write uv's image of that version for both processors to `archive`."""
    roots = {}
    for arch, machine in _MACHINES.items():
        folder = cache / f"uv-{version}-{arch}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _install_wheels(
            folder / "wheel", f"uv=={version}", platform=f"{machine}-manylinux_2_17", options=("--no-deps",)
        )
        roots[arch] = folder / "root"
        roots[arch].mkdir()
        for program in ("uv", "uvx"):
            shutil.move(folder / "wheel/bin" / program, roots[arch] / program)
    config = {"Entrypoint": ["/uv"], "WorkingDir": "/io"}
    _write_archive(archive, roots, config=config, name=f"ghcr.io/astral-sh/uv:{version}", name_by_arch={})
    shutil.rmtree(cache)


def _lambda_root(arch: str, cache: Path) -> Path:
    """The base image's files for one processor, without bytecode."""
    apt = debian.own_apt(cache, suite=PYTHON_SUITE, arch=arch)
    packages = sorted(debian.with_dependencies(apt, _PACKAGES) - _NOT_NEEDED)
    root = cache / f"root-{arch}"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for package in debian.download(apt, packages, cache / f"packages-{arch}"):
        debian.unpack(package, root, leave_out=_FOLDERS_LEFT_OUT)
    shell = root / "usr/bin/sh"
    if not shell.exists():
        shell.symlink_to("bash")
    _move_python(root)
    # What AWS ships beside Python.
    site_packages = root / "var/lang/lib/python3.14/site-packages"
    _install_wheels(site_packages, "awslambdaric", "boto3", "pip", platform=f"{_MACHINES[arch]}-manylinux_2_34")
    for source, target in _INSTALLED_AS.items():
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_LAMBDA_FILES / source, path)
        path.chmod(0o755)
    for folder in _EMPTY_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    # This machine's certificates, so that a build inside reaches what this machine reaches.
    for bundle in ("etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copyfile(_CA_BUNDLE, root / bundle)
    user = "sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/bash\n{user}")
    (root / "etc/group").write_text("root:x:0:\nsbx_user1051:x:990:\n")
    return root


def _move_python(root: Path) -> None:
    """Put Debian's Python where AWS has its own, with the layout of upstream's `site-packages`."""
    language = root / "var/lang"
    library = language / "lib/python3.14"
    (language / "bin").mkdir(parents=True)
    library.parent.mkdir()
    (root / "usr/bin/python3.14").rename(language / "bin/python3.14")
    (root / "usr/lib/python3.14").rename(library)
    for name in ("python", "python3"):
        (language / "bin" / name).symlink_to("python3.14")
    (library / "site-packages").mkdir()

    site = library / "site.py"
    text = _replaced(
        r"\n            if is_virtual_environment:.*?(?=\n            # this one is deprecated for Debian)",
        "",
        site.read_text(),
    )
    site.write_text(
        _replaced(r'(sys\.version_info|abi_thread\}"),\n(\s+)"dist-packages"\)', r'\1,\n\2"site-packages")', text)
    )
    # `site` is frozen into the program too; the two names are equally long.
    program = language / "bin/python3.14"
    code = program.read_bytes()
    if b"dist-packages" not in code:
        raise LocalCloudError("Debian's python3.14 has changed its layout; stand_ins.py must follow")
    program.write_bytes(code.replace(b"dist-packages", b"site-packages"))
    scheme = library / "sysconfig/__init__.py"
    text = _replaced(
        r"os\.environ\.get\('DEB_PYTHON_INSTALL_LAYOUT', 'posix_local'\)", "'upstream'", scheme.read_text()
    )
    scheme.write_text(_replaced(r"prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'", text))


def _replaced(pattern: str, replacement: str, text: str) -> str:
    changed, times = re.subn(pattern, replacement, text, flags=re.DOTALL)
    if times != 1:
        raise LocalCloudError(
            f"Debian's python3.14 has changed: {pattern!r} matches {times} times; stand_ins.py must follow"
        )
    return changed


def _install_wheels(folder: Path, *requirements: str, platform: str, options: Iterable[str] = ()) -> None:
    """Install wheels for another processor and Python into a folder."""
    run(
        *("uv", "pip", "install", "--quiet", "--no-config", "--only-binary=:all:", "--link-mode=copy"),
        *("--python-version=3.14", f"--python-platform={platform}", "--target", str(folder), *options, *requirements),
    )


def _compile_standard_library(root: Path, *, native: Path) -> None:
    """Add bytecode, which is the same for every processor: without it each import takes ten times as long."""
    library = Path("var/lang/lib/python3.14")
    work = native / "tmp/c"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root / library, work, symlinks=True)
    # compileall fails where one file does not compile, as some of the standard library's own tests do not.
    run(
        "/usr/sbin/chroot",
        native,
        *("/bin/sh", "-c"),
        "/var/lang/bin/python3.14 -m compileall -q --invalidation-mode=unchecked-hash"
        f" -s /tmp/c -p /{library} -x '{_NOT_COMPILED}' /tmp/c; exit 0",
        env={"PATH": "/usr/bin:/bin"},
    )
    if not any(work.glob("site-packages/boto3/__pycache__/*.pyc")):
        raise LocalCloudError("the stand-in's Python did not compile its own library")
    for folder in work.rglob("__pycache__"):
        shutil.copytree(folder, root / library / folder.relative_to(work), dirs_exist_ok=True)
    shutil.rmtree(work)


def _layer(root: Path) -> bytes:
    """A folder as a layer: files of root's, in a fixed order, at a fixed time."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for path in sorted(root.rglob("*")):
            entry = layer.gettarinfo(str(path), arcname=str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = 1_700_000_000
            if entry.isreg():
                with path.open("rb") as content:
                    layer.addfile(entry, content)
            else:
                layer.addfile(entry)
    return raw.getvalue()


@dataclass(frozen=True, slots=True)
class _Blobs:
    """The contents of an OCI layout, by digest."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def add(self, kind: str, content: bytes) -> dict[str, Any]:
        """Add a content and return its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _write_archive(
    archive: Path,
    roots: Mapping[str, Path],
    *,
    config: Mapping[str, Any],
    name: str,
    name_by_arch: Mapping[str, str],
) -> None:
    """Write an OCI layout: `name` is the image for every processor, `name_by_arch` the one for each alone."""
    created = "2026-01-01T00:00:00Z"
    index_type = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}
    blobs = _Blobs()
    manifests = []
    named = []
    for arch, root in roots.items():
        platform = {"architecture": arch, "os": "linux", **({"variant": "v8"} if arch == "arm64" else {})}
        layer = blobs.add("layer.v1.tar", _layer(root))
        content = {
            **platform,
            "created": created,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
            "history": [{"created": created, "created_by": "local stand-in"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blobs.add("config.v1+json", json.dumps(content).encode()),
            "layers": [layer],
        }
        manifests.append({**blobs.add("manifest.v1+json", json.dumps(manifest).encode()), "platform": platform})
        if arch in name_by_arch:
            named.append(_named(manifests[-1], name_by_arch[arch]))
    index = blobs.add("index.v1+json", json.dumps({**index_type, "manifests": manifests}).encode())
    top = json.dumps({**index_type, "manifests": [_named(index, name), *named]}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": top}
    files |= {f"blobs/sha256/{digest}": content for digest, content in sorted(blobs.contents.items())}
    part = archive.with_name(archive.name + ".part")
    with tarfile.open(part, "w") as out:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    part.replace(archive)


def _named(descriptor: Mapping[str, Any], name: str) -> dict[str, Any]:
    tag = name.rpartition(":")[2]
    annotations = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
    return {**descriptor, "annotations": annotations}
