"""Durable agent flows in ordinary Python."""
