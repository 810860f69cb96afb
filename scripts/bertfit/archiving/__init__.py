"""The archive of a study: its jobs, parts of a study, and one archive of those of all parts."""
