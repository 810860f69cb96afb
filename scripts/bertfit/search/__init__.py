"""The search for the best classifier of your own dataset: rounds of successive halving on validation data."""
