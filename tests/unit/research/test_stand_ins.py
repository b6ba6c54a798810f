"""Pseudonyms, UIDs and shifted dates: equal in every run, different in every project."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest

from dicom_node.research.dates import moved
from dicom_node.research.errors import KeyUnusable
from dicom_node.research.key import project_key
from dicom_node.research.stand_ins import LEAST_SHIFT, MOST_SHIFT, StandIns
from tests.builders import a_series
from tests.unit.research.conftest import KEY

ASK = """
import sys
from pathlib import Path
from dicom_node.research.key import project_key
from dicom_node.research.stand_ins import StandIns
one = StandIns("lung", project_key(Path(sys.argv[1]), "lung", None))
print(one.subject("ZZ-1", ""), one.uid("1.2.3"))
"""


def test_two_processes_give_the_same_stand_ins_without_a_table(tmp_path):
    said = [
        subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]

    assert said[0] == said[1] != ""
    assert [0o600] == [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()]


def test_projects_have_pseudonyms_uids_and_shifts_of_their_own(tmp_path):
    lung, heart = (StandIns(name, project_key(tmp_path, name, None)) for name in ("lung", "heart"))

    assert lung.subject("1", "") != heart.subject("1", "")
    assert lung.uid("1.2.3") != heart.uid("1.2.3")
    assert StandIns("lung", KEY).subject("1", "") != lung.subject("1", "")


def test_a_patient_is_the_same_in_every_study_and_two_without_an_id_are_not():
    stand_ins = StandIns("lung", KEY)

    assert stand_ins.subject(" 1 ", "1.2") == stand_ins.subject("1", "1.3")
    assert stand_ins.subject("", "1.2") != stand_ins.subject("", "1.3")
    assert stand_ins.subject("1.2", "") != stand_ins.subject("", "1.2")


def test_a_subject_says_nothing_of_the_patient_and_shifts_are_spread():
    stand_ins = StandIns("lung", KEY)
    subjects = [stand_ins.subject(f"ZZ-{number}", "") for number in range(500)]

    assert 500 == len({subject.pseudonym for subject in subjects})
    assert all(len(subject.pseudonym) <= 64 for subject in subjects)
    assert all(LEAST_SHIFT <= subject.shift_days <= MOST_SHIFT for subject in subjects)
    assert len({subject.shift_days for subject in subjects}) > 400


def test_a_pseudonym_does_not_tell_by_how_many_days_dates_went_back():
    subjects = [StandIns("lung", KEY).subject(str(number), "") for number in range(300)]
    guessed = [
        LEAST_SHIFT
        + int.from_bytes(base64.b32decode(subject.pseudonym.partition("-")[2])[:8], "big")
        % (MOST_SHIFT - LEAST_SHIFT + 1)
        for subject in subjects
    ]

    right = sum(a == b.shift_days for a, b in zip(guessed, subjects, strict=True))
    assert right < 5


def test_uids_are_uids_and_the_standards_own_stay():
    stand_ins = StandIns("lung", KEY)

    assert "1.2.840.10008.1.4.1.1" == stand_ins.uid("1.2.840.10008.1.4.1.1")
    assert all(len(stand_ins.uid(str(number))) <= 64 for number in range(500))


@pytest.mark.parametrize(
    ("value", "vr", "wanted"),
    [
        ("20260301", "DA", "20260219"),
        ("2026.03.01", "DA", "20260219"),
        ("20260301120000.5+0100", "DT", "20260219120000.5+0100"),
        ("120000", "TM", "120000"),
        ("Zzphi", "TM", ""),
        ("2026", "DT", ""),
        ("Zzphi", "DA", ""),
        ("20261399", "DA", ""),
        ("00010102", "DA", ""),
        ("20260301Zzphi", "DA", ""),
        ("20260301Zzphi", "DT", ""),
    ],
)
def test_dates_move_by_whole_days_and_what_is_none_is_emptied(value, vr, wanted):
    assert wanted == moved(value, vr, 10)


def test_what_lies_between_two_dates_stays(deidentify):
    early, late = (
        deidentify(a_series(slices=1, StudyDate=day, key="same")[0], dates="shift")
        for day in ("20260102", "20260202")
    )

    assert early.PatientID == late.PatientID
    assert early.StudyDate < late.StudyDate < "20260102"
    assert "MODIFIED" == late.LongitudinalTemporalInformationModified


def test_a_key_of_a_sites_own_that_is_short_or_missing_is_told(tmp_path):
    short = tmp_path / "short"
    short.write_bytes(b"secret")

    with pytest.raises(KeyUnusable, match="fewer than 32 bytes"):
        project_key(tmp_path, "lung", short)
    with pytest.raises(KeyUnusable, match="No such file"):
        project_key(tmp_path, "lung", tmp_path / "none")
    with pytest.raises(KeyUnusable, match="No such file"):
        project_key(tmp_path, "lung", None, make=False)
