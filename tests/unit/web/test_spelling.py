from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dicom_node.web import clock, spelling
from dicom_node.web.local_path import local_path


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zzphi^Jane", "<bdi>Zzphi, Jane</bdi>"),
        ("Zzphi^Jane^Q^Dr", "<bdi>Zzphi, Jane Q Dr</bdi>"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "<bdi>Hong, Gildong</bdi> <bdi>(洪 吉洞)</bdi>"),
        ("=王^小东", "<bdi>王 小东</bdi>"),
        ("<b>^&", "<bdi>&lt;b&gt;, &amp;</bdi>"),
        ("", '<span class="quiet">no name</span>'),
        ("^^^", '<span class="quiet">no name</span>'),
    ],
)
def test_a_persons_name_is_written_as_people_write_it(name, shown):
    assert shown == str(spelling.person(name))


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (45_000_000, "45 MB"), (2e12, "2.0 TB")],
)
def test_sizes_have_few_digits(count, shown):
    assert shown == spelling.size(count)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(4.24, "4.2 s"), (12.4, "12 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_told_like_a_stopwatch(seconds, shown):
    assert shown == clock.duration(seconds)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("20260102", "2026-01-02"), ("20269999", "20269999"), ("", ""), ("19", "19")],
)
def test_dates_are_dashed_where_they_are_dates(text, shown):
    assert shown == clock.dicom_date(text)


def test_a_time_is_local_and_shows_utc_when_asked():
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    shown = str(clock.time_element(at, ZoneInfo("Europe/Berlin")))

    assert (
        '<time datetime="2026-07-01T22:30:00Z" title="2026-07-01 22:30:00 UTC">'
        "2026-07-02 00:30</time>"
    ) == shown


def test_the_time_of_today_goes_without_its_date():
    assert 5 == len(str(clock.time_element(datetime.now(UTC), UTC)).split(">")[1].split("<")[0])


@pytest.mark.parametrize(
    ("wanted", "path"),
    [("/studies/12", "/studies/12"), ("//evil.example", "/"), ("https://evil.example", "/"),
     ("/\\evil", "/"), ("/studies?x=1", "/"), ("", "/")],
)  # fmt: skip
def test_a_browser_is_sent_to_paths_of_this_page_only(wanted, path):
    assert path == local_path(wanted)
