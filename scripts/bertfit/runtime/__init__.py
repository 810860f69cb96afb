"""The environment of a job: hardware, GPU lease, resume state, signals, log, progress, TensorBoard."""
