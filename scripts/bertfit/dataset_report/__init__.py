"""The report of your own dataset: one page on the winner, what was tried, and the texts."""
