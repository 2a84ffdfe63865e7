"""`services --help` starts fast, because it loads its argument library and next to nothing else."""

import subprocess
import sys

PROGRAM = """
import sys
import click
before = set(sys.modules)
from uv_workspace_function.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
print("loaded:", sorted(set(sys.modules) - before))
"""


def test_help_loads_the_command_s_own_modules_alone() -> None:
    """No reader of workspaces, no third-party package: the time is click's. `benchmarks/start.py` measures it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    loaded = set(eval(done.stdout.rpartition("loaded: ")[2]))
    ours = {module for module in loaded if module.startswith("uv_workspace_function")}
    expected = {
        "",
        ".builder",
        ".builder.credentials",
        ".cli",
        ".cli.faults",
        ".cli.main",
        ".cli.output",
        ".errors",
        ".processes",
        ".processes.signals",
    }
    assert expected == {name.removeprefix("uv_workspace_function") for name in ours}
    assert set() == {module.partition(".")[0] for module in loaded} & {
        "aws_cdk",
        "jsii",
        "libcst",
        "packaging",
        "pathspec",
        "stdlibs",
    }
