"""The container engine: the machine's own Docker, else one brought along; and a registry beside the one brought along.

Bringing one along takes root on Debian: Docker, buildx, an emulator of arm64 and a registry are unpacked (not installed)
below the state folder, and run from there on a network bridge of their own, so that they disturb no other engine.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import socket
from pathlib import Path

from local_cloud import debian, stand_ins
from local_cloud.state import (
    PROJECT,
    Daemon,
    LocalCloudError,
    answers,
    choose_port,
    delete_state,
    have,
    home,
    run,
    say,
    shell_exports,
    short_hash,
    wait_until,
    warn,
    write_whole,
)

ENGINE_SUITE = "trixie"
"""The Debian release that the engine's programs come from."""

_PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd", "qemu-user", "docker-registry")
_PROGRAMS = (
    *("./usr/sbin/docker*", "./usr/bin/docker*", "./usr/libexec/docker/*"),
    *("./usr/bin/containerd*", "./usr/bin/qemu-aarch64"),
)
# Small system parts that the engine calls and that only work when installed: program, package.
_SYSTEM_PARTS = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}
# The first bytes of an arm64 program and which of them count, as binfmt_misc takes them.
_ARM64_MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_ARM64_MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_ARM64_MAGIC_SHOWN = "magic 7f454c460201010000000000000000000200b700"
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
# A unix socket's path has at most 107 characters, and containerd makes one well below this folder.
_LONGEST_RUN_FOLDER = 50
# How often dockerd is started before it is given up.
_STARTS = 3


def uv_version() -> str:
    """The version of uv that the Dockerfile pins: the one place that says it."""
    asked = os.environ.get("UV_VERSION")
    if asked:
        return asked
    dockerfile = PROJECT / "infra/uv_workspace_function/Dockerfile"
    found = re.search(r"^ARG UV_IMAGE=[^@\s]*:([0-9.]+)", dockerfile.read_text(), flags=re.MULTILINE)
    if found is None:
        raise LocalCloudError(
            f"{dockerfile.name} has no line 'ARG UV_IMAGE=...:VERSION', which says which uv to provide"
        )
    return found[1]


def environment() -> dict[str, str]:
    """What a process needs to reach the engine, as the last `up` left it: `DOCKER_HOST`, `PATH`, ..., `LOCAL_REGISTRY`.

    `LOCAL_REGISTRY` is the registry's `host:port`, or "" where the emulator's own is used.
    """
    try:
        saved: dict[str, str] = json.loads((home() / "engine.json").read_text())
    except OSError:
        return {}
    programs = saved.pop("PROGRAMS", "")
    path = os.environ.get("PATH", os.defpath)
    if programs and programs not in path.split(os.pathsep):
        saved["PATH"] = f"{programs}{os.pathsep}{path}"
    return saved


def is_up() -> bool:
    """Whether an engine answers, without starting one: the environment's, else the one that the last `up` found or started.

    The latter's variables are in the environment afterwards, so that `up` uses it.
    """
    if _own_engine().pid is not None or (have("docker") and _answers({})):
        return True
    reach = environment()
    if not (reach and _answers(reach)):
        return False
    os.environ.update(reach)
    return True


def is_prepared() -> bool:
    """Whether an engine that is up has its base images, so that `up` takes seconds."""
    return bool(environment()) and (
        _own_engine().pid is None or all(_loaded(archive).exists() for archive in _archives())
    )


def up() -> bool:
    """Have an engine answer, with the base images in it. Returns whether one was started for it.

    Raises `LocalCloudError` where there is no engine and none can be brought along.
    """
    own = _own_engine()
    if own.pid is None and have("docker") and _answers({}):
        _use_the_machines_own()
        return False
    _require_debian_root()
    started = own.pid is None
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # The base images take the longest: they are made while the engine comes up. One that is up may have them all.
        made = pool.submit(_make_stand_ins) if started else None
        _unpack_engine()
        if started:
            _install_system_parts()
            _register_arm64()
            _start_engine(own)
        reach = _reach_own_engine()
        _wait_for_engine(own, reach)
        say(f"engine {'up' if started else 'was up'}: docker {_server_version(reach)}")
        registry = _start_registry()
        _save_environment({**reach, "LOCAL_REGISTRY": registry}, programs=_folder() / "bin")
        if made:
            made.result()
    _load_stand_ins(reach)
    say(f"engine ready; a shell reaches it after:  . {home() / 'engine.env'}")
    return started


def down(*, wipe: bool = False) -> None:
    """End what `up` started, by pid; `wipe` deletes everything the local cloud keeps as well."""
    registry, own = _registry(), _own_engine()
    if registry.stop(seconds=10):
        # Each emulator starts with empty repositories: nothing in here is asked for again.
        shutil.rmtree(home() / "registry/data", ignore_errors=True)
    if own.stop(seconds=60):
        _clear_leftovers()
        bridge = _bridge_name()
        if have("ip") and _has_bridge(bridge):
            run("ip", "link", "del", bridge)
        say("engine ended")
    entry = _BINFMT / "qemu-aarch64"
    with contextlib.suppress(OSError):
        if f"interpreter {_folder()}/" in entry.read_text():
            entry.write_text("-1")
    for name in ("engine.env", "engine.json"):
        (home() / name).unlink(missing_ok=True)
    if wipe:
        delete_state()


def bridge_address() -> str | None:
    """The address at which containers reach this machine, where it is an address of this machine.

    It is not where the engine runs in a virtual machine: `host.docker.internal` leads from there to loopback.
    """
    template = "{{(index .IPAM.Config 0).Gateway}}"
    try:
        address = run("docker", "network", "inspect", "bridge", "-f", template, env=environment()).strip()
        with socket.socket() as probe:
            probe.bind((address, 0))
    except (LocalCloudError, OSError):
        return None
    return address


def address_for_containers() -> tuple[str, str]:
    """The address to listen at for containers, and the name that they reach it by."""
    bridge = bridge_address()
    return (bridge, bridge) if bridge else ("127.0.0.1", "host.docker.internal")


def forget_repositories(prefix: str) -> None:
    """Drop the repositories of that prefix from the registry that was brought along; their blobs go with the engine."""
    for repository in (home() / "registry/data/docker/registry/v2/repositories").glob(f"{prefix}.*"):
        shutil.rmtree(repository, ignore_errors=True)


# --- an engine that somebody else runs ---


def _use_the_machines_own() -> None:
    """Use the Docker that answers, if it has or can pull the base images, or takes stand-ins."""
    say(
        f"using the Docker that answers: {_server_version({})} at {os.environ.get('DOCKER_HOST', 'its default address')}"
    )
    try:
        run("docker", "buildx", "version")
    except LocalCloudError:
        raise LocalCloudError(
            "Docker has no buildx, which builds for arm64 need; install it (Debian, Ubuntu: docker-buildx)"
        ) from None
    missing = [name for name in _base_images() if not _present(name, {})]
    for name in missing:
        try:
            run("docker", "pull", "--quiet", name, timeout=300)
        except LocalCloudError as error:
            _replace_by_stand_ins(name, reason=error)
            break
    reach = {
        name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG") if name in os.environ
    }
    # A shell that has sourced another state folder's engine.env names that one's registry.
    registry = os.environ.get("LOCAL_REGISTRY", "")
    if not (registry and _registry_answers(registry)):
        registry = ""
    _save_environment({**reach, "LOCAL_REGISTRY": registry}, programs=None)
    _prove_arm64({})


def _replace_by_stand_ins(name: str, *, reason: LocalCloudError) -> None:
    """Load stand-ins into the machine's own engine, where that is possible."""
    status = run("docker", "info", "-f", "{{.DriverStatus}}")
    if not debian.is_debian() or "containerd.snapshotter" not in status:
        raise LocalCloudError(
            f"the base image {name} is not there and cannot be pulled, and this machine cannot make a stand-in (that "
            f"takes Debian, and a Docker with the containerd image store): {reason}"
        )
    say(f"{name} cannot be pulled: making stand-ins")
    _load_stand_ins({})


# --- the engine that is brought along ---


def _folder() -> Path:
    return home() / "engine"


def _own_engine() -> Daemon:
    return Daemon(pid_file=_folder() / "docker.pid", word=str(_folder()))


def _require_debian_root() -> None:
    if debian.is_debian() and os.geteuid() == 0:
        return
    raise LocalCloudError(
        "no container engine answers, and one can be brought along on Debian as root only. Install Docker and start it "
        "(macOS: Docker Desktop; Linux: your distribution's docker and docker-buildx, and your user in the group "
        "'docker'), then run this again. `make synth` and `make test` need no engine"
    )


def _unpack_engine() -> None:
    root = _folder() / "root"
    if (root / "usr/bin/docker-registry").exists():
        return
    part = _folder() / "root.part"
    cache = home() / "cache-engine"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    apt = debian.own_apt(cache, suite=ENGINE_SUITE, arch=debian.architecture())
    for package in debian.download(apt, _PACKAGES, cache / "packages"):
        debian.unpack(package, part, only=_PROGRAMS)
    shutil.rmtree(cache)
    shutil.rmtree(root, ignore_errors=True)
    part.rename(root)
    programs = _folder() / "bin"
    programs.mkdir(exist_ok=True)
    for program in [*(root / "usr/sbin").iterdir(), *(root / "usr/bin").iterdir()]:
        link = programs / program.name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    plugins = _folder() / "cfg/cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    buildx = plugins / "docker-buildx"
    buildx.unlink(missing_ok=True)
    buildx.symlink_to(root / "usr/libexec/docker/cli-plugins/docker-buildx")
    say(f"engine unpacked (Debian {ENGINE_SUITE})")


def _install_system_parts() -> None:
    missing = [package for program, package in _SYSTEM_PARTS.items() if not have(program)]
    if missing:
        debian.install(missing)
        say(f"installed with apt: {' '.join(missing)}")


def _register_arm64() -> None:
    """Let the kernel run arm64 programs through qemu, in containers too.

    Flag F opens the interpreter now, so that it is found from inside a container's file system.
    """
    if debian.architecture() == "arm64":
        return
    if not (_BINFMT / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT)
    for entry in _BINFMT.iterdir():
        if entry.name not in ("register", "status") and _ARM64_MAGIC_SHOWN in entry.read_text():
            return
    interpreter = _folder() / "root/usr/bin/qemu-aarch64"
    magic, mask = (
        "".join(f"\\x{byte:02x}" for byte in value.decode("unicode_escape").encode("latin-1"))
        for value in (_ARM64_MAGIC, _ARM64_MASK)
    )
    try:
        (_BINFMT / "register").write_text(f":qemu-aarch64:M::{magic}:{mask}:{interpreter}:OPF")
    except OSError as error:
        raise LocalCloudError(f"the kernel does not take qemu for arm64 programs: {error}") from error
    say("arm64 emulation registered")


def _run_folder() -> Path:
    """Where the engine's sockets are."""
    folder = _folder()
    if len(str(folder)) <= _LONGEST_RUN_FOLDER:
        return folder
    return Path(f"/run/local-cloud-{short_hash(str(folder).encode())}")


def _bridge_name() -> str:
    """The network bridge of this state folder's engine; a network interface's name has at most 15 characters."""
    return f"lc-{short_hash(str(_folder()).encode())}"


def _has_bridge(name: str) -> bool:
    return Path(f"/sys/class/net/{name}").exists()


def _add_bridge() -> str:
    name = _bridge_name()
    if not _has_bridge(name):
        used = run("ip", "-4", "-o", "addr", "show") + run("ip", "-4", "route", "show")
        free = next((n for n in range(77, 255) if f"172.29.{n}." not in used), None)
        if free is None:
            raise LocalCloudError(
                "no network between 172.29.77.0/24 and 172.29.254.0/24 is free for the engine's bridge"
            )
        run("ip", "link", "add", name, "type", "bridge")
        run("ip", "addr", "add", f"172.29.{free}.1/24", "dev", name)
    run("ip", "link", "set", name, "up")
    return name


def _start_engine(own: Daemon) -> None:
    folder, sockets = _folder(), _run_folder()
    _clear_leftovers()
    sockets.mkdir(parents=True, exist_ok=True)
    (folder / "run").write_text(f"{sockets}\n")
    (folder / "daemon.json").write_text('{"features": {"buildkit": true, "containerd-snapshotter": true}}\n')
    own.start(
        [
            folder / "bin/dockerd",
            *("--config-file", folder / "daemon.json", "--data-root", folder / "data", "--exec-root", sockets / "exec"),
            # A pid file of dockerd's own would make it refuse to start after one that was killed.
            *("--pidfile", "", "--bridge", _add_bridge(), "-H", f"unix://{sockets}/docker.sock"),
        ],
        log=folder / "dockerd.log",
        env={**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
    )


def _reach_own_engine() -> dict[str, str]:
    sockets = (_folder() / "run").read_text().strip()
    programs = str(_folder() / "bin")
    return {
        "DOCKER_HOST": f"unix://{sockets}/docker.sock",
        "DOCKER_CONFIG": str(_folder() / "cfg"),
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def _wait_for_engine(own: Daemon, reach: dict[str, str]) -> None:
    """Wait until dockerd answers; one that ended, as it does where its containerd needs longer, is started again."""
    log = _folder() / "dockerd.log"
    for start in range(_STARTS):
        if start:
            warn(f"dockerd ended and is started again: {_last_line(log)}")
            _start_engine(own)
        wait_until(lambda: own.pid is None or _answers(reach), 60, f"dockerd does not answer; its log is {log}")
        if _answers(reach):
            return
    raise LocalCloudError(f"dockerd ended {_STARTS} times: {_last_line(log)}; its log is {log}")


def _last_line(log: Path) -> str:
    return next(reversed(log.read_text(errors="replace").splitlines()), "it said nothing")


def _clear_leftovers() -> None:
    """End and unmount what outlives a dockerd that was killed: its containerd, which holds the data, and its mounts."""
    containerd = _run_folder() / "exec/containerd/containerd.pid"
    Daemon(pid_file=containerd, word=str(_run_folder())).stop(seconds=60)
    folders = (f"{_run_folder()}/", f"{_folder()}/data/")
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in sorted((path for path in mounted if f"{path}/".startswith(folders)), reverse=True):
        with contextlib.suppress(LocalCloudError):
            run("umount", path)


# --- the registry ---


def _registry() -> Daemon:
    return Daemon(pid_file=home() / "registry/pid", word=str(home() / "registry"))


def _registry_port() -> int:
    return int((home() / "registry/port").read_text())


def _start_registry() -> str:
    """Start the registry that ECR's repositories are kept in; returns its `host:port`."""
    folder, registry = home() / "registry", _registry()
    if registry.pid is None:
        folder.mkdir(exist_ok=True)
        port = choose_port("REGISTRY_PORT", 5055)
        (folder / "port").write_text(f"{port}\n")
        configuration = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{port}"},
        }
        # YAML takes JSON.
        (folder / "config.yml").write_text(json.dumps(configuration, indent=2) + "\n")
        registry.start(
            [_folder() / "root/usr/bin/docker-registry", "serve", folder / "config.yml"],
            log=folder / "log",
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
    address = f"127.0.0.1:{_registry_port()}"
    wait_until(
        lambda: _registry_answers(address),
        10,
        f"the registry at {address} does not answer; its log is {folder / 'log'}",
    )
    say(f"registry up: {address}")
    return address


def _registry_answers(address: str) -> bool:
    return answers(f"{address}/v2/")


# --- the base images ---


def _base_images() -> tuple[str, ...]:
    return (stand_ins.LAMBDA_IMAGE, *stand_ins.LAMBDA_IMAGE_BY_ARCH.values(), _uv_image())


def _uv_image() -> str:
    return f"ghcr.io/astral-sh/uv:{uv_version()}"


def _archives() -> tuple[Path, Path]:
    folder = home() / "images"
    return folder / f"lambda-{stand_ins.recipe()}.tar", folder / f"uv-{uv_version()}.tar"


def _loaded(archive: Path) -> Path:
    """The file that says an archive was loaded, after which it is deleted: the engine keeps the images."""
    return archive.with_name(f"{archive.name}.loaded")


def _make_stand_ins() -> None:
    """Make those that were never made; the engine keeps what was loaded."""
    for archive in _archives():
        if not (archive.exists() or _loaded(archive).exists()):
            _make_stand_in(archive)


def _make_stand_in(archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    kind = archive.name.partition("-")[0]
    if kind == "uv":
        stand_ins.make_uv(archive, home() / "cache-uv", version=uv_version())
    else:
        stand_ins.make_lambda(archive, home() / "cache-lambda")
    for older in archive.parent.glob(f"{kind}-*"):
        if not older.name.startswith(archive.name):
            older.unlink()
    say(f"stand-in made: {archive.stem}")


def _load_stand_ins(reach: dict[str, str]) -> None:
    """Load what the engine lacks, or has from an older recipe. A base image that is no stand-in is left alone."""
    needed = [
        archive
        for archive, names in zip(_archives(), (_base_images()[:-1], _base_images()[-1:]), strict=True)
        if not all(_present(name, reach) for name in names)
    ]
    for archive in needed:
        if not archive.exists():
            _make_stand_in(archive)
        run("docker", "load", "--quiet", "-i", archive, env=reach)
        say(f"loaded {archive.stem}")
    for archive in _archives():
        archive.unlink(missing_ok=True)
        archive.parent.mkdir(exist_ok=True)
        _loaded(archive).touch()
    if needed:
        _prove_arm64(reach)


def _present(name: str, reach: dict[str, str]) -> bool:
    template = f'{{{{index .Config.Labels "{stand_ins.RECIPE_LABEL}"}}}}'
    try:
        label = run("docker", "image", "inspect", "-f", template, name, env=reach).strip()
    except LocalCloudError:
        return False
    return label in ("", "<no value>", stand_ins.recipe())


def _prove_arm64(reach: dict[str, str]) -> None:
    """Run the base image for arm64 once: a build needs no emulation, but the functions do."""
    image = stand_ins.LAMBDA_IMAGE_BY_ARCH["arm64"]
    program = "import platform, awslambdaric, boto3; print(platform.machine())"
    try:
        run(
            *("docker", "run", "--rm", "--platform", "linux/arm64", "--network", "none"),
            *("--entrypoint", "/var/lang/bin/python3.14", image, "-c", program),
            env=reach,
        )
    except LocalCloudError as error:
        raise LocalCloudError(
            "the engine does not run arm64 images; Docker Desktop does, on Linux install qemu's user emulation "
            f"(Debian, Ubuntu: qemu-user-static): {error}"
        ) from error


# --- small things ---


def _answers(reach: dict[str, str]) -> bool:
    try:
        run("docker", "info", env=reach, timeout=20)
    except LocalCloudError:
        return False
    return True


def _server_version(reach: dict[str, str]) -> str:
    return run("docker", "version", "-f", "{{.Server.Version}}", env=reach).strip()


def _save_environment(variables: dict[str, str], *, programs: Path | None) -> None:
    """Write what `environment` reads, and the same for a shell to source."""
    variables = {name: value for name, value in variables.items() if name != "PATH"}
    lines = shell_exports(variables)
    if programs:
        variables["PROGRAMS"] = str(programs)
        lines += f'case ":$PATH:" in *":{programs}:"*) ;; *) export PATH="{programs}:$PATH" ;; esac\n'
    write_whole(home() / "engine.json", json.dumps(variables, indent=2) + "\n")
    write_whole(home() / "engine.env", lines)
