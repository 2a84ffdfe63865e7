"""The AWS emulator: started empty on 127.0.0.1, ended with everything in it."""

import contextlib
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud import engine
from local_cloud.state import (
    PROJECT,
    Daemon,
    LocalCloudError,
    answers,
    choose_port,
    home,
    run,
    say,
    shell_exports,
    wait_until,
    write_whole,
)

ACCOUNT, REGION = "123456789012", "eu-west-1"

# Where credentials of a real account come from, beside the two that the emulator itself uses.
_REAL_CREDENTIALS = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)


def refuse_real_credentials(variables: Mapping[str, str]) -> None:
    """Refuse to go on where the environment could reach a real account.

    Raises `LocalCloudError` naming the variables. The values are not printed.
    """
    found = [name for name in _REAL_CREDENTIALS if variables.get(name)]
    # AWS's own keys begin with AKIA or ASIA; the emulator's key is a bare account number.
    if variables.get("AWS_ACCESS_KEY_ID", ACCOUNT) != ACCOUNT:
        found.append("AWS_ACCESS_KEY_ID")
    if found:
        raise LocalCloudError(
            f"credentials of a real account are in the environment ({', '.join(found)}); the local cloud deploys to "
            f"this machine only and will not run beside them: env {' '.join(f'-u {name}' for name in found)} ..."
        )
    endpoint = variables.get("AWS_ENDPOINT_URL", "")
    if endpoint and not is_loopback(endpoint):
        raise LocalCloudError(f"AWS_ENDPOINT_URL is {endpoint}, which is not on this machine; unset it")


def is_loopback(url: str) -> bool:
    """Whether an address names this machine itself, by a loopback address or as `localhost`."""
    return re.fullmatch(r"https?://(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?/?", url) is not None


def environment(name: str) -> dict[str, str]:
    """What a process needs to use the emulator of that name, and no account but it. The engine's variables are in it."""
    port = (_folder(name) / "port").read_text().strip()
    return {
        **engine.environment(),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_NOTICES": "false",
    }


def is_up(name: str) -> bool:
    """Whether the emulator of that name runs and answers."""
    try:
        port = int((_folder(name) / "port").read_text())
    except (OSError, ValueError):
        return False
    return _daemon(name).pid is not None and _answers(port)


def up(name: str, *, port_of: str = "AWS_PORT") -> None:
    """Start the emulator of that name, empty; leave one that is up alone.

    Its port is what the variable `port_of` asks for; where that is not set or "", the first free one from 4566.

    Raises `LocalCloudError` where it does not come up, or a port that was asked for is in use.
    """
    _check_name(name)
    if is_up(name):
        say(f"emulator '{name}' was up: {environment(name)['AWS_ENDPOINT_URL']}")
        return
    down(name)
    folder = _folder(name)
    port = choose_port(port_of, 4566)
    if port != 4566 and port_of not in os.environ:
        say(f"port 4566 is in use: taking {port}")
    python = _install()
    reach = engine.environment()
    gateway = engine.bridge_address()
    (folder / "tmp").mkdir(parents=True)
    (folder / "port").write_text(f"{port}\n")
    # Repositories are the emulator's own in a registry that others use too, and empty at each start.
    prefix = f"{name}-{int(time.time())}"
    (folder / "prefix").write_text(f"{prefix}\n")
    inherited = {variable: value for variable, value in os.environ.items() if not variable.startswith("AWS_")}
    _daemon(name).start(
        [python, Path(__file__).with_name("emulator_process.py")],
        log=folder / "log",
        env={
            **inherited,
            **reach,
            **({"AWS_ENDPOINT_URL": f"http://{gateway}:{port}"} if gateway else {}),
            "AWS_DEFAULT_REGION": REGION,
            "BIND": ",".join(["127.0.0.1", *([gateway] if gateway else [])]),
            "GATEWAY_PORT": str(port),
            "LOCAL_REGISTRY": reach.get("LOCAL_REGISTRY", ""),
            "REGISTRY_PREFIX": prefix,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_DOCKER_TIMEOUT": "120",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            # As on AWS: nothing can be written but /tmp, which has 512 MB.
            "LAMBDA_DOCKER_FLAGS": "--read-only --tmpfs /tmp:rw,exec,mode=1777,size=512m",
            # Zip functions run in the image of their runtime, too: on this machine's own Python they would not be what Lambda runs.
            "LAMBDA_EXECUTOR": "docker",
            # The engine finds the emulator's temporary files by their path.
            "TMPDIR": str(folder / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    failed = f"the emulator did not come up; its log is {folder / 'log'}"
    wait_until(lambda: _answers(port) or _daemon(name).pid is None, 60, failed)
    if not is_up(name):
        tail = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-5:])
        raise LocalCloudError(f"{failed}\n{tail}")
    variables = environment(name)
    shell = {variable: value for variable, value in variables.items() if variable.startswith(("AWS_", "CDK_"))}
    write_whole(folder / "env", f'[ ! -e "{home()}/engine.env" ] || . "{home()}/engine.env"\n' + shell_exports(shell))
    say(f"emulator '{name}' up: {variables['AWS_ENDPOINT_URL']}; a shell uses it after:  . {folder / 'env'}")


def down(name: str) -> None:
    """End the emulator of that name, remove its functions' containers and forget its data."""
    _check_name(name)
    folder = _folder(name)
    if not folder.exists():
        return
    if _daemon(name).stop(seconds=15):
        say(f"emulator '{name}' ended")
    with contextlib.suppress(LocalCloudError, OSError):  # where the engine is gone, so is what it held
        _remove_containers_and_images(name)
    if (folder / "prefix").exists():
        engine.forget_repositories((folder / "prefix").read_text().strip())
    shutil.rmtree(folder)


def _remove_containers_and_images(name: str) -> None:
    """Remove from the engine the functions' containers, and the names of the images that were pushed here."""
    reach, port = engine.environment(), (_folder(name) / "port").read_text().strip()
    label = f"label=ministack.instance={socket.gethostname()}:{port}"
    containers = run("docker", "ps", "-aq", "--filter", label, env=reach).split()
    if containers:
        run("docker", "rm", "-f", *containers, env=reach)
    listed = run("docker", "image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}", env=reach)
    images = [(identity, image) for identity, image in (line.split() for line in listed.splitlines())]
    ours = (f"127.0.0.1:{port}/", f"{reach.get('LOCAL_REGISTRY')}/{(_folder(name) / 'prefix').read_text().strip()}.")
    pushed = {identity for identity, image in images if image.startswith(ours)}
    # Other names of the same image are somebody else's.
    names = [image for identity, image in images if identity in pushed and image.startswith((*ours, "cdkasset-"))]
    if names:
        run("docker", "image", "rm", "--force", *names, env=reach)


def log(name: str) -> Path:
    """The emulator's own log."""
    return _folder(name) / "log"


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise LocalCloudError(f"an emulator's name has small letters, digits and hyphens only, unlike '{name}'")


def _folder(name: str) -> Path:
    return home() / "aws" / name


def _daemon(name: str) -> Daemon:
    return Daemon(pid_file=_folder(name) / "pid", word="emulator_process.py")


def _install() -> Path:
    """Install the emulator from its own lock; returns the Python that has it."""
    venv = home() / "venv-emulator"
    run(
        *("uv", "sync", "--quiet", "--locked", "--project", PROJECT / "local_cloud", "--python", sys.executable),
        env={"UV_PROJECT_ENVIRONMENT": str(venv)},
    )
    return venv / "bin/python"


def _answers(port: int) -> bool:
    return answers(f"127.0.0.1:{port}/_ministack/health")
