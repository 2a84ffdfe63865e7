"""Questions about the workspace: graph, who, size, affected and why.

Its modules:

    graph            who uses whom
    who              which services hold a package
    sizes, image_layers, packaging    how large an image will be, and is; whether a zip archive is better
    affected, git_history    what a change affects; the workspace as it was at a commit
    comparison, cloud_assembly    two contexts side by side; what a `cdk.out` deploys
"""
