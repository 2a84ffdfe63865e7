"""Exports a day's event counts in a partner's fixed-width format."""
