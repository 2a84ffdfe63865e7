"""Greets whoever is named."""
