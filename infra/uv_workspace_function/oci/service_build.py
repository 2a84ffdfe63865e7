"""A build without an engine: each layer from the cache, or by the builder's step for it."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from uv_workspace_function.builder.errors import BuildError
from uv_workspace_function.builder.workspace import Workspace as BuilderWorkspace
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import builder_program, elsewhere, layers, tar
from uv_workspace_function.oci.compression import COMPRESSOR
from uv_workspace_function.oci.layers import NAMES, Built, Layer
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.steps import Step, Tools, third_party_key, tree_digest
from uv_workspace_function.oci.store import Store, key_of
from uv_workspace_function.oci.tree import Tree

_FORMAT = 1
"""Part of every key: another one when what is kept is written in another way."""
_OF_STEP = {
    "install-third-party": ("heavy", "medium", "light"),
    "install-libraries": ("local",),
    "install-service": ("code",),
    "check-layout": ("root",),
}
_CLAIMS = {"install-third-party": "third-party", "install-libraries": "libraries", "install-service": "service"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of a step."""

    layers: Mapping[str, Layer]
    claims: str
    remarks: tuple[str, ...]
    is_reused: bool


@dataclass(frozen=True, kw_only=True)
class ServiceBuild:
    """One build.

    Args:
        store: where layers are kept.
        tools: what runs the steps.
        request: what is built.
        ground: a key of what the layers are laid on: a base image's digest, or a runtime's name.
        tree: that one's folders.
        verify: whether every step is run, and what comes of it compared with what is kept.
        no_backends: whether what would run code is refused.
        said: is told of each step that runs.
    """

    store: Store
    tools: Tools
    request: Request
    ground: str
    tree: Tree
    verify: bool = False
    no_backends: bool = False
    said: Callable[[str], None] = field(default=lambda _: None)

    def run(self) -> Built:
        """Build the layers.

        Raises:
            WorkspaceError: when a step refuses something, or fails.
        """
        work = f"{self.request.service}-{key_of(self.request.platform, self.request.variables)[:12]}"
        with self.store.work_folder(work) as (folder, lock):
            context, inputs = folder / "context", folder / "inputs"
            if self.no_backends:  # before anything runs
                _refuse_backends(self.request, context, self.tools.uv_version)
            with ThreadPoolExecutor(max_workers=3) as pool:
                at_work = Event()
                service = pool.submit(self._service, folder, lock, at_work)
                at_work.wait()  # the rest is cut while it runs: threads of ours would only wait for each other before
                self.request.context.write(context)
                workspace = _workspace(context, self.request.service)
                workspace.split(definitions=inputs / "definitions", libraries=inputs / "libraries")
                third_party = pool.submit(self._third_party, folder, lock, inputs / "definitions", workspace)
                libraries = pool.submit(self._step, "install-libraries", folder, lock, inputs / "libraries")
                made = {
                    "install-third-party": third_party.result(),
                    "install-libraries": libraries.result(),
                    "install-service": service.result(),
                }
            made["check-layout"] = self._layout(folder, lock, made)
        return self._result(made)

    def _result(self, made: Mapping[str, Made]) -> Built:
        own = {name: layer for one in made.values() for name, layer in one.layers.items()}
        way = self.tree.way(self.request.target_folder)
        moved: dict[str, Layer] = {"root": own["root"]}
        below: dict[Layer, AbstractSet[str]] = {}
        for name in NAMES[1:]:
            layer = layers.on_another_way(self.store, own[name], way)
            moved[name] = layers.without_equal_files(self.store, layer, way, below, self.tree.equal)
            below[moved[name]] = layers.paths(self.store, moved[name])
        reused = frozenset(name for step, names in _OF_STEP.items() if made[step].is_reused for name in names)
        return Built(
            layers=moved,
            reused=reused,
            remarks=tuple(remark for one in made.values() for remark in one.remarks),
            task_folder=way[-1].name.rstrip("/"),
        )

    def _service(self, folder: Path, lock: int, at_work: Event) -> Made:
        """Install the service, from a copy of the context: a backend may write into it, and the other inputs are cut from another one."""
        own = folder / "service"
        try:
            return self._step(
                *("install-service", folder, lock, own),
                known=self.request.context.digest,
                prepare=lambda: self.request.context.write(own),
                begins=at_work.set,
            )
        finally:
            at_work.set()

    def _third_party(self, folder: Path, lock: int, definitions: Path, workspace: BuilderWorkspace) -> Made:
        known = tree_digest(definitions)
        own = self._key("install-third-party", known)
        shared = self.store.record("same", own)
        if shared is None:
            project = definitions / workspace.project
            shared = third_party_key(self.tools, definitions, project, self.request.variables, folder / "export-home")
            if shared is None:
                shared = known
            self.store.keep("same", own, shared)
        return self._step("install-third-party", folder, lock, definitions, known=f"shared {shared}", is_shared=True)

    def _step(
        self,
        name: str,
        folder: Path,
        lock: int,
        workspace: Path,
        *,
        known: str | None = None,
        is_shared: bool = False,
        prepare: Callable[[], None] = lambda: None,
        begins: Callable[[], None] = lambda: None,
    ) -> Made:
        key = self._key(name, known or tree_digest(workspace), is_shared=is_shared)
        step = Step(
            name=name,
            folder=folder / name,
            workspace=workspace,
            base=folder / "base",
            claims=folder / name / "claims",
            lock=lock,
        )
        return self._made(step, key, prepare=prepare, begins=begins)

    def _layout(self, folder: Path, lock: int, made: Mapping[str, Made]) -> Made:
        claims = {name: made[step].claims for step, name in _CLAIMS.items()}
        root = folder / "base"
        key = self._key("check-layout", key_of(claims, self.ground))
        step = Step(
            name="check-layout",
            folder=folder / "layout",
            workspace=folder / "context",
            base=root,
            claims=folder / "claims",
            lock=lock,
        )

        def prepare() -> None:
            self.tree.write(root, target_folder=self.request.target_folder)
            _write_claims(folder / "claims", claims)

        return self._made(step, key, prepare=prepare)

    def _made(
        self, step: Step, key: str, *, prepare: Callable[[], None], begins: Callable[[], None] = lambda: None
    ) -> Made:
        """What came of a step: kept, or made now; by one process at a time."""
        kept = _kept(self.store, key)
        if kept is not None and not self.verify:
            return kept
        with self.store.locked(f"step-{key}"):
            if kept is None and not self.verify and (kept := _kept(self.store, key)) is not None:
                return kept
            prepare()
            program = builder_program.kept(self.store, self.request.context, self.tools.interpreter)
            self.said(f"{self.request.service}: {step.name}")
            begins()
            found: dict[str, Layer] = {}
            write = partial(self._write, step, found)
            remarks = step.run(self.tools, program, self.request.variables, write)
            claims = [path.read_text(encoding="utf-8") for path in sorted(step.claims.rglob("*.csv"))]
            by_name = {name: found[name] for name in _OF_STEP[step.name]}
            made = Made(layers=by_name, claims="".join(claims), remarks=tuple(remarks), is_reused=False)
            if kept is not None:
                self._refuse_difference(step, kept, made)
            self.store.keep(
                "steps",
                key,
                {
                    "layers": {name: layer.as_kept() for name, layer in made.layers.items()},
                    "claims": made.claims,
                    "remarks": list(remarks),
                },
            )
            self.store.discard(step.folder)
        return made

    def _refuse_difference(self, step: Step, kept: Made, made: Made) -> None:
        way = self.tree.way(self.request.target_folder)
        there = {
            name: layer if name == "root" else layers.on_another_way(self.store, layer, way)
            for name, layer in kept.layers.items()
        }
        if changed := [name for name, layer in made.layers.items() if there[name].diff_id != layer.diff_id]:
            raise WorkspaceError(
                f"{self.request.service}: {step.name} made a different layer than the one in the cache ({', '.join(changed)})",
                "its packages or their backends are not reproducible; without --verify the layer in the cache is used",
            )

    def _write(self, step: Step, found: dict[str, Layer], name: str) -> None:
        if name == "root":
            content = (_as_in_base(self.tree, entry) for entry in tar.entries(step.layers / name))
            found[name] = layers.write(self.store, (), content)
            return
        way = self.tree.way(self.request.target_folder)
        found[name] = layers.write(self.store, way, tar.entries(step.layers / name, way[-1].name))

    def _key(self, step: str, known: str, *, is_shared: bool = False) -> str:
        """What decides a step's result."""
        program = self.request.context.program_digest
        variables = dict(self.request.variables)
        if is_shared:
            del variables["SERVICE_NAME"], variables["SERVICE_EXTRAS"]
        return key_of(
            _FORMAT, step, known, program, self.tools.uv_version, self.tools.interpreter.exactly, variables, COMPRESSOR
        )


def _write_claims(folder: Path, claims: Mapping[str, str]) -> None:
    for name, text in claims.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "claims.csv").write_text(text, encoding="utf-8", newline="")


def _as_in_base(tree: Tree, entry: tar.Entry) -> tar.Entry:
    path = entry.name.rstrip("/")
    return tree.entry(path) if path in tree.folders else entry


def _kept(store: Store, key: str) -> Made | None:
    kept: Any = store.record("steps", key)
    if kept is None:
        return None
    found = {name: Layer.of(layer) for name, layer in kept["layers"].items()}
    if not all(elsewhere.reaches(store, layer.blob) for layer in found.values()):
        return None
    return Made(layers=found, claims=kept["claims"], remarks=tuple(kept["remarks"]), is_reused=True)


def _refuse_backends(request: Request, context: Path, uv_version: str) -> None:
    from uv_workspace_function.oci import backends  # noqa: PLC0415 - who reads definitions takes its time

    request.context.write(context)
    packages = _workspace(context, request.service).local.values()
    backends.refuse(context, packages, uv_version=uv_version, from_source=request.value("BUILD_FROM_SOURCE"))


def _workspace(context: Path, service: str) -> BuilderWorkspace:
    try:
        return BuilderWorkspace.read(context, service)
    except BuildError as error:
        raise WorkspaceError(str(error)) from error
