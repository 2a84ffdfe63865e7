"""The documentation's site: `uv run sphinx-build -W docs build/docs`."""

project = "uv-workspace-function"
author = "The uv-workspace-function authors"
copyright = f"2026, {author}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
exclude_patterns = ["Thumbs.db", ".DS_Store"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # a comment in JSON, an ellipsis
# What signatures name and this site does not have.
nitpick_ignore_regex = [
    ("py:.*", r"(aws_cdk|constructs|jsii|pathlib|collections|packaging|uv_workspace_function\..*)\..*")
]

myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
napoleon_google_docstring = True

html_theme = "furo"
html_title = project
