"""A segmentation made of small planes is the one that highdicom makes of the whole label map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from pipelines.dicom_out import seg as builder
from pipelines.dicom_out.seg_form import FORMS, SINGLE
from pipelines.dicom_out.seg_pixels import numbers_shown, put_frames, put_labels, small_planes
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, sided_card, write_mask


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("kept", [(1, 2, 5), (2, 5), (5,)])
def test_its_bytes_are_those_of_highdicom(name, kept, form, tmp_path, monkeypatch):
    volume = a_stack(tmp_path / "source", **STACKS[name])
    labels = a_mask(volume)
    labels[~np.isin(labels, kept)] = 0
    if len(labels) > 2:
        labels[1] = 0  # a plane without anything, and a number that is not on every plane
        labels[0][labels[0] == kept[-1]] = 0
    ours = write_mask(volume, labels, tmp_path / "ours", form)

    _give_highdicom_all(monkeypatch)
    theirs = write_mask(volume, labels, tmp_path / "theirs", form)

    assert len(ours) == (len(kept) if form is SINGLE else 1)
    for one, other in zip(ours, theirs, strict=True):
        assert _even_of_zeros(one) == _even_of_zeros(other)


def _even_of_zeros(path: Path) -> bytes:
    """The file; highdicom pads pixels with the character 0, the standard with a zero byte."""
    seg, content = dcmread(path), path.read_bytes()
    pixels = seg.NumberOfFrames * seg.Rows * seg.Columns * seg.BitsAllocated
    return content[:-1] + b"\0" if -(-pixels // 8) % 2 else content


def _give_highdicom_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(labels, segments):
        renumbered = np.zeros(256, np.uint8)
        for number, segment in enumerate(segments, start=1):
            renumbered[segment.number] = number
        return renumbered[labels]

    def stubs_of_true_size(source):
        stubs = stand_ins(source)
        for stub, image in zip(stubs, source.sources, strict=True):
            stub.Rows, stub.Columns = image.Rows, image.Columns
        return stubs

    stand_ins = builder.stand_ins
    monkeypatch.setattr(builder, "stand_ins", stubs_of_true_size)
    monkeypatch.setattr(builder, "small_planes", whole)
    monkeypatch.setattr(builder, "put_frames", lambda *_arguments: None)
    monkeypatch.setattr(builder, "put_labels", lambda *_arguments: None)


def test_numbers_are_found_wherever_they_begin():
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 0, 0] = 7
    labels[1, 3, 4] = 255
    labels[2] = 9

    shown = numbers_shown(labels)

    assert [[0, 7], [0, 255], [9]] == [np.flatnonzero(row).tolist() for row in shown]


def test_a_small_plane_numbers_the_segments_from_1():
    labels = np.array([[[5, 0], [2, 9]], [[5, 5], [5, 5]]], np.uint8)
    segments = [each for each in sided_card().segments if each.number in (2, 5)]

    small = small_planes(labels, segments)

    assert [[0, 1, 2], [0, 2]] == [np.unique(plane).tolist() for plane in small]


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (4, 8), (5, 7)])
def test_frames_follow_one_another_bit_by_bit(size):
    labels = np.random.default_rng(3).integers(0, 3, (4, *size)).astype(np.uint8)
    frames = [(3, 1), (0, 2), (2, 2)]
    seg = Dataset()

    put_frames(seg, labels, frames)

    bits = np.concatenate([(labels[plane] == number).ravel() for plane, number in frames])
    found = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    assert size == (seg.Rows, seg.Columns)
    assert 0 == len(seg.PixelData) % 2
    assert np.array_equal(bits, found[: bits.size].astype(bool))
    assert not found[bits.size :].any()


@pytest.mark.parametrize("size", [(2, 2), (3, 3)])
def test_pixels_of_a_label_map_are_numbered_as_its_segments(size):
    labels = np.random.default_rng(3).integers(0, 6, (4, *size)).astype(np.uint8)
    segments = [each for each in sided_card().segments if each.number in (2, 5)]
    seg = Dataset()

    put_labels(seg, labels, segments, [3, 0, 2])

    wanted = np.select([labels == 2, labels == 5], [1, 2])[[3, 0, 2]]
    found = np.frombuffer(seg.PixelData, np.uint8)
    assert size == (seg.Rows, seg.Columns)
    assert wanted.size + wanted.size % 2 == found.size
    assert np.array_equal(wanted.ravel(), found[: wanted.size])
    assert not found[wanted.size :].any()
