from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import structlog
from pydicom import Dataset, dcmread

from dicom_node.errors import ConfigInvalid
from dicom_node.observe.logging import get_log
from dicom_node.observe.redact import one_line
from tests.builders import CANARY, an_image

MARK = "Zzphi"


def fail(error: Exception):
    raise error


def test_a_line_has_time_level_module_text_and_values(configured):
    lines = configured()
    get_log("dicom_node.jobs.run").info("job succeeded", job=3, seconds=1.5, rule="low dose")

    (line,) = lines()
    time, level, rest = line.split(maxsplit=2)
    assert time.endswith("Z")
    assert "info" == level
    assert 'jobs.run: job succeeded  job=3 seconds=1.5 rule="low dose"' == rest


def test_json_lines_hold_the_same(configured):
    lines = configured(form="json")
    get_log("dicom_node.jobs.run").warning("job failed", job=3, slots=["cpu", "cuda:0"])

    (line,) = lines()
    values = json.loads(line)
    assert values.pop("time").endswith("Z")
    assert {
        "event": "job failed",
        "level": "warning",
        "module": "jobs.run",
        "job": 3,
        "slots": ["cpu", "cuda:0"],
    } == values


def test_less_severe_lines_are_left_out(configured):
    lines = configured(level="warning")
    get_log("x").info("quiet")
    get_log("x").warning("loud")

    assert 1 == len(lines())


def test_prv_02_a_key_that_is_not_allowed_is_withheld_and_counted(configured):
    lines = configured()
    get_log("x").info("study settled", study=3, patient_name=CANARY, Zzphi_key=1)

    (line,) = lines()
    assert line.endswith("study settled  study=3 withheld=2")
    assert MARK not in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_value_cannot_begin_a_new_line(configured, form):
    lines = configured(form=form)
    hostile = "AE\n2026-01-01T00:00:00Z error x: all deleted\r\x1b[31m\u2028\x85"
    get_log("x").info("peer\nrefused", peer=hostile)

    (line,) = lines()
    assert not set(line) & set("\n\r\x1b\u2028\x85")
    assert "all deleted" in line


def test_a_long_value_is_cut():
    assert 301 == len(one_line("x" * 5000))


def test_a_lone_surrogate_is_written(configured):
    lines = configured()
    get_log("x").info("odd", name="\udc80")

    assert lines()[0].endswith(r"name=\udc80")


def test_an_object_is_told_by_its_type(configured):
    lines = configured()
    dataset = Dataset()
    dataset.PatientName = CANARY
    get_log("x").info(
        "odd", found=dataset, reason={"name": CANARY}, count=None, folder=Path("/srv")
    )

    assert lines()[0].endswith("found=<Dataset> reason=<dict> count=null folder=/srv")


def test_a_uid_is_masked_and_a_public_one_is_not(configured):
    lines = configured()
    get_log("x").info(
        "odd",
        reason="instance 2.25.123456789012345678901234567890 of 1.2.276.0.7230010.3.1.2.8323329",
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        address="192.168.100.200",
        version="2.13.0",
    )

    (line,) = lines()
    assert 'reason="instance <uid> of <uid>"' in line
    assert "sop_class=1.2.840.10008.5.1.4.1.1.2 address=192.168.100.200 version=2.13.0" in line


def test_an_exception_of_ours_is_told_with_its_message_and_place(configured):
    lines = configured()
    try:
        fail(ConfigInvalid("[receive] port: too large"))
    except ConfigInvalid:
        get_log("x").exception("cannot start")

    (line,) = lines()
    assert 'error="ConfigInvalid: [receive] port: too large"' in line
    assert "observe/test_logging.py:" in line


def test_prv_02_an_exception_of_others_is_told_by_type_alone(configured):
    lines = configured()
    try:
        fail(ValueError(CANARY))
    except ValueError as error:
        get_log("x").exception("broke")
        get_log("x").warning("broke", error=error)
        get_log("x").warning("broke", exc_info=error)
        get_log("x").warning("broke", exc_info=(ValueError, error, error.__traceback__))
    told = lines()

    assert 4 == len(told)
    assert all("error=ValueError" in line for line in told)
    assert MARK not in "".join(told)


def test_an_error_of_the_system_is_told_by_its_name(configured):
    lines = configured()
    get_log("x").error("cannot write", error=OSError(28, "No space left", f"/data/{CANARY}"))

    assert lines()[0].endswith('error="OSError ENOSPC"')


def test_bound_values_are_redacted_too(configured):
    lines = configured()
    get_log("x").bind(job=1, name_of_patient=CANARY).info("bound")
    with structlog.contextvars.bound_contextvars(association="a1", who=CANARY):
        get_log("x").info("in context")

    assert ["bound  job=1 withheld=1", "in context  association=a1 withheld=1"] == [
        line.partition(": ")[2] for line in lines()
    ]


def test_prv_02_other_packages_are_heard_without_values(configured):
    lines = configured()
    other = logging.getLogger("some.package")
    other.warning("patient %s arrived", CANARY)
    other.warning(f"patient {CANARY} arrived")
    other.warning("patient {} arrived".format(CANARY))  # noqa: UP032 - as some packages write it
    other.error(f"a longer text about {CANARY}")
    message = f"built before: {CANARY}"
    other.error(message)
    other.error(ValueError(CANARY))
    other.warning("%d is no number", CANARY)  # formatting it would fail and print the arguments
    try:
        fail(ValueError(CANARY))
    except ValueError:
        other.exception("went wrong")
    other.info("not heard")
    told = [line.partition("some.package: ")[2].partition("  ")[0] for line in lines()]

    assert [
        "patient %s arrived",
        "patient … arrived",
        "patient {} arrived",
        "a longer text about …",
        "(text withheld)",
        "(text withheld)",
        "%d is no number",
        "went wrong",
    ] == told


def test_prv_02_warnings_are_heard_once_without_text(configured):
    lines = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        from dicom_node.observe.foreign import show_warning

        warnings.showwarning = show_warning
        for number in range(3):
            warnings.warn(f"value {CANARY} {number}", UserWarning, stacklevel=1)

    (line,) = lines()
    assert "Python warning  warning=UserWarning at=observe/test_logging.py:" in line


def test_prv_02_uncaught_errors_are_told_by_type(configured):
    lines = configured()
    thread = threading.Thread(target=lambda: int(CANARY))
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError(CANARY), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    told = lines()
    assert 2 == len(told)
    assert all("unexpected error  error=ValueError" in line for line in told)


def test_prv_02_a_damaged_file_read_by_pydicom_leaves_no_value_in_the_log(tmp_path):
    """A whole process, so that nothing of pytest's own capture stands between."""
    import numpy as np

    image = an_image("CT", 0, np.zeros((4, 4), np.int16))
    path = tmp_path / "damaged.dcm"
    image.save_as(path, enforce_file_format=True)
    good = path.read_bytes()
    path.write_bytes(good.replace(b"20260102", b"Zzphi^Ja").replace(b"0.8\\0.8", b"Zzphi^J"))
    code = (
        "import sys, logging, warnings\n"
        "from dicom_node.observe.logging import configure, get_log\n"
        "configure('debug', 'text')\n"
        "from pydicom import dcmread, config\n"
        "config.settings.reading_validation_mode = config.WARN\n"
        "warnings.simplefilter('always')\n"
        "ds = dcmread(sys.argv[1])\n"
        "for element in ds:\n"
        "    try: element.value\n"
        "    except Exception: get_log('t').exception('value unreadable')\n"
        "ds.PatientBirthDate = 'Zzphi^birth'\n"
        "ds.SOPInstanceUID = 'Zzphi.uid'\n"
        "warnings.warn('Zzphi again')\n"
        "try: ds.PixelSpacing\n"
        "except Exception: get_log('t').exception('spacing unreadable')\n"
        "ds.ZzphiAttribute\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )

    assert 1 == done.returncode
    assert "unexpected error" in done.stderr
    assert "Python warning" in done.stderr
    assert MARK not in done.stderr + done.stdout


def test_a_process_that_set_nothing_up_is_discreet_too(capsys):
    get_log("x").warning("odd", study=1, patient=CANARY)

    told = capsys.readouterr()
    assert told.err.endswith("odd  study=1 withheld=1\n")
    assert "" == told.out


def test_a_log_that_nobody_reads_stops_nothing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        get_log("x").warning("unheard")


def test_pydicom_can_read_the_builder_image(tmp_path):
    """Guards the damaged-file test: it must damage a file that is whole before."""
    import numpy as np

    path = tmp_path / "whole.dcm"
    an_image("CT", 0, np.zeros((4, 4), np.int16)).save_as(path, enforce_file_format=True)

    assert "20260102" == dcmread(path).StudyDate
    assert b"0.8\\0.8" in path.read_bytes()
