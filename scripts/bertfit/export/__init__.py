"""What leaves a study: a classifier with its model card and predictions on new texts, an archive and its rebuilding."""
