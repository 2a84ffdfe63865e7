"""Writes a summary of a day of events to a bucket."""
