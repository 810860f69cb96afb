"""``config.yaml`` and the study files: schemas, loading, validation, references, own data, meaning of recipes."""
