"""What the builder refuses before there is an image, and what it only remarks; each guard on files made by hand.

Covers also: builder/base.py, builder/errors.py, builder/namespaces.py.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from uv_workspace_function.builder import base, namespaces, refusals
from uv_workspace_function.builder.distributions import Distribution, File, attributed
from uv_workspace_function.builder.errors import BuildError


def _digest(content: str) -> str:
    return "sha256=" + urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


def _distribution(folder: Path, name: str, files: Mapping[str, str]) -> Distribution:
    found = {}
    for path, content in files.items():
        source = folder / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(content)
        found[PurePosixPath(path)] = File(source=source, digest=_digest(content), size=str(len(content)))
    return Distribution(name=name, record=PurePosixPath(f"{name}-1.dist-info/RECORD"), files=found)


def _claim(package: str, *files: str, local: bool = False, digest: str = "") -> refusals.Claim:
    return refusals.Claim(package=package, local=local, files=dict.fromkeys(files, digest))


REMEDY = "one would hide the other; rename one, or drop one of the packages"


def test_a_layer_without_its_package_is_refused(tmp_path: Path) -> None:
    """Whatever made uv leave it out: the build ends, and no image lacks its service."""
    there = _distribution(tmp_path, "prices", {"prices.py": ""})
    refusals.check_installed([there], ["prices"], "orders")
    with pytest.raises(BuildError) as caught:
        refusals.check_installed([there], ["stock", "prices", "orders"], "orders")
    assert str(caught.value) == (
        "uv reported success, but did not install orders, stock for orders; look for settings of uv in the builder image "
        "(a uv.toml in /etc/uv or in its user's configuration), or give another BUILDER_IMAGE"
    )


def test_a_path_file_of_a_local_package_is_refused(tmp_path: Path) -> None:
    """An editable install, or a backend that writes a `.pth`, never reaches an image."""
    made = _distribution(tmp_path, "prices", {"__editable__.prices.pth": "/workspace/prices/src\n", "prices.py": ""})
    with pytest.raises(BuildError) as caught:
        list(refusals.check_path_files([made], local=True))
    assert str(caught.value) == (
        "prices brings __editable__.prices.pth: its backend made an editable install, or the package adds to the path; "
        "a package in an image is its files alone, so have the backend build a plain wheel"
    )


def test_a_path_file_that_adds_a_path_is_refused(tmp_path: Path) -> None:
    """A third-party package that is importable through a `.pth` alone would not be in the image."""
    made = _distribution(tmp_path, "old", {"old.pth": "# comment\nimport site\n\nold_vendored\n"})
    with pytest.raises(BuildError, match=r"^old brings old.pth, which adds old_vendored to the path"):
        list(refusals.check_path_files([made], local=False))


def test_a_path_file_that_runs_code_is_remarked(tmp_path: Path) -> None:
    """As setuptools has one: it stays with its package, and one is told."""
    line = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'\n"
    made = _distribution(tmp_path, "setuptools", {"distutils-precedence.pth": line, "setuptools/x.pth": "anything"})
    remarks = list(refusals.check_path_files([made], local=False))
    assert remarks == ["setuptools brings distutils-precedence.pth, which nothing runs in the image"]


def test_a_built_package_without_a_module_is_refused(tmp_path: Path) -> None:
    """A backend that found nothing makes an empty wheel without a word."""
    made = _distribution(tmp_path, "prices", {"prices-1.dist-info/METADATA": ""})
    with pytest.raises(BuildError, match=r"^prices has sources, but its backend built a wheel without a module"):
        refusals.check_modules(made, {PurePosixPath("src/prices/__init__.py")})


def test_a_package_of_requirements_alone_is_fine(tmp_path: Path) -> None:
    """A package without sources has no module to lose."""
    refusals.check_modules(_distribution(tmp_path, "all", {"all-1.dist-info/METADATA": ""}), frozenset())


def test_a_package_of_data_may_have_programs_beside_it(tmp_path: Path) -> None:
    """A build hook in a folder of tools is no module that got lost."""
    made = _distribution(tmp_path, "schemas", {"schemas/order.json": "{}"})
    refusals.check_modules(made, {PurePosixPath("tools/hook.py")})


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import prices.rates", "prices.rates"),
        ("import prices.rates.table", "prices.rates.table"),
        ("from prices import rates", "prices.rates"),
        ("from prices.rates import table", "prices.rates"),
        ("from . import rates", "prices.rates"),
        ("from .rates.table import ROWS", "prices.rates.table"),
    ],
)
def test_a_module_that_is_imported_and_left_out_is_refused(tmp_path: Path, line: str, name: str) -> None:
    """As setuptools does with a subpackage that `packages` doesn't list: the image would fail at its first event."""
    made = _distribution(tmp_path, "prices", {"prices/__init__.py": "", "prices/main.py": f"{line}\n"})
    sources = {
        PurePosixPath(f"src/prices/{path}")
        for path in ("__init__.py", "main.py", "rates/__init__.py", "rates/table.py", "unused/__init__.py")
    }
    with pytest.raises(BuildError) as caught:
        refusals.check_modules(made, sources)
    assert str(caught.value) == (
        f"prices/main.py of prices imports {name}, whose source is there, but which its backend left out of the wheel; have the "
        "backend find all packages, or list it among them"
    )


def test_a_module_that_is_left_out_and_not_needed_is_fine(tmp_path: Path) -> None:
    """Excluded on purpose, compiled, or imported by what can do without it."""
    main = (
        "try:\n    from prices import debug\nexcept ImportError:\n    debug = None\nfrom prices import fast, VERSION\n"
    )
    shipped = {"prices/__init__.py": "", "prices/main.py": main, "prices/fast.cpython-314-aarch64-linux-gnu.so": ""}
    sources = {PurePosixPath(f"prices/{name}.py") for name in ("__init__", "main", "fast", "debug")}
    refusals.check_modules(_distribution(tmp_path, "prices", shipped), sources)


@pytest.mark.parametrize(
    "module", ["prices.so", "prices/a.abi3.so", "prices/a.cpython-314-aarch64-linux-gnu.so", "p.py"]
)
def test_a_compiled_module_is_a_module(tmp_path: Path, module: str) -> None:
    """Not every package is made of `.py` files."""
    refusals.check_modules(_distribution(tmp_path, "prices", {module: ""}), {PurePosixPath("src/prices/__init__.py")})


def test_one_place_for_two_contents_is_refused() -> None:
    """The service's module in a library's place: the layer above would hide the one below."""
    with pytest.raises(BuildError) as caught:
        refusals.check_claims(
            [
                _claim("stock", "shared/__init__.py", local=True, digest="one"),
                _claim("orders", "shared/__init__.py", local=True, digest="two"),
            ]
        )
    assert str(caught.value) == f"stock and orders bring different files as shared/__init__.py: {REMEDY}"


def test_texts_beside_the_packages_are_no_modules() -> None:
    """Two packages may each have a list of changes; nothing imports it."""
    refusals.check_claims(
        [
            _claim("stock", "CHANGELOG.md", "share/doc/README", local=True, digest="one"),
            _claim("orders", "CHANGELOG.md", "share/doc/README", local=True, digest="two"),
        ]
    )


def test_a_namespace_over_two_packages_is_fine() -> None:
    """PEP 420, and the older way: equal `__init__.py` files in each part."""
    refusals.check_claims(
        [
            _claim("acme-stock", "acme/stock/__init__.py", local=True),
            _claim("acme-orders", "acme/orders/__init__.py", local=True),
            _claim("old-stock", "old/__init__.py", local=True, digest="same"),
            _claim("old-orders", "old/__init__.py", local=True, digest="same"),
        ]
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("requests.py", "requests/__init__.py"),
        ("requests.py", "requests/sessions.py"),
        ("requests.py", "requests.abi3.so"),
        ("acme/stock.py", "acme/stock/__init__.py"),
    ],
)
def test_a_module_that_hides_another_is_refused(first: str, second: str) -> None:
    """`a.py`, `a.so` and `a/` are one name to import, whichever side is ours."""
    for ours, theirs in ((first, second), (second, first)):
        with pytest.raises(BuildError) as caught:
            refusals.check_claims([_claim("theirs", theirs), _claim("ours", ours, local=True)])
        assert str(caught.value).endswith(REMEDY)
        assert "ours brings" in str(caught.value)
        assert "theirs brings" in str(caught.value)


@pytest.mark.parametrize("path", ["logging.py", "logging/__init__.py", "logging.abi3.so"])
def test_a_module_that_hides_pythons_own_is_told(path: str) -> None:
    """The target folder comes before the standard library on the path, which can be meant, and can end the runtime."""
    told = "brings a module logging, which hides Python's own of that name in the image, for the runtime and all packages in it"
    claims = [_claim("orders", path, local=True)]
    assert refusals.check_claims(claims) == [f"orders {told}"]


def test_a_module_elsewhere_hides_nothing_of_python() -> None:
    """In a package, in a folder that is none, among stray tests, or in a distribution's metadata."""
    paths = (
        "orders/logging.py",
        "email/templates.py",
        "test/__init__.py",
        "logging.txt",
        "logging-1.dist-info/METADATA",
    )
    assert refusals.check_claims([_claim("orders", *paths, local=True)]) == []


def test_third_party_packages_keep_their_own_forms() -> None:
    """A compiled module beside its source, and two packages below one folder, are as their makers meant them."""
    refusals.check_claims(
        [
            _claim("charset-normalizer", "charset_normalizer/md.py", "charset_normalizer/md.abi3.so"),
            _claim("google-auth", "google/auth/__init__.py"),
            _claim("protobuf", "google/protobuf/__init__.py"),
            _claim("orders", "orders/__init__.py", local=True),
        ]
    )


def _settled(folder: Path, one: Mapping[str, str], two: Mapping[str, str]) -> tuple[list[Distribution], list[str]]:
    """Two packages settled that were installed into one folder: of what both bring, the second one's content is there."""
    alone = {name: _distribution(folder / name, name, files) for name, files in (("one", one), ("two", two))}
    together = [_distribution(folder / "both", name, files) for name, files in (("one", one), ("two", two))]
    return refusals.settle(together, alone.__getitem__)


def test_two_third_party_modules_in_one_place_are_refused(tmp_path: Path) -> None:
    """One of the two packages is broken: uv warns at most."""
    with pytest.raises(BuildError) as caught:
        _settled(tmp_path, {"cv2/__init__.py": "A = 1"}, {"cv2/__init__.py": ""})
    assert str(caught.value) == f"one, two bring different files as cv2/__init__.py: {REMEDY}"


@pytest.mark.parametrize("chance", [0o644, 0o755])
def test_modes_of_what_packages_share_are_settled_by_content(tmp_path: Path, chance: int) -> None:
    """Whichever package's was there last: a script is executable, a module is not; a package's own file keeps its mode."""
    files = {
        "tools/run": "#!/bin/sh\n",
        "tools/data": "x",
        "tools/lib.so": "\x7fELF",
        "bin/run": "x",
        "LICENSE": "same",
    }
    alone = {
        "one": _distribution(tmp_path / "one", "one", {**files, "own": "x"}),
        "two": _distribution(tmp_path / "two", "two", {**files, "NOTICE": "x"}),
    }
    together = _distribution(tmp_path / "together", "one", {**files, "own": "x", "NOTICE": "2"})
    for file in together.files.values():
        file.source.chmod(chance)
    other = replace(together, name="two", files={p: f for p, f in together.files.items() if p.name != "own"})
    differing = {
        **other.files,
        PurePosixPath("LICENSE"): replace(other.files[PurePosixPath("LICENSE")], digest="another"),
    }
    settled, _ = refusals.settle([together, replace(other, files=differing)], alone.__getitem__)
    modes = {str(path): file.source.stat().st_mode & 0o777 for path, file in settled[0].files.items()}
    assert modes == {
        "tools/run": 0o755, "tools/data": 0o644, "tools/lib.so": 0o755, "bin/run": 0o755, "LICENSE": 0o644, "NOTICE": 0o644,
        "own": chance,
    }  # fmt: skip


def test_a_file_that_no_record_lists_is_everybody_s_who_brings_it(tmp_path: Path) -> None:
    """Which of two is there, an installation leaves to chance: each package is asked by itself, and they are compared as others are."""
    one, two = ({"shared/a.py": text, f"{text}.py": ""} for text in ("one", "two"))
    alone = {name: _distribution(tmp_path / name, name, files) for name, files in (("one", one), ("two", two))}
    (tmp_path / "site").mkdir()
    first = _distribution(tmp_path / "site", "one", one)
    second = _distribution(tmp_path / "site", "two", {"two.py": ""})
    guessed = replace(first, unlisted=frozenset({PurePosixPath("shared/a.py")}))
    found = attributed([guessed, second], alone.__getitem__)
    assert [sorted(map(str, distribution.files)) for distribution in found] == [
        ["one.py", "shared/a.py"],
        ["shared/a.py", "two.py"],
    ]
    with pytest.raises(BuildError, match=r"^one, two bring different files as shared/a.py"):
        refusals.settle(found, alone.__getitem__)
    assert attributed([first, second], alone.__getitem__) == [first, second]


def test_texts_and_litter_in_one_place_are_settled(tmp_path: Path) -> None:
    """A stray LICENSE or `tests/` is nothing to fail for: the first package's is kept, whichever was installed last."""
    settled, remarks = _settled(
        tmp_path,
        {"LICENSE": "1", "tests/__init__.py": "1", "one.py": ""},
        {"LICENSE": "2", "tests/__init__.py": "2", "two.py": ""},
    )
    assert [sorted(map(str, distribution.files)) for distribution in settled] == [
        ["LICENSE", "one.py", "tests/__init__.py"],
        ["two.py"],
    ]
    assert settled[0].files[PurePosixPath("LICENSE")].source.read_text() == "1"
    assert remarks == [
        "one, two bring different files as LICENSE, which nothing imports; the one of one is kept",
        "one, two bring different files as tests/__init__.py, which nothing imports; the one of one is kept",
    ]


def test_equal_files_of_two_packages_are_no_clash(tmp_path: Path) -> None:
    """As the `__init__.py` of an old namespace."""
    settled, remarks = _settled(tmp_path, {"acme/__init__.py": "same"}, {"acme/__init__.py": "same"})
    assert remarks == []
    assert [list(distribution.files) for distribution in settled] == [[PurePosixPath("acme/__init__.py")]] * 2


NAMESPACES = [
    "",
    "# type: ignore\n",
    '"""Acme."""\n',
    "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
    "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)  # type: ignore\n",
    "import pkg_resources\npkg_resources.declare_namespace(__name__)\n",
    """\
try:
    __import__('pkg_resources').declare_namespace(__name__)
except ImportError:
    __path__ = __import__('pkgutil').extend_path(__path__, __name__)
""",
]


@pytest.mark.parametrize("text", NAMESPACES[1:])
def test_a_namespace_that_packages_make_in_words_of_their_own_is_one(tmp_path: Path, text: str) -> None:
    """None of the files does anything else: one stands for both, and both say that it is theirs."""
    settled, remarks = _settled(tmp_path, {"acme/__init__.py": NAMESPACES[0]}, {"acme/__init__.py": text})
    one, two = (distribution.files[PurePosixPath("acme/__init__.py")] for distribution in settled)
    assert remarks == []
    assert one == two == File.at(one.source)
    assert one.source.read_bytes() == namespaces.CONTENT


@pytest.mark.parametrize(
    "text",
    [
        "A = 1\n",
        "from acme.core import A\n",
        "__path__ = ['elsewhere']\n",
        "import os\n",
        "try:\n    A = 1\nexcept ImportError:\n    pass\n",
        "def f(:\n",
        "#" * 20_000,
    ],
)
def test_a_package_that_does_something_is_no_namespace(tmp_path: Path, text: str) -> None:
    """Whoever imports it wants what it has."""
    (tmp_path / "x").write_text(text)
    assert not namespaces.does_nothing(PurePosixPath("acme/__init__.py"), tmp_path / "x")


def test_claims_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Each layer's step leaves its claims for the one that compares them."""
    claims = [_claim("orders", "orders/__init__.py", local=True, digest="x"), _claim("six", "six.py")]
    refusals.write_claims(tmp_path / "service/service.csv", claims)
    assert refusals.read_claims(tmp_path) == claims


def _file_system(root: Path, links: Mapping[str, str]) -> Path:
    """A root folder with files, or links where a target is given."""
    for path, link in links.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if link:
            place.symlink_to(link)
        else:
            place.touch()
    return root


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"var/lang/bin/python3": "python3.14", "var/lang/bin/python3.14": ""}, "3.14"),
        ({"var/lang/bin/python3.13": "", "usr/bin/python3": "python3.9", "usr/bin/python3.9": ""}, "3.13"),
        ({"usr/local/bin/python3": "python3.14", "usr/local/bin/python3.14": "", "usr/bin/python3.13": ""}, "3.14"),
        (
            {
                "usr/bin/python3": "/etc/alternatives/p",
                "etc/alternatives/p": "/usr/bin/python3.12",
                "usr/bin/python3.12": "",
            },
            "3.12",
        ),
        ({"bin": "usr/bin", "usr/bin/python3.11": ""}, "3.11"),
        ({"usr/bin/env": ""}, None),
    ],
)
def test_the_python_of_a_base_image_is_found_without_running_it(
    tmp_path: Path, files: Mapping[str, str], version: str | None
) -> None:
    """By the names of files and links, taken from the image's own root."""
    assert base.python_version(_file_system(tmp_path, files)) == version


def test_another_python_in_the_base_image_is_refused(tmp_path: Path) -> None:
    """Its modules would not fit, and its bytecode be ignored."""
    root = _file_system(tmp_path, {"var/lang/bin/python3": "python3.13", "var/lang/bin/python3.13": ""})
    assert base.check_python(root, "3.13") is None
    with pytest.raises(BuildError) as caught:
        base.check_python(root, "3.14")
    assert str(caught.value) == (
        "the base image has Python 3.13, but PYTHON_VERSION is 3.14; give PYTHON_VERSION=3.13 (the construct's "
        "python_version), or a BASE_IMAGE with Python 3.14"
    )


def test_an_older_c_library_is_refused(tmp_path: Path) -> None:
    """Wheels for glibc 2.34 don't load on Amazon Linux 2, which has 2.26."""
    library = _file_system(tmp_path, {"lib64/libc.so.6": "libc-2.26.so"}) / "lib64/libc-2.26.so"
    library.write_bytes(b"\x7fELF...GNU C Library (GNU libc) stable release version 2.26, by Roland McGrath")
    base.check_libc(tmp_path, "aarch64-manylinux_2_17")
    base.check_libc(tmp_path, "aarch64-manylinux2014")
    with pytest.raises(
        BuildError, match=r"^the base image has glibc 2.26, but wheels were installed for aarch64-manylinux_2_34"
    ):
        base.check_libc(tmp_path, "aarch64-manylinux_2_34")


def test_musl_is_refused_for_wheels_of_glibc(tmp_path: Path) -> None:
    """An Alpine image takes other wheels."""
    _file_system(tmp_path, {"lib/ld-musl-aarch64.so.1": ""})
    base.check_libc(tmp_path, "aarch64-unknown-linux-musl")
    with pytest.raises(BuildError, match=r"PYTHON_PLATFORM=aarch64-unknown-linux-musl \(python_platform"):
        base.check_libc(tmp_path, "aarch64-manylinux_2_34")


def test_only_folders_that_the_base_image_lacks_are_made(tmp_path: Path) -> None:
    """Those it has keep their owner, mode and time; a link on the way is followed."""
    _file_system(tmp_path, {"var/task/.keep": "", "srv": "/data/srv", "data/srv/.keep": ""})
    assert base.missing_folders(tmp_path, "/var/task") == []
    assert base.missing_folders(tmp_path, "/opt/app/site") == [
        PurePosixPath(p) for p in ("/opt", "/opt/app", "/opt/app/site")
    ]
    assert base.missing_folders(tmp_path, "/srv/app") == [PurePosixPath("/data/srv/app")]


@pytest.mark.parametrize("folder", ["", "/", "app", "/app/../etc"])
def test_a_target_folder_that_is_none_is_refused(tmp_path: Path, folder: str) -> None:
    """Before anything is copied over the root."""
    with pytest.raises(BuildError) as caught:
        base.missing_folders(tmp_path, folder)
    assert str(caught.value) == f"TARGET_FOLDER must be an absolute path below /, not {folder!r}"
