"""What an image is built for: platform, wheels and image references.

Its modules:

    machines         what Lambda runs on
    target           a Python version, a machine and a C library, as wheels, uv, Docker and Lambda call them
    wheels           whether every package has a wheel for it, and what they weigh
    image_reference  the name of a container image
    managed_runtime  Lambda's own runtimes, for zip archives
"""
