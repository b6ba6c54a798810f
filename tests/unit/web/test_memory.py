"""What the page keeps in memory is bounded."""

from __future__ import annotations

import pytest

from dicom_node.preview.series import PreviewUnavailable
from dicom_node.web import searches as searches_module
from dicom_node.web.albums import Albums
from dicom_node.web.searches import Searches
from storage.db.queries.views import StudySearch
from tests.unit.preview.scene import HEAD, ORIENTATIONS, a_scene, a_seg, write


def test_an_album_is_read_once_and_the_oldest_makes_room(tmp_path):
    images = a_scene(ORIENTATIONS["axial"])
    first = write(tmp_path / "first", images)
    second = write(tmp_path / "second", images)
    seg = write(tmp_path / "seg", [a_seg(images, (HEAD,))])
    size = Albums().open(first, [], []).size_bytes
    albums = Albums(room_bytes=size + size // 2)

    album = albums.open(first, [], [])
    assert album is albums.open(first, [], [])
    with_seg = albums.open(second, [], seg)

    assert size < with_seg.size_bytes
    assert album is not albums.open(first, [], [])


def test_an_album_draws_what_there_is(tmp_path):
    images = a_scene(ORIENTATIONS["axial"])
    paths = write(tmp_path / "images", images)
    seg = write(tmp_path / "seg", [a_seg(images, (HEAD,))])

    album = Albums().open(paths, paths, seg)

    assert ("source", "enhanced", "difference", "overlay") == album.kinds
    pictures = {album.draw(kind, "axial", album.first_index("axial")) for kind in album.kinds}
    assert 3 == len(pictures)  # the enhanced series is the source itself
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_what_cannot_be_drawn_is_remembered_too(tmp_path):
    (path,) = write(tmp_path, a_scene(ORIENTATIONS["axial"])[:1])
    path.write_bytes(b"broken")
    albums = Albums()

    for _ in range(2):
        with pytest.raises(PreviewUnavailable):
            albums.open([path], [], [])


def test_old_searches_are_forgotten_and_each_is_its_finders_own(monkeypatch):
    monkeypatch.setattr(searches_module, "MOST", 2)
    searches = Searches()
    keys = [searches.keep(StudySearch(patient=name), 7) for name in ("a", "b", "c")]

    assert searches.find(keys[0], 7) is None
    assert StudySearch(patient="c") == searches.find(keys[2], 7)
    assert searches.find(keys[2], 8) is None
