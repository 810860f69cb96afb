"""Shared by all other folders: errors, atomic file writes, checksums, YAML, row readers, hub downloads, formatting."""
