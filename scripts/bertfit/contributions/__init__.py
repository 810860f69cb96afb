"""What several people or machines gave to one set of results."""
