"""Vocabularies, token files, truncation, pre-training instances. Readers (``*_file``) are separate from builders."""
