"""What several people or machines give to one set of results: which seeds, and who gave what."""
