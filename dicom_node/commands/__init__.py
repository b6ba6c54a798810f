"""What a person runs: one module for each group of commands, loading only what it needs."""
