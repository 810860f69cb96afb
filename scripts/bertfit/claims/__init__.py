"""Tests of the paper's claims: schema, the runs of each comparison, effects, verdicts and ``claims.md``."""
