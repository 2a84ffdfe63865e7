"""The build context: which files enter it, how definitions are cut down, and how it is written.

Its modules:

    build_context    a closure's context: its files, digest, and where it is written to
    workspace_files  the files of local packages, each package's read once
    files            which files of one package: walked, with why something is left out
    wanted, named_in_tables    what is asked for of a package's folder; what its build tables name
    gitignore, private_keys    what never enters
    content          one file: its bytes, or where they lie
    rewritten_pyproject    the `pyproject.toml` files, reduced to what can matter to a build
    archives         locked wheels and sdists that lie in the repository
    git_configuration    warnings where git has made the working tree other than the commit
    staging, output_folder    files as a folder on the disk, whole or absent; a folder that is filled again
    arguments        what is asked of a build, checked: the arguments of the Dockerfile
    dockerfile, extensions    what the Dockerfile asks for; its stages for Lambda extensions
"""
