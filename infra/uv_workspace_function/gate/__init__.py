"""The gate: what a shared virtual environment hides, found before production.

    findings       what a check says, and the closed list of codes
    scope          what is judged: members, services, the target
    built_for      the Pythons of a service's images, by a cloud assembly
    runner         every check, one after the other -> one report

Each check is a function, from a scope to findings and to what could not be checked:

    locks          the lock is that of the project (UWF001), requirements can be met together (UWF002)
    imports/       every import is declared (UWF003, UWF004), every dependency is imported (UWF005), sources parse (UWF006)
    missing_handlers  handlers exist (UWF007)
    target_wheels  every package has a wheel for the target (UWF008)
    usage, run_by_path    libraries are used (UWF009), by others or by whoever runs a file of them; services are deployed (UWF010)
    isolation      each handler imports in an environment of its own (UWF011)
    contexts       what enters an image: secrets, large files, pins (UWF012 to UWF017), pointers of git-lfs (UWF021)
    allowed        exceptions have reasons (UWF019)
    credentials    settings hold no credential (UWF020)
    working_tree   the working tree is its commit's (UWF021)
    build_programs  what a build may miss in its context: a note
    left_out       what is committed is in an image (UWF022)

What they stand on, and what becomes of a report:

    lines, ignore_rules    where in a TOML file something stands; which line of a `.gitignore` ignores a path
    secrets        what looks like a secret: by name, by shape, by a rule set
    secret_files, secret_shapes, secret_rules    these three
    cache_file, stored_facts    what a run has found out, for the next one; of Python files
    baseline       findings that do not count, since they were there before
    report_text, report_json, report_sarif, report_github    the report, for people and for programs
"""
