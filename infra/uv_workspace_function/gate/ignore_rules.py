"""Which line of a `.gitignore` file ignores a path."""

from pathlib import Path

from uv_workspace_function.context.gitignore import GitRepository, Rules


def ignoring_rule(repository: GitRepository, path: Path) -> str | None:
    """The line of a `.gitignore` file that ignores a path, or a folder above it: the last one that matches."""
    top = Path(repository.top)
    parts = path.relative_to(top).parts
    for length in range(1, len(parts) + 1):
        entry = top.joinpath(*parts[:length])
        is_folder = length < len(parts) or (entry.is_dir() and not entry.is_symlink())
        for above in range(length - 1, -1, -1):
            ignore = top.joinpath(*parts[:above], ".gitignore")
            if not ignore.is_file():
                continue
            lines = ignore.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            inside = entry.relative_to(ignore.parent).as_posix()
            for number, line in reversed(list(enumerate(lines, 1))):
                if Rules.parse(line).verdict(inside, entry.name, is_folder=is_folder):
                    return f"ignored by {ignore.relative_to(top).as_posix()}:{number}, {line.strip()!r}"
    return None
