from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from dicom_node.config.research import ResearchSection
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.stand_ins import StandIns

KEY = b"a key of tests, of 32 bytes or so"
Deidentify = Callable[..., Dataset]


def read(content: bytes) -> Dataset:
    return dcmread(BytesIO(content))


@pytest.fixture
def deidentify(tmp_path: Path) -> Deidentify:
    """The de-identified data set of a data set, by the options given."""

    def made(
        dataset: Dataset, *, project: str = "lung", key: bytes = KEY, **options: Any
    ) -> Dataset:
        path = tmp_path / "source.dcm"
        dataset.save_as(path, enforce_file_format=True)
        maker = Deidentifier(ResearchSection(**options), StandIns(project, key))
        return read(maker.file(path).content)

    return made
