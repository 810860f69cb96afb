"""Documentation that is generated from the schemas: JSON schemas for editors, and a page of every configuration key."""
