"""Families of encoders, and what an encoder folder declares before its weights are read."""
