"""Your own dataset before anything runs: the file, its columns, the encoder, and the sizes of the search."""
