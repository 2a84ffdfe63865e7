"""Who provides which module: third-party distributions by their metadata, local packages by their sources."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """Who can answer an import."""

    owners: frozenset[str]
    """The packages that have the module, or the innermost one above it that anybody has."""
    exact: bool
    """Whether they have all of it; otherwise the rest may be an attribute."""


NOBODY = Provided(owners=frozenset(), exact=False)


@dataclass(kw_only=True)
class Modules:
    """All modules that packages provide, by dotted name."""

    _owners: dict[str, dict[str, bool]] = field(default_factory=dict)
    """Module -> the packages that have it, and whether it is a mere namespace there."""

    def add(self, package: str, modules: Mapping[str, bool]) -> None:
        """Note the modules of a package, and which of them are namespaces."""
        owners = self._owners
        for module, is_namespace in modules.items():
            owners.setdefault(module, {})[package] = is_namespace

    def find(self, module: str) -> Provided:
        """Who provides a module.

        In a namespace that several packages share, the one that has the submodule counts; where none has, nobody does.
        """
        owners = self._owners
        wanted = module
        while wanted not in owners:
            wanted = wanted.rpartition(".")[0]
            if not wanted:
                return NOBODY
        exact = wanted == module
        providers = owners[wanted]
        if not exact and all(providers.values()):
            return NOBODY
        # a folder without __init__.py beside a package of that name is shadowed by it
        real = frozenset(name for name, is_namespace in providers.items() if not is_namespace)
        return Provided(owners=real if real and not exact else frozenset(providers), exact=exact)

    def find_all(self, module: str, names: Iterable[str]) -> Mapping[str, Provided]:
        """Who provides each module that `from module import names` needs, by its dotted name."""
        whole = self.find(module)
        found: dict[str, Provided] = {}
        for name in names:
            inner = f"{module}.{name}"
            if inner in self._owners:
                found[inner] = Provided(owners=frozenset(self._owners[inner]), exact=True)
            elif whole.exact and name != "*" and all(self._owners[module].values()):
                found[inner] = NOBODY
            else:
                found[module] = whole
        return found or {module: whole}

    def namespace_of(self, package: str, module: str) -> bool:
        """Whether a module is a mere namespace in a package."""
        return self._owners.get(module, {}).get(package, False)


def resembles(module: str, package: str) -> bool:
    """Whether a module's name is that of a package, or begins with it: `google.cloud.storage` and google-cloud-storage."""
    spelt = re.sub(r"[._]+", "-", module).lower()
    return spelt == package or spelt.startswith(f"{package}-")
