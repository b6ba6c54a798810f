"""Running pipelines: the engine that picks jobs, the slot they run in, and `run_job`."""
