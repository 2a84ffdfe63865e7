"""The layers of several services, built side by side: what they share is found once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import interpreter, uv_program
from uv_workspace_function.oci.descriptors import Source
from uv_workspace_function.oci.layers import Built
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.service_build import ServiceBuild
from uv_workspace_function.oci.steps import Tools
from uv_workspace_function.oci.store import Store
from uv_workspace_function.oci.tree import Tree
from uv_workspace_function.processes.programs import processors
from uv_workspace_function.target.image_reference import ImageReference


@dataclass(frozen=True, kw_only=True)
class Options:
    """How images are built, whichever they are.

    Args:
        base_image: what they start from, where that is no argument of the Dockerfile: `oci:PATH`.
        mirrors: see `ImageReference.redirected`.
        interpreter: the Python that compiles; None for the one that uv finds.
        netrc: a file with passwords of package indexes.
        credentials: a file with variables and signed URLs, as the build secret of that name.
        no_backends: whether what would run code is refused.
        cache_from: registries' caches that are believed.
        cache_to: the one that is written; None for none.
        verify: whether every step is run, and what comes of it compared with what is kept.
        on_this_machine: finds an image that something starts from by a name that it has here, and in no registry.
        said: is told of each step that runs.
    """

    base_image: str | None = None
    mirrors: Mapping[str, str] = field(default_factory=dict)
    interpreter: Path | None = None
    netrc: Path | None = None
    credentials: Path | None = None
    no_backends: bool = False
    cache_from: tuple[ImageReference, ...] = ()
    cache_to: ImageReference | None = None
    verify: bool = False
    on_this_machine: Callable[[str], Source | None] = field(default=lambda _: None)
    said: Callable[[str], None] = field(default=lambda _: None)


def tools_for(store: Store, request: Request, options: Options) -> Tools:
    """What runs the steps of a request.

    Raises:
        WorkspaceError: when uv or a Python is missing, and cannot be had.
    """
    version = uv_program.version_of(request.uv_image)
    if options.netrc is not None and not options.netrc.is_file():
        raise WorkspaceError(f"there is no file {options.netrc}", "give --netrc the file with the passwords of indexes")
    if options.credentials is not None and not options.credentials.is_file():
        raise WorkspaceError(
            f"there is no file {options.credentials}", "give --credentials the file with variables and signed URLs"
        )
    uv = uv_program.fetched(store, version)
    python = interpreter.find(store, request.python, uv=uv, given=options.interpreter)
    return Tools(
        uv=uv,
        uv_version=version,
        interpreter=python,
        uv_cache=store.folder / uv_program.UV_CACHE,
        netrc=None if options.netrc is None else options.netrc.absolute(),
        credentials=None if options.credentials is None else options.credentials.absolute(),
    )


def layers_of(
    store: Store, requests: Sequence[Request], grounds: Sequence[tuple[str, Tree]], options: Options
) -> list[Built]:
    """Build the layers of services, side by side.

    Args:
        store: where layers are kept.
        requests: whose.
        grounds: what those of each request are laid on: a key of it, and its folders.
        options: how.

    Raises:
        WorkspaceError: when one of them cannot be built.
    """
    tools = {}
    for request in requests:
        known = (str(request.uv_image), request.python)
        if known not in tools:
            tools[known] = tools_for(store, request, options)
    for each in tools.values():
        uv_program.bound_cache(store, each.uv)

    def build(request: Request, ground: tuple[str, Tree]) -> Built:
        key, folders = ground
        try:
            return ServiceBuild(
                store=store,
                tools=tools[str(request.uv_image), request.python],
                request=request,
                ground=key,
                tree=folders,
                verify=options.verify,
                no_backends=options.no_backends,
                said=options.said,
            ).run()
        except OSError as error:
            raise store.unusable(error) from error

    with ThreadPoolExecutor(max_workers=processors()) as pool:
        futures = [pool.submit(build, *each) for each in zip(requests, grounds, strict=True)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
