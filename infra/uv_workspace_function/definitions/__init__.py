"""What `pyproject.toml` and `uv.toml` say, read once into typed values.

Its modules:

    pyproject        a `pyproject.toml`, with this package's own table
    uv_settings      uv's settings, from `[tool.uv]` or a `uv.toml`
    toml             documents with the place of what is wrong in them
"""
