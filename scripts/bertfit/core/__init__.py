"""What every other folder uses: errors, files that are whole or absent, checksums, YAML, readers of rows, downloads,
formats."""
