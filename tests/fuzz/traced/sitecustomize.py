"""Has every Python process that is started with this folder on its path trace its lines."""

import coverage

coverage.process_startup()
