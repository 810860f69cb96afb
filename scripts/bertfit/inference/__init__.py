"""Predictions of an exported classifier on new texts, whatever its kind and the library that computes it."""
