"""Files that are copied, and files that uv's cache has, too: on a machine without an engine uv links what it installs."""

import os
from pathlib import Path


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, and who may read, write and run it."""
    import shutil  # noqa: PLC0415 - compressors that it imports take their time, and a package that is built copies nothing

    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o777)


def make_own(installed: Path) -> None:
    """Make an installed file the installation's own, before it is changed: where it is a link, the one in uv's cache would change, too."""
    copy = installed.with_name(f"{os.getpid()}.own")
    copy_file(installed, copy)
    copy.replace(installed)
