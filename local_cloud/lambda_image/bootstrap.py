"""Starts AWS's runtime client with the module search path that AWS documents for Python 3.11 and later.

The order: the function's own folder, layers, the base image's site-packages (boto3, awslambdaric, what pip installs),
/var/runtime, the standard library.
"""

import os
import sys

python = f"python{sys.version_info.major}.{sys.version_info.minor}"
site_packages = f"/var/lang/lib/{python}/site-packages"
sys.path[:] = [path for path in sys.path if path not in ("/var/runtime", site_packages)]
sys.path[:0] = [site_packages, "/var/runtime"]
if "PYTHONPATH" not in os.environ:
    sys.path[:0] = [f"/opt/python/lib/{python}/site-packages", "/opt/python"]
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])

import awslambdaric.__main__  # noqa: E402, the path above is where it is found

awslambdaric.__main__.main([os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]])
