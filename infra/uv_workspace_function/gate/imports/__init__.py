"""Imports against declarations.

    check           every rule, member by member

One module a rule:

    undeclared      imports of what is not declared (UWF003), or only there for another package's sake (UWF004)
    unused          dependencies that nothing imports (UWF005)
    unparsed        sources that do not parse (UWF006)
    without_module  packages without a module (UWF018)
    local_modules   modules and names of local packages that are nowhere (UWF003)

What they ask:

    member          what a member declares, and whom an import of it may come from
    known           the packages of a project, and the files of its members
    declared, installed, modules    what is declared, what this machine has, who provides which module
    files, source, conditions       a member's Python files, their imports, and when these are run
    siblings, local_names, replaced_modules    what lies beside a file; what a local module binds; whether others stand in for it
    mentions, target_syntax         names in files beside the code; ruff's verdict on the syntax
"""
