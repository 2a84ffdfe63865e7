"""Images without a container engine: layers, configuration, registries. The same layers as BuildKit's, to the bit of their DiffIDs."""
