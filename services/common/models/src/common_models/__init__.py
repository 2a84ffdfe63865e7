"""The events that the services exchange."""
