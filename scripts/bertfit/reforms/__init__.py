"""The REFORMS checklist of a study, filled from its records; what only people can answer is marked."""
