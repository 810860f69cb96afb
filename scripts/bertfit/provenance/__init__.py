"""What is known of a finished study: its records, the jobs that made them, its corpora and its authors."""
