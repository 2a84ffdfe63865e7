"""Structured JSON logs for every service."""
