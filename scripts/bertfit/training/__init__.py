"""The training loop, which knows no task: checkpoint, device, optimizer, ranks, record of a run."""
