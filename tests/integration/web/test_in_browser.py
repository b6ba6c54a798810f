"""The page in a real browser: the way of a newcomer, by clicks and keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dicom_node.web.auth import first_admin_link
from dicom_node.web.pages import studies, work_list
from dicom_node.web.pages import study as study_page
from tests.integration.web.rows import add_study
from tests.integration.web.visitor import PASSWORD
from tests.tools import program

WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = program("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser found wrong: script errors, refused content, failed requests."""
    return []


@pytest.fixture(autouse=True)
def _quick_renewal(monkeypatch):
    for pages in (studies, study_page, work_list):
        monkeypatch.setattr(pages, "RENEW_EVERY_S", 1)


@pytest.fixture
def tab(chromium, page, complaints) -> Iterator[Page]:
    """A tab in which the first admin has logged in by the one-time link."""
    context = chromium.new_context(base_url=page.url)
    tab = context.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    tab.goto(first_admin_link(page.db, page.url))
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_label("The same password again").fill(PASSWORD)
    tab.get_by_role("button", name="Make the account").click()
    expect(tab).to_have_url(f"{page.url}/studies")
    yield tab
    context.close()


def test_a_newcomer_finds_the_result_and_runs_a_refused_job_again(
    page, drawn_study, tab, complaints
):
    tab.reload()
    tab.get_by_role("link", name="Zzphi, Jane").click()
    expect(tab.get_by_role("heading", name="Zzphi, Jane")).to_be_visible()

    for kind in ("Source", "Enhanced", "Difference", "Segmentation"):
        picture = tab.get_by_role("img", name=f"{kind}, axial").first
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(tab.get_by_text("white +7").first).to_be_visible()

    tab.get_by_role("button", name="Run again").click()
    expect(tab.get_by_text("The job is queued again.")).to_be_visible()
    expect(tab.get_by_role("button", name="Cancel")).to_be_visible()
    assert [] == complaints


def test_the_slider_turns_pages_by_keyboard_without_audit_rows(page, drawn_study, tab, complaints):
    tab.goto(f"/studies/{drawn_study}")
    viewer = tab.locator("#viewer-1")
    slider = viewer.get_by_label("Slice").first
    slider.focus()
    rows = len(page.trail())

    slider.press("ArrowRight")
    slider.press("ArrowRight")

    expect(viewer.get_by_text("19 / 33")).to_be_visible()
    for kind in ("Source", "Enhanced", "Difference"):
        expect(viewer.get_by_role("img", name=f"{kind}, axial, slice 19 of 33")).to_be_visible()
    viewer.get_by_label("coronal").check()
    expect(viewer.get_by_role("img", name="Source, coronal, slice 17 of 33")).to_be_visible()
    assert rows == len(page.trail())
    assert [] == complaints


def test_what_happens_shows_up_without_a_reload(page, study, tab, complaints):
    tab.goto("/studies")
    expect(tab.get_by_text("Needs attention").locator("visible=true")).to_be_visible()

    with page.db.begin() as session:
        add_study(session, "b", patient_name="Second^Patient")

    expect(tab.get_by_text("1 more study has come")).to_be_visible(timeout=15_000)
    assert 0 == tab.get_by_text("Second").count()
    tab.get_by_role("link", name="Show the list anew").click()
    expect(tab.get_by_role("link", name="Second, Patient")).to_be_visible()
    assert [] == complaints


def test_a_running_job_is_seen_to_end(page, study, tab, complaints):
    tab.goto("/jobs")
    row = tab.get_by_role("row", name="Refused")
    row.get_by_role("button", name="Run again").click()
    expect(tab.get_by_role("row", name="Waiting")).to_be_visible()

    page.visitor("bea", "operator").send_form("/jobs", "/jobs/3/cancel")

    expect(tab.get_by_role("row", name="Cancelled")).to_be_visible(timeout=15_000)
    expect(tab.locator("#announcement")).to_have_text("Jobs: 1 cancelled, 2 succeeded")
    assert [] == complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_page_fits_its_screen(page, drawn_study, tab, width, scheme, complaints):
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 800})

    for path in ("/studies", f"/studies/{drawn_study}", "/jobs", "/deliveries", "/node", "/audit",
                 "/users", "/account"):  # fmt: skip
        tab.goto(path)
        too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not tab.evaluate(too_wide), path
    assert [] == complaints


def test_the_page_is_walked_by_keyboard(page, study, tab):
    tab.goto("/studies")

    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Patient's name or ID")).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert "solid" == tab.evaluate(outline)
