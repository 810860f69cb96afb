"""The level of all tests and intervals."""

LEVEL = 0.05
"""share of true null hypotheses that a test may reject; intervals have a confidence of 1 less it"""
