"""UWF012 and UWF013 over a corpus of secrets and of what only looks like one, and what is done about a key that is meant.

Covers also: gate/secret_files.py, gate/secret_rules.py, gate/secret_shapes.py.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from gate.secret_corpus import HARMLESS, SECRETS
from made import handler, lock, member, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.gate.contexts import check_contexts
from uv_workspace_function.gate.findings import Finding
from uv_workspace_function.gate.runner import check
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.secret_rules import RuleSet
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

CODES = ("UWF012", "UWF013")
KEY = next(str(text) for path, text in SECRETS.items() if path == "key.pem")


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service whose package holds the whole corpus."""
    root = workspace(tmp_path_factory.mktemp("corpus") / "w", {"orders": ""})
    handler(root / "orders")
    package = root / "orders/src/orders"
    _write(package / "harmful", SECRETS)
    _write(package / "harmless", HARMLESS)
    return lock(root)


def _found(root: Path) -> list[Finding]:
    outcome = check_contexts(Scope.of(Workspace.load(root), Target()), None)
    assert outcome.not_checked == ()
    return [finding for finding in outcome.findings if finding.code in CODES]


def test_the_corpus_is_large() -> None:
    """And has several of each kind, so that a share of it says something."""
    assert len(SECRETS) >= 110
    assert len(HARMLESS) >= 60


@pytest.mark.parametrize("rules", ["all", "shapes"])
def test_secrets_are_found_and_harmless_files_are_not(
    corpus: Path,
    rules: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """With the rule set of the extra, and with this package's own shapes; at most one in twenty goes unflagged."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if rules == "all":
        assert RuleSet.installed().is_whole
    else:
        monkeypatch.setattr(RuleSet, "installed", classmethod(lambda cls: cls(name="shapes")))
    flagged = {finding.file: finding.code for finding in _found(corpus)}
    harmful = {f"orders/src/orders/harmful/{path}" for path in SECRETS}
    missed, alarms = sorted(harmful - flagged.keys()), sorted(flagged.keys() - harmful)
    if rules == "all":
        record_property(
            "corpus-right", "\n".join(f"{flagged[path]} {path}" for path in sorted(harmful & flagged.keys()))
        )
        record_property("corpus-alarm", "\n".join(f"{flagged[path]} {path}" for path in alarms))
        record_property("corpus-missed", "\n".join(f"UWF012 {path}" for path in missed))
    assert alarms == []
    assert len(missed) <= len(SECRETS) / 20, missed


def test_no_private_key_of_the_corpus_enters_a_context(corpus: Path) -> None:
    """Whatever its encoding; and none of the harmless files is left out."""
    files = BuildContext.of(Workspace.load(corpus), "orders").files
    inside = {path.partition("/harmful/")[2] for path in files if "/harmful/" in path}
    keys = [
        "rsa.der",
        "pkcs8.der",
        "ec.key",
        "encrypted.p8",
        "key.pem",
        "windows.pem",
        "utf16.pem",
        "utf16be.txt",
        "secret-manifest.yaml",
    ]
    keys += [
        "encoded.txt",
        "service-account.json",
        "keys_in_code.py",
        "openssh",
        "signing.asc",
        "id_rsa",
        "key.ppk",
        "renamed.bin",
        "tokens/age.py",
    ]
    assert inside.isdisjoint([*keys, ".env", ".env.production", ".envrc"])
    examples = {".environment", ".envoy.yaml", "ca-bundle.crt", "public.pem"}
    assert examples <= {path.partition("/harmless/")[2] for path in files}


def test_a_file_is_judged_once(corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its content: the next run loads no rules."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = _found(corpus)

    def fail(*_: object) -> None:
        pytest.fail("judged again")

    monkeypatch.setattr(RuleSet, "first", fail)
    assert first == _found(corpus)


def test_a_harmless_file_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was found in any, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = workspace(tmp_path / "w", {"orders": ""})
    handler(root / "orders")
    lock(root)
    assert [] == _found(root)
    monkeypatch.setattr(RuleSet, "first", lambda *_: pytest.fail("judged again"))
    assert [] == _found(root)


def test_a_file_that_the_rule_set_cannot_judge_is_not_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and judged again in the next run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = workspace(tmp_path / "w", {"orders": ""})
    handler(root / "orders")
    _write(root / "orders/src/orders", {"words.txt": "abc\n"})
    lock(root)

    class Slow:
        def scan(self, content: bytes, timeout: float) -> list[object]:
            if content == b"abc\n":
                raise TimeoutError
            return []

    monkeypatch.setattr(RuleSet, "_scanner", Slow())
    path = "orders/src/orders/words.txt"
    for _ in range(2):
        gaps = check(root, Target()).not_checked
        assert [("UWF012",), f"{path} enters an image, and the rule set had not judged it after 20 s"] == [
            part for gap in gaps for part in (gap.codes, gap.reason)
        ]
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert () == check(root, Target()).not_checked


def test_what_is_written_beside_the_members_is_searched(tmp_path: Path) -> None:
    """Definitions, and a file that `include` brings in from elsewhere; each with its line where it was written."""
    token = str(SECRETS["tokens/github.py"])
    root = workspace(
        tmp_path / "w",
        {"orders": '[tool.uv-workspace-function]\ninclude = ["../shared/keys.py"]\n'},
        globs=["orders"],
    )
    handler(root / "orders")
    _write(root, {"shared/keys.py": f"\n{token}"})
    lock(root)
    path = root / "orders/pyproject.toml"
    path.write_text(f"# orders\n{path.read_text()}\n[tool.release]\ngithub-token = {token.partition('= ')[2]}")
    lines = path.read_text().splitlines()
    assert [(finding.file, finding.line) for finding in _found(root)] == [
        ("orders/pyproject.toml", len(lines)),
        ("shared/keys.py", 2),
    ]


def test_a_key_that_is_named_by_its_path_is_kept_and_told(tmp_path: Path) -> None:
    """One of a test, say; a wildcard names none, and a reason takes the finding out."""
    root = workspace(tmp_path / "w", {"orders": ""})
    handler(root / "orders")
    _write(root / "orders/src/orders/testing", {"key.pem": KEY, "other.pem": KEY})
    lock(root)
    definition = root / "orders/pyproject.toml"
    text = definition.read_text()

    def held(settings: str) -> list[str]:
        definition.write_text(f"{text}\n[tool.uv-workspace-function]\n{settings}\n")
        return sorted(Path(p).name for p in BuildContext.of(Workspace.load(root), "orders").files if p.endswith(".pem"))

    assert held('include = ["src/orders/testing/*.pem"]') == []
    assert held('include = ["src/orders/testing/key.pem"]') == ["key.pem"]
    assert [(finding.code, finding.problem) for finding in _found(root)] == [
        ("UWF012", "orders/src/orders/testing/key.pem enters an image and holds what looks like a private key"),
        (
            "UWF013",
            "orders/src/orders/testing/other.pem sits in the code and holds a private key: no image has it",
        ),
    ]
    allowed = '[tool.uv-workspace-function.check.allow.UWF012]\n"orders/src/orders/testing/key.pem" = "signs nothing but tests"'
    held(f'include = ["src/orders/testing/key.pem"]\n{allowed}')
    assert [finding.code for finding in check(root, Target()).findings if finding.code in CODES] == ["UWF013"]


def test_a_base_install_says_that_it_knows_few_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra it says nothing."""
    root = workspace(tmp_path / "w", {})
    member(root / "orders")
    handler(root / "orders")
    lock(root)
    scope = Scope.of(Workspace.load(root), Target())
    assert check_contexts(scope, None).notes == ()
    monkeypatch.setattr(RuleSet, "installed", classmethod(lambda cls: cls(name="shapes")))
    assert check_contexts(scope, None).notes == (
        "UWF012 (secrets) knows the commonest tokens only: uv-workspace-function[secrets] brings a rule set of several hundred",
    )
