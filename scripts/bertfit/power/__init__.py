"""The probability that a study decides its claims, by simulation before it runs."""
