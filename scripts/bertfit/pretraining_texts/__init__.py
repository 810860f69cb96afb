"""Texts in the official pre-training format: of corpora, and unlabelled ones."""
