"""The calls of the CDK CLI, read: https://github.com/aws/aws-cdk-cli/blob/main/packages/%40aws-cdk/cdk-assets-lib/lib/private/docker.ts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_LIST_FORMAT = "{{.Repository}}:{{.Tag}}"
_LIST_FILTER = "reference=*/*:"
_VALUED = frozenset(
    f"--{name}"
    for name in (
        *("build-arg", "build-context", "cache-from", "cache-to", "file", "network", "output", "platform"),
        *("secret", "ssh", "tag", "target"),
    )
)
_SWITCHES = frozenset({"--no-cache"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """`inspect NAME`: whether an image is there."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """`tag NAME FURTHER_NAME`."""

    name: str
    further: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """`push NAME`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """`login --username USER --password-stdin HOST`."""

    username: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """`images --format {{.Repository}}:{{.Tag}} --filter reference=*/*:TAG`: the images with a tag, whichever repository they are of."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """`build ... FOLDER`."""

    folder: str
    """The context, as it is given."""
    options: Mapping[str, tuple[str, ...]]
    """The values of each option that is given, in their order; () for a switch."""

    def values(self, option: str) -> tuple[str, ...]:
        """The values of an option."""
        return self.options.get(option, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A call that the CDK CLI does not make for an image asset."""

    is_build: bool = False
    """Whether it builds something, in a form that is unknown here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call."""

    arguments: tuple[str, ...]
    """All of them, as they came."""
    config: str | None
    """The folder of docker's configuration, where it is given."""
    what: Inspect | Tag | Push | Login | Find | Build | Other = field(default_factory=Other)

    @property
    def shown(self) -> str:
        """What is called, without values, which may be secrets."""
        words = self.arguments[2:] if self.config is not None else self.arguments
        return f"docker {words[0]}" if words and not words[0].startswith("-") else "docker"


def read(arguments: Sequence[str]) -> Call:
    """Read a call; one that is unknown is an `Other`."""
    words = list(arguments)
    config = None
    if len(words) > 1 and words[0] == "--config":
        config, words = words[1], words[2:]
    return Call(arguments=tuple(arguments), config=config, what=_what(words))


def _what(words: list[str]) -> Inspect | Tag | Push | Login | Find | Build | Other:
    match words:
        case ["inspect", str(name)] if _is_value(name):
            return Inspect(name=name)
        case ["tag", str(name), str(further)] if _is_value(name) and _is_value(further):
            return Tag(name=name, further=further)
        case ["push", str(name)] if _is_value(name):
            return Push(name=name)
        case ["login", "--username", str(username), "--password-stdin", str(host)] if _is_value(host):
            return Login(username=username, host=host)
        case ["images", "--format", form, "--filter", str(asked)] if form == _LIST_FORMAT and asked.startswith(
            _LIST_FILTER
        ):
            return Find(tag=asked.removeprefix(_LIST_FILTER))
        case ["build", *rest]:
            return _build(rest) or Other(is_build=True)
        case _:
            return Other(is_build="build" in words[:2])


def _build(words: list[str]) -> Build | None:
    options: dict[str, tuple[str, ...]] = {}
    folders: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word in _SWITCHES:
            options[word] = ()
        elif name in _VALUED:
            given = value if equals else next(left, None)
            if given is None:
                return None
            options[name] = (*options.get(name, ()), given)
        elif _is_value(word):
            folders.append(word)
        else:
            return None
    return Build(folder=folders[0], options=options) if len(folders) == 1 else None


def _is_value(word: str) -> bool:
    return bool(word) and not word.startswith("-")
