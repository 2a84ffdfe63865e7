"""No credential of a URL or a setting enters a build context, and none moves its digest."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made import handler, hide_uv, lock, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.workspace import Workspace

FIRST, SECOND = "f1rst-s3cret", "s3cond-s3cret"
INDEX = 'index-url = "https://aws:{0}@company.example/simple/"\n'


def _context(root: Path) -> BuildContext:
    return BuildContext.of(Workspace.load(root), "api")


def _written(context: BuildContext) -> str:
    return "\n".join(file.content.decode() for file in context.files.values())


def _in_root(settings: str) -> Callable[[Path, str], None]:
    def write(root: Path, secret: str) -> None:
        path = root / "pyproject.toml"
        text = path.read_text().partition("# here")[0]
        path.write_text(f"{text}# here\n[tool.uv]\n{settings.replace('{0}', secret)}")

    return write


def _in(file: str, text: str) -> Callable[[Path, str], None]:
    def write(root: Path, secret: str) -> None:
        (root / file).write_text(text.replace("{0}", secret))

    return write


def _in_member(table: str) -> Callable[[Path, str], None]:
    def write(root: Path, secret: str) -> None:
        path = root / "api/pyproject.toml"
        path.write_text(f"{path.read_text().partition('# here')[0]}# here\n{table.replace('{0}', secret)}")

    return write


@pytest.mark.parametrize(
    "write",
    [
        _in_root(INDEX),
        _in_root(INDEX.replace("https://", "https:").replace("aws", "")),
        _in_root('extra-index-url = ["https://{0}@company.example/simple/"]\n'),
        _in_root('find-links = ["https://company.example/wheels/?sv=1&sig={0}"]\n'),
        _in_root('index = [{ name = "company", url = "https://aws:{0}@company.example/simple/", default = true }]\n'),
        _in_root('sources = { x = { git = "https://oauth2:{0}@company.example/x.git" } }\n'),
        _in_root('sources = { api = { url = "https://company.example/x.whl?token={0}" } }\n'),
        _in_root('constraint-dependencies = ["api @ https://me:{0}@company.example/x.whl"]\n'),
        _in_root('override-dependencies = ["api @ https://me:{0}@company.example/x.whl"]\n'),
        _in_root('build-constraint-dependencies = ["hatchling @ https://me:{0}@company.example/x.whl"]\n'),
        _in_root('extra-build-dependencies = { api = ["x @ https://me:{0}@company.example/x.whl"] }\n'),
        _in_root('extra-build-variables = { api = { API_TOKEN = "{0}", KEPT = "1" } }\n'),
        _in_root('config-settings = { api-token = "{0}", "--build-option" = ["--api-token={0}", "--kept"] }\n'),
        _in_root('config-settings = { "--global-option" = "--kept=--api-token={0}" }\n'),
        _in_root(
            'extra-build-variables = { api = { CMAKE_ARGS = "-DX=1 -DAPI_KEY={0}", OPTIONS = "--api-token {0}" } }\n'
        ),
        _in_root('config-settings-package = { api = { password = "{0}" } }\n'),
        _in_root(
            'dependency-metadata = [{ name = "api", version = "1", requires-dist = ["x @ https://me:{0}@h/x.whl"] }]\n'
        ),
        _in_root('https-proxy = "http://me:{0}@proxy.example:3128"\n'),
        _in_root('publish-url = "https://me:{0}@company.example/"\n'),
        _in_root('pip = { extra-index-url = ["https://me:{0}@company.example/simple/"] }\n'),
        _in("uv.toml", INDEX),
        _in_member('[tool.uv.sources.x]\nurl = "https://me:{0}@company.example/x.whl"\n'),
        _in_member('[project.urls]\nsource = "https://me:{0}@company.example/x"\n'),
        _in_member('[[tool.pdm.source]]\nname = "company"\nurl = "https://company.example/"\npassword = "{0}"\n'),
        _in_member('[[tool.poetry.source]]\nname = "company"\nurl = "https://me:{0}@company.example/"\n'),
        _in_member('[tool.other]\nindex = "https:\\u002f\\u002fme:{0}\\u0040company.example/"\n'),
        _in("api/setup.cfg", "[options]\ninstall_requires =\n    x @ https://me:{0}@company.example/x.whl\n"),
        _in("api/setup.py", "setup(install_requires=['x @ https://me:{0}@company.example/x.whl'])\n"),
        _in("api/requirements.txt", "--index-url https://me:{0}@company.example/simple/\nx\n"),
    ],
)
def test_a_credential_is_in_no_file_and_in_no_digest(
    write: Callable[[Path, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stands; a rotated one makes the same context."""
    root = workspace(
        tmp_path / "w", {"api": '[tool.uv-workspace-function]\ninclude = ["requirements.txt", "setup.*"]\n'}
    )
    handler(root / "api")
    text = (root / "pyproject.toml").read_text().replace("[tool.uv]\nno-index = true\n", "")
    lock(root)
    hide_uv(monkeypatch)  # it would have to ask the index whether the lock is fresh
    (root / "pyproject.toml").write_text(text)
    write(root, FIRST)
    before = _context(root)
    write(root, SECOND)
    after = _context(root)
    assert FIRST not in _written(before)
    assert before.digest == after.digest


def test_the_host_of_a_direct_url_in_a_lock_stays(tmp_path: Path) -> None:
    """uv writes its credentials into the lock: the context's lock has the rest, hash included."""
    requirement = 'dependencies = ["x @ https://me:{0}@company.example/x-1-py3-none-any.whl?sig={0}&v=1"]\n'
    digests = []
    for secret in (FIRST, SECOND):
        root = workspace(tmp_path / secret, {"api": ""})
        handler(root / "api")
        lock(root)
        path = root / "api/pyproject.toml"
        path.write_text(path.read_text().replace("\n\n", f"\n{requirement.format(secret)}\n", 1))
        url = f"https://me:{secret}@company.example/x-1-py3-none-any.whl?sig={secret}&v=1"
        locked = (root / "uv.lock").read_text()
        locked = locked.replace(
            'source = { editable = "api" }\n',
            'source = { editable = "api" }\ndependencies = [\n    { name = "x" },\n]\n\n[package.metadata]\n'
            f'requires-dist = [{{ name = "x", url = "{url}" }}]\n',
        )
        locked += f'\n[[package]]\nname = "x"\nversion = "1"\nsource = {{ url = "{url}" }}\nwheels = [\n    {{ url = "{url}", hash = "sha256:00" }},\n]\n'
        (root / "uv.lock").write_text(locked)
        context = _context(root)
        digests.append(context.digest)
        assert secret not in _written(context)
        assert '{ url = "https://company.example/x-1-py3-none-any.whl?v=1", hash = "sha256:00" }' in _written(context)
    assert digests[0] == digests[1]
