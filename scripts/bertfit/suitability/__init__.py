"""Does an encoder know the texts: what its vocabulary makes of them, and which kind of encoder would."""
