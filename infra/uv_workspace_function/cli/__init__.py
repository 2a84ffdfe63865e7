"""The commands of `services`, one module each, and the program that the CDK CLI calls in docker's place.

Its modules:

    main             the commands and their help lines; it loads only the one that is called
    options, image_options    what several commands are asked
    output, progress    what they print; how far a long one is
    faults           why a program ends, and with which exit code
    builds, zip_archives    what `services build` does with images, and with archives
    scaffold         the files of a new service
    uv_workspace_docker    `CDK_DOCKER`, answered by `cdk_docker`

A module `<name>_command` per command; `zip_asset_command` is what a cloud assembly runs.
"""
