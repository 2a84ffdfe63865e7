"""Stores the events that arrive in the queue."""
