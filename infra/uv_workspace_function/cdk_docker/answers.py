"""The answers to calls about images of ours; None to a call that is about somebody else's."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.cdk_docker import engine
from uv_workspace_function.cdk_docker.calls import Build, Call, Find, Inspect, Login, Push, Tag
from uv_workspace_function.cdk_docker.contexts import is_ours
from uv_workspace_function.cdk_docker.named_images import Contents, NamedImage, NamedImages
from uv_workspace_function.cdk_docker.settings import Settings
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Who answers.

    Args:
        settings: how.
        store: where images are kept.
        say: prints a line.
        note: prints a line of progress.
    """

    settings: Settings
    store: Store
    say: Callable[[str], None]
    note: Callable[[str], None]

    def answer(self, call: Call) -> int | None:
        """Answer a call.

        Args:
            call: which one.

        Returns:
            The exit code; None where it is about no image of ours.

        Raises:
            WorkspaceError: when what is asked cannot be done.
        """
        match call.what:
            case Inspect(name=name):
                return self._inspect(name)
            case Build(folder=folder) as asked if is_ours(Path(folder)):
                self._use(call)
                return self._build(asked, Path(folder).absolute())
            case Tag(name=name, further=further):
                return self._tag(name, further)
            case Push(name=name):
                return self._push(call, name)
            case Find(tag=tag):
                return self._find(tag)
            case Login(username=username, host=host):
                return self._login(call, username, host)
            case _:
                return None

    @staticmethod
    def _use(call: Call) -> None:
        """Have a registry's credentials looked for where the call says."""
        if call.config is not None:
            os.environ["DOCKER_CONFIG"] = call.config

    @property
    def _names(self) -> NamedImages:
        return NamedImages(store=self.store, of=self.settings.images)

    def _inspect(self, name: str) -> int | None:
        image = self._names.get(name)
        if image is None:
            return None
        self.say(
            json.dumps([{"Id": image.contents[-1].digest, "RepoTags": [name], "Descriptor": {"digest": image.digest}}])
        )
        return 0

    def _build(self, asked: Build, folder: Path) -> int:
        from uv_workspace_function.cdk_docker import building  # noqa: PLC0415 - it takes its time, which other calls spare

        image = building.build(
            asked, folder, self.settings, self.store, on_this_machine=self._on_this_machine, said=self.note
        )
        for name in asked.values("--tag"):
            self._names.name(image, name)
        self.note(f"{image.digest}")
        return 0

    def _on_this_machine(self, name: str) -> NamedImage | None:
        image = self._names.get(name)
        if image is not None:
            return image
        from uv_workspace_function.cdk_docker import saved  # noqa: PLC0415

        program = engine.program(self.settings)
        return None if program is None else saved.find(name, program, self.store)

    def _tag(self, name: str, further: str) -> int | None:
        image = self._names.get(name)
        if image is None:
            return None
        self._names.name(image, further)
        return 0

    def _push(self, call: Call, name: str) -> int | None:
        image = self._names.get(name)
        if image is None:
            return None
        to = ImageReference.parse(name)
        if to.digest:
            raise WorkspaceError(f"{name} is an image's digest, and no place to push one to", "push it with a tag")
        from uv_workspace_function.oci.push import push  # noqa: PLC0415 - as above

        self._use(call)
        base = [ImageReference.parse(image.base_repository)] if image.base_repository else []
        source = Contents(image, self.store)
        done = push(image.manifest.encode(), source, to, store=self.store, mount_from=base)
        sent = sum(content.size for content in done.sent)
        self.say(f"{name}: digest: {done.digest} sent: {sent}")
        return 0

    def _find(self, tag: str) -> int | None:
        names = self._names.with_tag(tag)
        for name in names:
            self.say(name)
        return 0 if names else None

    def _login(self, call: Call, username: str, host: str) -> int:
        from uv_workspace_function.cdk_docker import login  # noqa: PLC0415 - as above

        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise WorkspaceError(f"stdin has no password for {host}", "write it there, as --password-stdin says")
        folder = os.path.expanduser(call.config or os.environ.get("DOCKER_CONFIG") or "~/.docker")  # noqa: PTH111 - a Path's raises
        if folder.startswith("~"):
            raise WorkspaceError(
                f"there is no place for the credentials of {host}: this user has no home", "set HOME or DOCKER_CONFIG"
            )
        login.login(host, username, password, folder=Path(folder))
        self.say("Login Succeeded")
        return 0
