"""The workspace as uv sees it: its lock, members, settings and closures."""
