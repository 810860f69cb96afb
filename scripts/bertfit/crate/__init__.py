"""A study as a Workflow Run RO-Crate: its archive, and metadata of files, workflow and jobs."""
