"""Images and zip archives without a container engine. The same layers as BuildKit's, to the bit of their DiffIDs.

What is asked for, and what is built of it:

    request          a context, a target and the Dockerfile's arguments, each honoured or refused by name
    backends         what is refused where nothing of a workspace may run
    staged           the build context: just made, or read from a folder
    image_builds     images of several services: their layers on their base images
    zip_builds       zip archives of several services
    layer_builds     the layers of several services, side by side, and the tools that they share
    service_build    the layers of one: each from the store, or by the builder's step for it
    steps            the builder's steps, run on this machine
    builder_program  the program whose steps they are, kept with its bytecode
    uv_program, interpreter    the uv and the Python that run them

What layers are made of, and laid on:

    layers           folders as archives, compressed and kept, with one name a layer
    tar, compression    their bytes, which are the same on every machine
    image            an image's configuration and manifest
    base, tree       the image that ours starts from; the folders in its layers
    runtime          those of Lambda's managed runtime, for zip archives
    zip_format       a zip archive's bytes

Where contents are:

    store            the cache of this machine: contents by their digest, records by what made them
    stored_image     an image in it, to be read as from a registry
    shared, elsewhere    a cache in a registry; contents that only it or a base image's registry has
    cache_option     the value of `--cache-from` and `--cache-to`

Where images come from and go to:

    sources          a base image by its name: a registry's, or a layout's
    registry, layout    the two kinds: a container registry, and a folder or archive of files
    descriptors      their documents
    push, delivery   one image pushed; those of a build, with a tag each
    output           archives and folders that a build writes
    origin, sbom     what is written beside an image: what it was made from, what is in it
"""
