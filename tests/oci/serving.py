"""A server of a test's own, in a thread beside it."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """It says nothing of a client that has hung up: what it prints would be in the output of the command that a test looks at."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of a fault of the test's own."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
