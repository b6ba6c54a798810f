"""The demo unpacks its images with every Python that it runs on."""

import io
import tarfile

from dicom_node.demo.images import _unpack_data


def test_only_the_files_of_the_data_folder_are_unpacked_and_none_beside_it(tmp_path):
    names = ("pkg-1/data/a.nrrd", "pkg-1/setup.py", "pkg-1/data/../../../out", "/data/rooted")
    with tarfile.open(tmp_path / "sdist.tar", "w") as sdist:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 3
            sdist.addfile(member, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("pkg-1/data/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        sdist.addfile(link)

    _unpack_data(tmp_path / "sdist.tar", tmp_path / "to" / "here")

    found = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".tar"]
    assert [tmp_path / "to" / "here" / "pkg-1" / "data" / "a.nrrd"] == found
    assert b"abc" == found[0].read_bytes()
