"""The build context: which files enter it, how definitions are cut down, and how it is written."""
