"""Answers questions about stored events over HTTP."""
