"""What a run shows on the terminal: a first screen, one line that moves, closing lines, and errors once."""
