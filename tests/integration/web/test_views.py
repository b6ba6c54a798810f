"""What is shown of patients, and what the trail says about it."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from sqlalchemy import update

from storage.audit import record, study_event
from storage.db.tables import Delivery, Job, Study
from tests.builders import CANARY
from tests.integration.web.rows import add_many_studies, add_study
from tests.integration.web.visitor import view_of
from tests.unit.preview.scene import SIZE


def test_opening_a_study_writes_one_row_and_its_parts_and_pictures_none(page, drawn_study):
    visitor = page.visitor("ada")
    html = visitor.get(f"/studies/{drawn_study}").text
    view = view_of(html)
    rows = len(page.trail())

    for path in (
        f"/studies/{drawn_study}/timeline?view={view}",
        f"/studies/{drawn_study}/results?view={view}",
        f"/studies/{drawn_study}/jobs/1/viewer?view={view}",
        f"/studies/{drawn_study}/jobs/1/source/axial/3.png?view={view}",
    ):
        assert 200 == visitor.get(path).status_code, path

    (seen,) = [row for row in page.trail("110103") if row.action == "R"]
    assert ("user:ada", f"study:{drawn_study}", "ZZ-a", int(view)) == (
        seen.actor, seen.subject, seen.patient_id, seen.seq,
    )  # fmt: skip
    assert rows == len(page.trail())


def test_a_report_is_told_beside_its_segmentation_and_has_no_picture(page, drawn_study):
    with page.db.begin() as session:
        both, alone = (session.get_one(Job, job_id) for job_id in (2, 1))
        seg, report = both.manifest["outputs"][0], {"kind": "sr", "sop_uid": "1.2.9"}
        both.manifest = both.manifest | {"outputs": [seg, report]}
        alone.manifest = {"outputs": [report], "measurements": {"segments": []},
                          "warnings": ["nothing found"]}  # fmt: skip

    visitor = page.visitor("ada")
    html = visitor.get(f"/studies/{drawn_study}").text

    assert "1 segmentation object, 1 measurement report" in html
    assert "; 1 measurement report</p>" in html
    assert "jobs/2/viewer" in html
    assert "jobs/1/viewer" not in html
    view = view_of(html)
    assert 404 == visitor.get(f"/studies/{drawn_study}/jobs/1/viewer?view={view}").status_code
    assert 200 == visitor.get(f"/studies/{drawn_study}/jobs/2/viewer?view={view}").status_code


def test_a_study_tells_of_storage_commitment(page, study):
    with page.db.begin() as session:
        row = session.get_one(Study, study)
        for actor, outcome, text in (
            ("peer:CT1", 0, "asked whether 3 instances are safe"),
            ("node", 0, "told CT1 that 2 instances are safe"),
            ("node", 4, "told CT1 that 1 instance is not safe here"),
        ):
            told = {"actor": actor, "outcome": outcome, "subject": "commitment:1"}
            told["text"] = f"storage commitment: {text}"
            record(session, study_event(row, "110103", "R", **told))

    html = page.visitor("ada").get(f"/studies/{study}").text

    assert "CT1 asked for storage commitment" in html
    assert "It asked whether 3 instances are safe." in html
    assert "Told CT1 that 2 instances are safe." in html
    assert "Told CT1 that 1 instance is not safe here." in html


@pytest.mark.parametrize(
    "part", ["timeline", "results", "jobs/1/viewer", "jobs/1/source/axial/0.png"]
)
def test_nothing_of_a_study_is_given_out_without_its_own_audited_view(page, study, part):
    with page.db.begin() as session:
        other = add_study(session, "b").study
    ada, eve = page.visitor("ada"), page.visitor("eve")
    of_eve = view_of(eve.get(f"/studies/{study}").text)
    of_other = view_of(ada.get(f"/studies/{other}").text)
    own = view_of(ada.get(f"/studies/{study}").text)
    ada.log_in("ada")  # a new session: what an older one saw is over

    answers = [
        ada.get(f"/studies/{study}/{part}{query}").status_code
        for query in ("", "?view=1", f"?view={of_eve}", f"?view={of_other}", f"?view={own}")
    ]

    assert [404, 403, 403, 403, 403] == answers


def test_listing_studies_is_audited_as_a_query_with_what_was_asked(page, study):
    visitor = page.visitor("ada")

    found = visitor.send_form("/studies", "/studies/search", patient="zzphi jane")
    assert CANARY.lower() not in found.headers["location"].lower()
    assert "zzphi" not in found.headers["location"].lower()
    visitor.get(found.headers["location"])

    queries = page.trail("110112")
    assert ["", "zzphi jane"] == [row.detail["asked"]["patient"] for row in queries]
    assert not [row for row in queries if "zzphi" in row.text]


def test_the_list_renews_itself_without_patient_data_and_without_a_row(page, study):
    visitor = page.visitor("ada")
    polled = re.search(r'hx-get="([^"]+)"', visitor.get("/studies").text).group(1)
    polled = polled.replace("&amp;", "&")
    rows = len(page.trail())

    assert 204 == visitor.get(polled).status_code
    with page.db.begin() as session:
        add_study(session, "b", patient_name="New^Patient")
        session.execute(update(Delivery).values(state="sent"))
    renewed = visitor.get(polled)

    assert 200 == renewed.status_code
    assert "more study has come" in renewed.text
    assert "Done" in renewed.text
    for patient_data in ("Zzphi", "ZZ-a", "ACCa", "New", "Abdomen"):
        assert patient_data not in renewed.text
    assert rows == len(page.trail())


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"patient": "FAMILY7"}, 1), ({"patient": "given7 family"}, 1), ({"patient": "P00007"}, 1),
        ({"patient": "%"}, 0), ({"accession": "A1"}, 4), ({"accession": "1"}, 0),
        ({"state": "trouble"}, 0), ({"state": "routed"}, 12), ({"state": "quarantined"}, 0),
    ],
)  # fmt: skip
def test_studies_are_found_by_patient_accession_and_state(page, fields, count):
    add_many_studies(page.db, 12)
    visitor = page.visitor("ada")

    found = visitor.send_form("/studies", "/studies/search", **fields)
    html = visitor.get(found.headers["location"]).text

    assert count == len(set(re.findall(r'href="(/studies/\d+)"', html)))


def test_a_search_is_its_finders_own(page, study):
    key = page.visitor("ada").send_form("/studies", "/studies/search", patient="nobody")
    html = page.visitor("eve").get(key.headers["location"]).text

    assert "no longer remembered" in html
    assert f"/studies/{study}" in html


def test_the_study_page_tells_what_happened_and_why(page, drawn_study):
    html = page.visitor("ada", "operator").get(f"/studies/{drawn_study}").text

    for told in (
        "Received 33 instances from SCANNER", "sent by 192.0.2.7", "Complete and decided",
        "CT noise reduction on series 3 Axial", "33 objects accepted after 1 try",
        "It is tilted.", "gantry-tilt", "After 4 tries: PACS does not answer", "Run again",
        "Send again", "1&nbsp;other rule did not apply", "noise", "<bdi>Zzphi, Jane</bdi>",
    ):  # fmt: skip
        assert told in html, told


def test_the_study_page_tells_why_a_delivery_is_held_and_what_the_gate_found(page, study):
    reason = "2 conformance errors: ImageType is absent, but it is of type 1"
    wrong = {"severity": "error", "where": "ImageType", "what": "is absent, but it is of type 1"}
    found = {"objects": 33, "errors": 2, "warnings": 0, "findings": [wrong]}
    with page.db.begin() as session:
        session.get_one(Job, 1).manifest = {"outputs": [], "conformance": found}
        session.get_one(Delivery, 2).state = "held"
        session.get_one(Delivery, 2).reason = reason
    visitor = page.visitor("ada", "operator")

    html = visitor.get(f"/studies/{study}").text
    listed = visitor.get("/deliveries?state=held").text

    for told in ("Held", reason, "Send all the same", "and 1 more",
                 "error: ImageType is absent, but it is of type 1"):  # fmt: skip
        assert told in html, told
    assert reason in listed
    assert "Send all the same" in listed
    assert "Held deliveries: 1." in page.visitor("root", "admin").get("/node").text


def test_times_are_local_with_utc_as_title(page, study):
    html = page.visitor("ada").get(f"/studies/{study}").text

    assert 'title="2026-01-02 03:04:05 UTC">2026-01-02 04:04:05</time>' in html


@pytest.mark.parametrize(
    ("job", "kind", "plane"),
    [(1, "source", "axial"), (1, "enhanced", "coronal"), (1, "difference", "sagittal"),
     (2, "overlay", "axial")],
)  # fmt: skip
def test_pictures_are_png_and_stay_in_no_cache(page, drawn_study, job, kind, plane):
    visitor = page.visitor("ada")
    view = view_of(visitor.get(f"/studies/{drawn_study}").text)

    answer = visitor.get(f"/studies/{drawn_study}/jobs/{job}/{kind}/{plane}/16.png?view={view}")

    assert "image/png" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    assert (SIZE, SIZE) == Image.open(io.BytesIO(answer.content)).size


@pytest.mark.parametrize(
    "path",
    ["jobs/1/overlay/axial/0.png", "jobs/3/source/axial/0.png", "jobs/9/source/axial/0.png",
     "jobs/1/source/oblique/0.png", "jobs/1/source/axial/x.png"],
)  # fmt: skip
def test_pictures_that_are_not_there_are_not_found(page, drawn_study, path):
    visitor = page.visitor("ada")
    view = view_of(visitor.get(f"/studies/{drawn_study}").text)

    assert 404 == visitor.get(f"/studies/{drawn_study}/{path}?view={view}").status_code


def test_a_result_that_cannot_be_drawn_is_said_so(page, drawn_study):
    for path in page.store.root.glob("results/*"):
        path.write_bytes(b"broken")
    visitor = page.visitor("ada")
    view = view_of(visitor.get(f"/studies/{drawn_study}").text)

    answer = visitor.get(f"/studies/{drawn_study}/jobs/1/viewer?view={view}")

    assert 200 == answer.status_code
    assert "No pictures: a result cannot be read (InvalidDicomError)" in answer.text


def test_jobs_and_deliveries_show_no_patient(page, study):
    visitor = page.visitor("ada")

    for path in ("/jobs", "/deliveries", "/node", "/health"):
        html = visitor.get(path).text
        for patient_data in ("Zzphi", "ZZ-a", "ACCa", "Abdomen", "Axial"):
            assert patient_data not in html


def test_names_are_shown_as_text_whatever_is_in_them(page):
    with page.db.begin() as session:
        hostile = "<script>alert(1)</script>^\u202eevil"
        study = add_study(session, patient_name=hostile, description="x" * 10_000).study
        add_study(session, "b", patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    visitor = page.visitor("ada")

    for path in ("/studies", f"/studies/{study}"):
        html = visitor.get(path).text
        assert "<script>alert" not in html
        assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt; \u202eevil</bdi>" in html
    assert "<bdi>Yamada, Tarou</bdi> <bdi>(山田 太郎)</bdi>" in visitor.get("/studies").text
