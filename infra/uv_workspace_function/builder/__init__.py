"""What runs inside an image's builder: it installs one service of a uv workspace into the folders that become layers.

It is a program of the standard library alone, because it is run by the builder image's own Python: `python3 -m builder`
with the name of a step. `Dockerfile` runs the steps, each on the input that it needs and no other:

- `workspace`: reads `uv.lock`, and splits the build context into what each step depends on
- `install`: runs `uv sync` for a part of the closure
- `distributions`: what uv installed, file by file, and which package owns each file
- `strata`: which third-party package goes to which layer
- `layer`: files put in place with equal times, modes and metadata, and compiled
- `guard`: refuses a layout that would not work, before there is an image
"""
