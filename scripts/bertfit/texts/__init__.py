"""Texts of corpora, and which writing systems and which language they have."""
