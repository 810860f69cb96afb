"""A study described for others: a Workflow Run RO-Crate, its corpora as Croissant, the REFORMS checklist."""
