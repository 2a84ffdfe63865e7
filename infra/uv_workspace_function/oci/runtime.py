"""What a zip archive is unpacked on: Lambda's managed runtime, as far as the builder looks at it. Nothing of it is fetched."""

from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.oci.tree import Tree

TASK_FOLDER = "var/task"
"""Where Lambda unpacks an archive, without slashes around it."""

_FOLDERS = ("usr", "usr/lib64", "var", "var/lang", "var/lang/bin", TASK_FOLDER)
_FIRST_PYTHON_OF_AL2023 = 12
# Amazon Linux 2023 from Python 3.12 on, Amazon Linux 2 before: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_LIBRARY = "GNU C Library (GNU libc) stable release version {}."


def tree(python: str) -> Tree:
    """The folders of the runtime for a Python minor version, that Python, and its C library's version."""
    glibc = "2.34" if int(python.partition(".")[2]) >= _FIRST_PYTHON_OF_AL2023 else "2.26"
    return Tree(
        folders=dict.fromkeys(_FOLDERS, (0o755, 0, 0, EPOCH)),
        links={"lib64": "usr/lib64", "var/lang/bin/python3": f"python{python}"},
        files={"usr/lib64/libc.so.6": _LIBRARY.format(glibc), f"var/lang/bin/python{python}": ""},
        equal={},
    )
