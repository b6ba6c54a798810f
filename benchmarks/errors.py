"""What ends a benchmark without figures."""

from __future__ import annotations


class BenchmarkFailed(Exception):
    """A program could not be run, a sender failed, or something was not kept as it was sent."""
