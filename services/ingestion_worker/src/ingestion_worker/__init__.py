"""Stores the events that arrive in the queue, each one once."""
