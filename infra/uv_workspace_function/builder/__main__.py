"""The steps of an image's build: `python3 -m builder STEP`, with the folders of another home where it is none of the Dockerfile's."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from . import base, bytecode, layer, markers, namespaces, refusals
from .build_secrets import login
from .compiled import refuse_compiled
from .distributions import Distribution, File, attributed, installed
from .errors import BuildError
from .home import Home
from .install import rebuilding, sync
from .strata import strata
from .workspace import BUILDER_FOLDER, LocalPackage, Workspace, normalized

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Files of a namespace lie in `a/__init__.py`, `a/b/__init__.py` and the like: no more are looked at.
_DEEPEST_NAMESPACE = 4
_LAMBDA_GLIBC = "manylinux_2_34"  # https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html


def split_inputs(home: Home) -> None:
    """Part the build context by what each layer depends on."""
    _workspace(home).split(definitions=home.inputs / "definitions", libraries=home.inputs / "libraries")


def install_third_party(home: Home) -> None:
    """Install what is not of the workspace, as one layer a stratum."""
    workspace = _workspace(home)
    # Here, since definitions decide it: a line of code does not ask again.
    _check_python(workspace)
    allowed = {normalized(name) for name in _words("BUILD_FROM_SOURCE")}
    wheels_only = [f"--no-build-package={name}" for name in sorted(workspace.third_party - allowed)]
    # For uv, a wheel that lies in the repository is as local as a package there.
    local = (
        [f"--no-install-package={name}" for name in sorted(workspace.local)]
        if workspace.archives
        else ["--no-install-local"]
    )
    distributions = _install(home, workspace, "third-party", [*local, *wheels_only])
    if not home.is_container:
        refuse_compiled(distributions, workspace.lock, built=allowed)
    _remark(refusals.check_path_files(distributions, local=False))
    refusals.write_claims(home.claims / "third-party" / "claims.csv", (_claim(d, local=False) for d in distributions))
    placed: set[PurePosixPath] = set()
    layers = {}
    for stratum, members in strata(distributions).items():
        before = set(placed)
        layer.place(members, home.layers / stratum, placed=placed)
        layers[home.layers / stratum] = [[path for path in d.files if path not in before] for d in members]
    _finish(layers)


def install_libraries(home: Home) -> None:
    """Build and install the local packages that the service needs."""
    workspace = _workspace(home)
    closure = workspace.closure(_words("SERVICE_EXTRAS"), _machine()) - {workspace.service.name}
    packages = [package for name, package in sorted(workspace.local.items()) if name in closure]
    _install_local(home, workspace, packages, "local", claims=home.claims / "libraries" / "claims.csv")


def install_service(home: Home) -> None:
    """Build and install the service."""
    workspace = _workspace(home)
    _install_local(home, workspace, [workspace.service], "code", claims=home.claims / "service" / "claims.csv")


def check_layout(home: Home) -> None:
    """Refuse layers that don't fit together or on their base, and make the folders that the base lacks."""
    _remark(refusals.check_claims(refusals.read_claims(home.claims)))
    _remark(filter(None, [base.check_python(home.base, os.environ["PYTHON_VERSION"])]))
    base.check_libc(home.base, _platform())
    root = home.layers / "root"
    root.mkdir(parents=True)
    for folder in base.missing_folders(home.base, os.environ["TARGET_FOLDER"]):
        (root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
    layer.normalize(root)
    # Copying a folder onto another one gives that its owner, mode and time.
    for path in root.rglob("*"):
        if (there := home.base / path.relative_to(root)).is_dir():
            layer.make_like(path, there)
    _tell(root)


def git_credentials(home: Home) -> None:  # noqa: ARG001 - as every step
    """Answer git, which asks for the password of a repository."""
    if sys.argv[2:] == ["get"]:
        sys.stdout.write(login(Path(os.environ["NETRC"]), sys.stdin.read()))


def _install_local(
    home: Home, workspace: Workspace, packages: Sequence[LocalPackage], layer_name: str, *, claims: Path
) -> None:
    built = []
    for number, (group, variables) in enumerate(_by_variables(workspace.root, [p for p in packages if not p.virtual])):
        names = {package.name for package in group}
        others = sorted((workspace.third_party | set(workspace.local)) - names)
        options = [*rebuilding(workspace, group), *(f"--no-install-package={name}" for name in others)]
        built += _install(home, workspace, f"{layer_name}-{number}", options, variables)
    certain = workspace.closure(_words("SERVICE_EXTRAS"), _machine(), certain=True)
    wanted = [package.name for package in packages if package.name in certain and not package.virtual]
    refusals.check_installed(built, wanted, workspace.service.name)
    if not home.is_container:
        refuse_compiled(built, workspace.lock, built=set(workspace.local))
    for distribution in built:
        refusals.check_modules(distribution, workspace.modules(workspace.local[distribution.name]))
    built += [_copied(workspace, package) for package in packages if package.virtual]
    _remark(refusals.check_path_files(built, local=True))
    refusals.write_claims(claims, (_claim(d, local=True) for d in built))
    target = home.layers / layer_name
    layer.place(built, target)
    _finish({target: [list(d.files) for d in built]})


def _install(
    home: Home, workspace: Workspace, name: str, options: Sequence[str], variables: Mapping[str, str] | None = None
) -> list[Distribution]:
    """Have uv install what the options leave of the closure; without two files in one place."""

    def install(folder: Path, *more: str) -> list[Distribution]:
        extras, platform = _words("SERVICE_EXTRAS"), _platform()
        whole = [*options, *more]
        sync(home, workspace, folder, extras=extras, platform=platform, options=whole, variables=variables)
        return installed(folder)

    environment = home.environments / name
    distributions = install(environment)

    @cache
    def alone(name: str) -> Distribution:
        others = sorted({distribution.name for distribution in distributions} - {name})
        only = [f"--no-install-package={other}" for other in others]
        (found,) = install(environment.with_name(f"{environment.name}-{name}"), *only)
        return found

    settled, remarks = refusals.settle(attributed(distributions, alone), alone)
    _remark(remarks)
    return settled


def _copied(workspace: Workspace, package: LocalPackage) -> Distribution:
    files = {path: File.at(source) for path, source in workspace.importable_files(package)}
    return Distribution(name=package.name, record=None, files=files)


def _claim(distribution: Distribution, *, local: bool) -> refusals.Claim:
    """What a package takes, hashed so that editing code does not re-run the check."""
    files = {}
    for path, file in distribution.files.items():
        is_told = not local or path.name == "__init__.py" or path.suffix != ".py"
        if path != distribution.record:
            is_namespace = (
                is_told and len(path.parts) <= _DEEPEST_NAMESPACE and namespaces.does_nothing(path, file.source)
            )
            files[str(path)] = "namespace" if is_namespace else file.digest if is_told else ""
    return refusals.Claim(package=distribution.name, local=local, files=files)


def _by_variables(root: Path, packages: Iterable[LocalPackage]) -> list[tuple[list[LocalPackage], dict[str, str]]]:
    """Packages in as few groups as one environment can serve, each with its variables."""
    path = root / BUILDER_FOLDER / "build-env.json"
    given = {}
    if path.is_file():
        import json  # noqa: PLC0415 - seldom needed, and each import takes its time

        given = json.loads(path.read_text(encoding="utf-8"))
    groups: list[tuple[list[LocalPackage], dict[str, str]]] = []
    for package in packages:
        own: Mapping[str, str] = given.get(package.name, {})
        for members, variables in groups:
            if all(variables.get(key, value) == value for key, value in own.items()):
                members.append(package)
                variables.update(own)
                break
        else:
            groups.append(([package], dict(own)))
    return groups


def _finish(layers: Mapping[Path, Iterable[Sequence[PurePosixPath]]]) -> None:
    is_compiled = os.environ["INCLUDE_BYTECODE"] not in {"", "0", "false"}
    for each in bytecode.compile_modules(os.environ["TARGET_FOLDER"], layers) if is_compiled else layers:
        layer.normalize(each)
        _tell(each)


def _workspace(home: Home) -> Workspace:
    return Workspace.read(home.workspace, os.environ.get("SERVICE_NAME", ""))


def _platform() -> str:
    given, machine = os.environ.get("PYTHON_PLATFORM"), os.environ["TARGETARCH"]
    if given:
        return given
    if machine not in _MACHINES:
        known = ", ".join(f"linux/{name}" for name in _MACHINES)
        raise BuildError(f"no Lambda runs on linux/{machine}; build for one of {known}, or give PYTHON_PLATFORM")
    return f"{_MACHINES[machine]}-{_LAMBDA_GLIBC}"


def _machine() -> str:
    return _platform().partition("-")[0]


def _check_builder() -> None:
    own, wanted = "{}.{}".format(*sys.version_info), os.environ["PYTHON_VERSION"]
    if own != wanted:
        raise BuildError(
            f"the builder's python3 is Python {own}, but PYTHON_VERSION is {wanted}; give a BUILDER_IMAGE with Python {wanted}"
        )


def _check_python(workspace: Workspace) -> None:
    """Refuse a Python that a local package excludes: uv goes by the lock, which is cut down and allows any."""
    needed = workspace.closure(_words("SERVICE_EXTRAS"), _machine())
    for package in (package for name, package in sorted(workspace.local.items()) if name in needed):
        wanted = workspace.requires_python(package)
        if not markers.allows(wanted):
            raise BuildError(
                f"{package.name} requires Python {wanted}, and the builder has {'.'.join(map(str, sys.version_info[:3]))}; give "
                "another PYTHON_VERSION (python_version of the construct), or change requires-python"
            )


def _words(variable: str) -> list[str]:
    return os.environ.get(variable, "").split()


def _remark(remarks: Iterable[str]) -> None:
    for remark in remarks:
        print(f"note: {remark}", file=sys.stderr)  # noqa: T201 - the program's output


def _tell(finished: Path) -> None:
    """Say that a layer's folder stays as it is: who runs the step may take it while others are worked at."""
    print(f"layer {finished.name}", flush=True)  # noqa: T201 - the program's output


_STEPS: Mapping[str, Callable[[Home], None]] = {
    "split-inputs": split_inputs,
    "install-third-party": install_third_party,
    "install-libraries": install_libraries,
    "install-service": install_service,
    "check-layout": check_layout,
    "git-credentials": git_credentials,
}

if __name__ == "__main__":
    try:
        _check_builder()
        _STEPS[sys.argv[1]](Home.given(sys.argv[2:]))
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(error.exit_code)
