"""Where one package keeps its modules, and its handler: layouts of build backends, bindings, syntax.

Its modules:

    layouts          where a build backend looks for a package's modules, one backend a module
    module_reader    finds modules in local packages, and reads each once
    bindings, branches    what a module binds at its top level; which branches are run
    syntax, newer_syntax, _newer_syntax_tree    source that parses on the image's Python, also a newer one than this
    handlers         whether a handler exists
    conventions, likely_handlers    the handler that a package has by convention; functions that look like one
"""
