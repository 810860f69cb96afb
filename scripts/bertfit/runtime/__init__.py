"""The machine that a job runs on: hardware, lease of a GPU, resume state, signals, log, progress, TensorBoard."""
