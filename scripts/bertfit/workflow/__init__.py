"""For the rules of Snakemake: inputs and specification of each job, its resources, and the digest of its code."""
