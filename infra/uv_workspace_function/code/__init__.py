"""Where one package keeps its modules, and its handler: layouts of build backends, bindings, syntax."""
