"""What ends a command, and the programs that end with it.

Its modules:

    programs         a program that is started, run to its end, and ended with all that it started
    signals          signals that end a command, and undo what it was making
"""
