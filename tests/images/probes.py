"""Scripts that are run in an image, each printing one JSON document."""

# Loads every module as an import would, with the loader's own methods for compiling and writing made to tell: which modules
# have no bytecode although they compile, which bytecode Python takes no notice of, and which it would write anew.
BYTECODE = """
import importlib.machinery, importlib.util, json, os, sys, warnings
warnings.simplefilter("ignore")
root = sys.argv[1] if len(sys.argv) > 1 else "/var/task"
found = {"modules": 0, "missing": [], "compiled": [], "written": [], "stale": [], "left": [], "paths": []}

class Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, *args, **kwargs):
        found["compiled"].append(path)
        return super().source_to_code(data, path, *args, **kwargs)

    def set_data(self, path, data, **kwargs):
        found["written"].append(path)

known = set()
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        if not name.endswith(".py"):
            continue
        source = open(path, "rb").read()
        cache = importlib.util.cache_from_source(path)
        known.add(cache)
        try:
            compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        found["modules"] += 1
        if not os.path.exists(cache):
            found["missing"].append(path)
            continue
        header = open(cache, "rb").read(16)
        if header[4:8] != b"\\1\\0\\0\\0" or header[8:] != importlib.util.source_hash(source):
            found["stale"].append(path)
        code = Loader("module", path).get_code("module")
        if code.co_filename != path:
            found["paths"].append(code.co_filename)
for folder, _, names in os.walk(root):
    found["left"] += [path for name in names if (path := os.path.join(folder, name)).endswith(".pyc") and path not in known]
print(json.dumps(found))
"""

# What importlib.metadata knows: distributions with versions and files, and the entry points of one group.
METADATA = """
import importlib.metadata as metadata, json, os
print(json.dumps({
    "versions": {d.name: d.version for d in metadata.distributions(path=["/var/task"])},
    "lost": [str(f) for d in metadata.distributions(path=["/var/task"]) for f in d.files if not f.locate().exists()],
    "plugins": sorted(e.name for e in metadata.entry_points(group="shop.plugins")),
    "loaded": sorted(str(e.load()()) for e in metadata.entry_points(group="shop.plugins")),
}))
"""
