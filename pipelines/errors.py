"""What can go wrong between files in and files out.

PipelineError
├── PipelineRefused    the input is not what this pipeline is for; never retried
└── PipelineFailed     the pipeline broke on an input it accepts; retried
    ├── CardInvalid
    └── WeightsMissing

Messages carry counts, geometry and attribute names, never a patient's value.
"""

from __future__ import annotations


class PipelineError(Exception):
    """A pipeline did not give a result."""


class PipelineRefused(PipelineError):
    """The pipeline declines this input, and says why.

    Parameters
    ----------
    code : str
        A short stable word in kebab-case, for statistics and tests: ``gantry-tilt``.
    reason : str
        One plain sentence for the admin page: what was found and what is wanted.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class PipelineFailed(PipelineError):
    """The pipeline broke on an input that it accepts."""


class CardInvalid(PipelineFailed):
    """A model card breaks the rules of `pipelines.models.card`."""


class WeightsMissing(PipelineFailed):
    """A model card names weights that are absent or have another hash."""
