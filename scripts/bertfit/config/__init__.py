"""``config.yaml`` and the study files: schemas, loading, validation, references, own data, and what a recipe means."""
