"""Attention inside each document of a packed batch."""
