"""Corpora and texts from files, the hub or the synthetic generator: labels, splits, sentences, documents."""
