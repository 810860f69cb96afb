"""The experiments of a study: ids of recipes and encoders, cells of artefacts, the registry, job specifications."""
