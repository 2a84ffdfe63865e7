"""What can be wrong with a workspace, told so that it can be mended: what was asked, what exists, what to do."""


class WorkspaceError(Exception):
    """Something in the workspace, its lock or a request to it that stops the work before anything was written."""
