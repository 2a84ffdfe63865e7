"""Images of several services: the layers on their base images."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from uv_workspace_function.oci import sources, tree
from uv_workspace_function.oci.base import BaseImage, resolve
from uv_workspace_function.oci.image import Image, assemble
from uv_workspace_function.oci.layer_builds import Options, layers_of
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.store import Store


def run(store: Store, requests: Sequence[Request], options: Options) -> list[Image]:
    """Build images.

    Args:
        store: where layers are kept.
        requests: which ones.
        options: how.

    Raises:
        WorkspaceError: when one of them cannot be built.
    """
    with store.explaining():
        with _sharing(store, options) as (own, notes):
            images = _images(own, requests, options)
        store.bound()
    if notes:
        built = images[0].built
        images[0] = replace(images[0], built=replace(built, remarks=(*built.remarks, *notes)))
    return images


@contextmanager
def _sharing(store: Store, options: Options) -> Iterator[tuple[Store, list[str]]]:
    """The store with the caches of registries around it, and what went wrong with these."""
    if not options.cache_from and options.cache_to is None:
        yield store, []
        return
    from uv_workspace_function.oci.shared import SharedCache  # noqa: PLC0415 - it takes its time, and other builds need none

    shared = SharedCache(store=store, read=options.cache_from)
    try:
        yield replace(store, shared=shared), shared.notes
        if options.cache_to is not None:
            shared.write(options.cache_to)
    finally:
        shared.close()


def _images(store: Store, requests: Sequence[Request], options: Options) -> list[Image]:
    bases = {}
    for request in requests:
        name = options.base_image or request.base_image
        if (name, request.platform) not in bases:
            bases[name, request.platform] = _base_image(store, name, request.platform, options)
    of_requests = [bases[options.base_image or request.base_image, request.platform] for request in requests]
    trees = {base.digest: tree.read(store, base) for base in bases.values()}
    grounds = [(base.digest, trees[base.digest]) for base in of_requests]
    return [
        assemble(
            store,
            base,
            built,
            service=request.service,
            target_folder=request.target_folder,
            snap_start=request.value("SNAP_START") == "allow",
            moment=request.moment,
        )
        for request, base, built in zip(
            requests, of_requests, layers_of(store, requests, grounds, options), strict=True
        )
    ]


def _base_image(store: Store, name: str, platform: str, options: Options) -> BaseImage:
    here = options.on_this_machine(name)
    if here is not None:
        return resolve(store, here, name=name, reference="", platform=platform)
    return sources.base_image(store, name, platform, mirrors=options.mirrors)
