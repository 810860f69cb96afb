"""Runs of a finished study in the formats of other tools, written from its records alone."""
