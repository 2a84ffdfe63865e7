"""Builds of several images: what they share is found once."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import interpreter, program, sources, tree
from uv_workspace_function.oci.build import Build, Result
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.steps import Tools
from uv_workspace_function.oci.store import Store


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
        verify: whether every step is run, and what comes of it compared with what is kept.
        said: is told of each step that runs.
    """

    base_image: str | None = None
    mirrors: Mapping[str, str] = field(default_factory=dict)
    interpreter: Path | None = None
    netrc: Path | None = None
    credentials: Path | None = None
    no_backends: bool = False
    verify: bool = False
    said: Callable[[str], None] = field(default=lambda _: None)


def tools_for(store: Store, request: Request, options: Options) -> Tools:
    """What runs the steps of a request.

    Raises:
        WorkspaceError: when uv or a Python is missing, and cannot be had.
    """
    version = program.version_of(request.uv_image)
    if options.netrc is not None and not options.netrc.is_file():
        raise WorkspaceError(f"there is no file {options.netrc}", "give --netrc the file with the passwords of indexes")
    if options.credentials is not None and not options.credentials.is_file():
        raise WorkspaceError(
            f"there is no file {options.credentials}", "give --credentials the file with variables and signed URLs"
        )
    uv = program.fetched(store, version)
    python = interpreter.find(store, request.python, uv=uv, given=options.interpreter)
    return Tools(
        uv=uv,
        uv_version=version,
        interpreter=python,
        uv_cache=store.folder / "uv-cache",
        netrc=None if options.netrc is None else options.netrc.absolute(),
        credentials=None if options.credentials is None else options.credentials.absolute(),
    )


def run(store: Store, requests: Sequence[Request], options: Options) -> list[Result]:
    """Build images.

    Args:
        store: where layers are kept.
        requests: which ones.
        options: how.

    Raises:
        WorkspaceError: when one of them cannot be built.
    """
    tools = {}
    for request in requests:
        known = (str(request.uv_image), request.python)
        if known not in tools:
            tools[known] = tools_for(store, request, options)
    bases = {}
    for request in requests:
        name = options.base_image or request.base_image
        if (name, request.platform) not in bases:
            found = sources.base_image(store, name, request.platform, mirrors=options.mirrors)
            bases[name, request.platform] = (found, tree.read(store, found))

    def build(request: Request) -> Result:
        try:
            return build_one(request)
        except OSError as error:
            raise store.unusable(error) from error

    def build_one(request: Request) -> Result:
        base, folders = bases[options.base_image or request.base_image, request.platform]
        return Build(
            store=store,
            tools=tools[str(request.uv_image), request.python],
            request=request,
            base=base,
            tree=folders,
            verify=options.verify,
            no_backends=options.no_backends,
            said=options.said,
        ).run()

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        futures = [pool.submit(build, request) for request in requests]
        try:
            results = [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    store.bound()
    return results
