"""The workspace as uv sees it: its lock, members, settings and closures.

Its modules:

    workspace        members and closures, read from the files
    membership, members    which folders are members; what is known of one
    configuration, carried_settings    where uv's settings come from; which of them travel into a build
    lock, locked_files    uv.lock: packages and the edges between them; where each comes from
    freshness        whether the lock is that of its definitions: uv is asked
    walk             everything that some places lead to in a lock
    closure, selection    a service and all it needs; what that is of the lock
    lock_text, markers    a lock cut down, written as uv writes one; its markers simplified
    local_packages, build_requirements, users    which packages are local, take part in a build, or are needed by others
"""
