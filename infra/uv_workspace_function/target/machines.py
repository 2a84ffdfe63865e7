"""The machines that Lambda runs on, by its own name, by wheels' and uv's, and by docker's."""

from collections.abc import Mapping
from typing import Literal

Machine = Literal["aarch64", "x86_64"]
MACHINES: Mapping[str, Machine] = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The machine of each architecture, by Lambda's name of it."""
DOCKER_PLATFORMS = {"aarch64": "linux/arm64", "x86_64": "linux/amd64"}
