"""Exports of a study: a classifier with its model card, predictions on new texts, an archive and its rebuilding."""
