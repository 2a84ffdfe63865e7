"""Lambda extensions from images: stages of the Dockerfile that put their `/opt` into the service's image.

A Dockerfile has no loops, so these stages are added to a staged one where extensions are asked for, and to no other.
"""


def extension_argument(number: int) -> str:
    """The build argument that names an extension's image; the first is 1."""
    return f"EXTENSION_{number}_IMAGE"


def has_extensions(dockerfile: str) -> bool:
    """Whether a staged Dockerfile asks for extensions."""
    return f"ARG {extension_argument(1)}\n" in dockerfile


def with_extensions(dockerfile: str, count: int) -> str:
    """The Dockerfile with stages for a number of extensions.

    Args:
        dockerfile: the shared one.
        count: how many; with 0 it stays as it is, to the byte.
    """
    if count == 0:
        return dockerfile
    numbers = range(1, count + 1)
    # An image's name can come from an argument only where it is declared before the first stage.
    arguments = "".join(f"ARG {extension_argument(number)}\n" for number in numbers)
    stages = "".join(f"FROM ${{{extension_argument(number)}}} AS extension-{number}\n" for number in numbers)
    # https://docs.aws.amazon.com/lambda/latest/dg/extensions-configuration.html#extensions-configuration-container
    copies = "".join(f"COPY --from=extension-{number} /opt/ /opt/\n" for number in numbers)
    return (
        f"# The images of Lambda extensions.\n{arguments}\n{dockerfile}\n# What is in /opt of each, in one layer.\n{stages}"
        f"FROM scratch AS extensions\n{copies}\nFROM runtime AS extended\nCOPY --from=extensions /opt/ /opt/\n"
    )
