"""Encoders in Hugging Face format: folders, the modules of transformers, exported classifiers."""
