"""What every test runs in."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

# jsii runs Node: the one of uv.lock, also where pytest was not started by `uv run`.
if (node := Path(sys.executable).with_name("node")).is_file():
    os.environ.setdefault("JSII_NODE", str(node))
# CloudFormation's rules take seconds to load. `make synth` and the test of app.py check the stack with them.
os.environ.setdefault("CDK_VALIDATION", "false")
# A busy machine is slow to draw examples, which says nothing of the code. A standalone project's environment has no hypothesis.
if find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared-machine")
# A shell without job control starts what it puts into the background with both ignored, which every program here would inherit.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
