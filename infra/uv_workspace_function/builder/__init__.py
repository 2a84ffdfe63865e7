"""What runs inside an image's builder: it installs one service of a uv workspace into the folders that become layers.

It is a program of the standard library alone, because it is run by the builder image's own Python: `python3 -m builder`
and the name of a step. The Dockerfile runs each step on the input that it needs and no other:

- `home`: where all of it lies, in an image's build and on a machine without an engine
- `workspace`: reads `uv.lock`, and splits the build context into what each step depends on
- `markers`: what of the lock the target needs, where uv does not say so
- `install`: runs `uv sync` for a part of the closure
- `build_secrets`: passwords, variables and signed URLs that a build is given as secrets
- `credentials`: what of a URL is a credential; out of what is written and printed
- `files`: copies, and what to do before an installed file is changed
- `distributions`: what uv installed, file by file, and which package owns each file
- `strata`: which layer each third-party package goes to
- `layer`: files in place, with equal times, modes and metadata in every build
- `bytecode`: modules compiled once and for all
- `namespaces`: which of a package's files do nothing but join a namespace
- `compiled`: refuses what was compiled on a machine without an engine
- `refusals`: refuses what would not work, before there is an image
"""
