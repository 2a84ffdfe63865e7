"""`services affected --for deploy` names a service exactly when its image's asset hash differs between two syntheses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest
from gate.cases import wheel
from gate.repository import commit
from made import handler, lock, member, needs, workspace
from uv_workspace_function import UvWorkspaceImage, Workspace
from uv_workspace_function.insight.affected import effects

SERVICES = ("api", "worker", "report", "legacy")


def append(*names: str, text: str = "\n# changed\n") -> Callable[[Path], None]:
    """A change: text at the end of files."""

    def change(root: Path) -> None:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as stream:
                stream.write(text)

    return change


def replace(name: str, old: str, new: str, *, relock: bool = True) -> Callable[[Path], None]:
    """A change: other text in a file, and the locks anew."""

    def change(root: Path) -> None:
        path = root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        if relock:
            lock(root)
            lock(root / "legacy")

    return change


def locked(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """A change, and the lock anew: without it nothing is synthesized."""

    def both(root: Path) -> None:
        change(root)
        lock(root)

    return both


def service(name: str) -> Callable[[Path], None]:
    """A change: a service more."""

    def change(root: Path) -> None:
        handler(member(root / name))
        lock(root)

    return change


def rename(old: str, new: str) -> Callable[[Path], None]:
    """A change: a file of another name."""

    def change(root: Path) -> None:
        (root / old).rename(root / new)

    return change


def executable(name: str) -> Callable[[Path], None]:
    """A change of nothing but a file's executable bit."""
    return lambda root: (root / name).chmod(0o755)


HISTORY: list[tuple[str, Callable[[Path], None]]] = [
    ("a service's code", append("api/src/api/main.py")),
    ("a library's code", append("models/src/models/__init__.py")),
    ("a library of a library", append("clock/src/clock/__init__.py")),
    ("the standalone project's code", append("legacy/src/legacy/main.py")),
    ("a README at the root", append("README.md")),
    ("a README that no build names", append("api/README.md")),
    ("a test beside the package", append("api/tests/test_api.py")),
    ("a test in the package", append("api/src/api/tests/test_api.py")),
    ("data", append("worker/src/worker/words.txt")),
    ("data in a folder", append("worker/src/worker/deep/more/words.txt")),
    ("a locked version", replace("worker/pyproject.toml", "tiny<2", "tiny>=2")),
    ("a locked version, back", replace("worker/pyproject.toml", "tiny>=2", "tiny<2")),
    ("a requirement more", replace("models/pyproject.toml", "dependencies = []", 'dependencies = ["extra"]')),
    ("a requirement less", replace("models/pyproject.toml", 'dependencies = ["extra"]', "dependencies = []")),
    ("a dev group", append("api/pyproject.toml", text="\n[tool.ruff]\nline-length = 100\n")),
    ("a member's version", replace("report/pyproject.toml", 'version = "1"', 'version = "2"')),
    ("a library's version", replace("clock/pyproject.toml", 'version = "1"', 'version = "2"')),
    ("a dev group of the root", locked(append("pyproject.toml", text='\n[dependency-groups]\ndev = ["extra"]\n'))),
    ("a service more", service("audit")),
    ("a line of the new service", append("audit/src/audit/main.py")),
    ("another name of a module", rename("report/src/report/words.py", "report/src/report/text.py")),
    ("an ignored file", append("api/src/api/debug.log")),
    ("a rule of .gitignore for data", append(".gitignore", text="*.txt\n")),
    ("the rule, back", replace(".gitignore", "*.txt\n", "", relock=False)),
    ("the handler's name", append("report/pyproject.toml", text='\n[tool.uv-workspace-function]\nhandler = "report.text.run"\n')),
    ("a file that include names", replace("report/pyproject.toml", "[tool.uv-workspace-function]\n", '[tool.uv-workspace-function]\ninclude = ["extra/**"]\n')),
    ("such a file", append("report/extra/words.txt")),
    ("an executable bit", executable("worker/src/worker/main.py")),
    ("a build constraint", replace("pyproject.toml", "no-index = true", 'no-index = true\nbuild-constraint-dependencies = ["uv-build<1"]')),
    ("two services at once", append("api/src/api/main.py", "worker/src/worker/main.py")),
    ("a library and a service that has it not", append("clock/src/clock/__init__.py", "audit/src/audit/main.py")),
    ("requires-python of one member", replace("audit/pyproject.toml", ">=3.11", ">=3.10")),
    ("nothing", lambda _root: None),
    ("a library nobody uses", lambda root: (member(root / "idle"), lock(root), None)[2]),
    ("a dependency on it", replace("audit/pyproject.toml", 'requires-python = ">=3.10"\n', 'requires-python = ">=3.10"\ndependencies = ["idle"]\n[tool.uv.sources.idle]\nworkspace = true\n')),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three services, a standalone project, libraries in a chain."""
    root = tmp_path_factory.mktemp("history") / "shop"
    (root / ".wheels").mkdir(parents=True)
    for name, version in (("tiny", "1.0"), ("tiny", "2.0"), ("extra", "1.0")):
        wheel(root / ".wheels", name, version, [f"{name}.py"], requires=[], points={}, tag="py3-none-any")
    workspace(
        root,
        {
            "api": needs("models"),
            "worker": 'dependencies = ["tiny<2", "clock"]\n[tool.uv.sources]\nclock = { workspace = true }\n',
            "report": "",
            "models": "dependencies = []\n[tool.uv.sources]\nclock = { workspace = true }\n",
            "clock": "",
        },
        exclude=["legacy"],
        tail='find-links = [".wheels"]',
    )
    legacy = member(
        root / "legacy",
        'dependencies = ["clock", "tiny"]\n[tool.uv]\nno-index = true\nfind-links = ["../.wheels"]\n'
        '[tool.uv.sources]\nclock = { path = "../clock" }\n',
    )
    for folder in (*(root / name for name in ("api", "worker", "report")), legacy):
        handler(folder)
    (root / "report/src/report/words.py").write_text("def run(event, context): return event\n")
    (root / ".gitignore").write_text("*.log\n__pycache__/\n")
    lock(root)
    lock(legacy)
    commit(root)
    return root


def asset_hashes(root: Path) -> dict[str, str]:
    """What the CDK calls the image of every service."""
    workspace = Workspace.load(root)
    stack = cdk.Stack(cdk.App(context={"aws:cdk:disable-asset-staging": True}), "Stack")
    return {
        service.name: UvWorkspaceImage(stack, service.name, workspace=workspace, service=service.name).asset_hash
        for service in workspace.services
    }


def test_affected_services_are_those_whose_asset_hash_changes(shop: Path) -> None:
    """Over a history in which each kind of change comes by itself, and some together."""
    assert len(HISTORY) >= 30
    hashes = asset_hashes(shop)
    seen: set[str] = set()
    for what, changed, untouched in walked(shop, hashes):
        affected = {a.member.name for a in effects(shop, "HEAD~1", "deploy").affected}
        assert changed == affected, what
        seen |= {f"{name} changed" for name in changed} | {f"{name} not" for name in untouched}
    assert {f"{name} {word}" for name in SERVICES for word in ("changed", "not")} <= seen


def walked(root: Path, hashes: dict[str, str]) -> Iterator[tuple[str, set[str], set[str]]]:
    """Commit after commit: what was done, and the services whose hash that changed, or did not."""
    for what, change in HISTORY:
        change(root)
        commit(root, what)
        now = asset_hashes(root)
        yield what, {n for n, h in now.items() if hashes.get(n) != h}, {n for n, h in now.items() if hashes.get(n) == h}
        hashes = now
