"""What a study will cost and did cost: operations of a job, text lengths, disk, measured speed, and the page."""
