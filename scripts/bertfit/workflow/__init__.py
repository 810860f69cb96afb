"""What the rules of Snakemake need: inputs and values of each job, resources, and the digest of its code."""
