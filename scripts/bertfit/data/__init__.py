"""Corpora and texts from local files, the hub or the synthetic generator: labels, splits, sentences, documents."""
