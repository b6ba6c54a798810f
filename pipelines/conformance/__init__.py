"""The conformance gate: whether a written object is what its IOD of PS3.3 demands.

`check` judges one object by the standard's own tables, `gate` the objects of a run, where only
what their sources do not have already is held against them (ENH-29).
"""

from pipelines.conformance.check import check
from pipelines.conformance.gate import gate
from pipelines.conformance.read import read_header
from pipelines.conformance.report import Finding, Report

__all__ = ["Finding", "Report", "check", "gate", "read_header"]
