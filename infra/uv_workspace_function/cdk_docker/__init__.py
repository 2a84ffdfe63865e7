"""What the CDK CLI calls in docker's place (`CDK_DOCKER`): images of ours without an engine, everything else passed on unchanged.

Its modules:

    calls            a call of the CDK CLI, read
    contexts         which folders are build contexts of ours
    answers          the answer to a call about an image of ours
    building, prebuilt    an image built here, or found where another job has built it
    named_images     images by the names that the CDK CLI gives them
    login            a registry's credentials
    engine, saved    the engine that other calls go to; images of it that ours start from
    settings         what variables say
"""
