"""Which experiments a study asks for: their ids, the cells of artefacts, and the registry of runs and encoders."""
