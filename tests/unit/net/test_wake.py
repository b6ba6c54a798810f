"""A wait on a socket can be ended from another thread, with and without Linux's own means."""

import os
import select

import pytest

from dicom_node.net.wake import Wake


@pytest.mark.parametrize("has_eventfd", [True, False])
def test_a_ring_is_heard_once(has_eventfd, monkeypatch):
    if not has_eventfd:
        monkeypatch.delattr(os, "eventfd", raising=False)
    wake = Wake()
    poll = select.poll()
    poll.register(wake.fileno(), select.POLLIN)

    assert not poll.poll(0)
    wake.ring()
    wake.ring()
    assert poll.poll(1000)
    wake.clear()
    assert not poll.poll(0)
    wake.close()


def test_a_ring_after_the_end_touches_nobody_elses_file(tmp_path):
    wake = Wake()
    descriptor = wake.fileno()
    wake.close()
    reused = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        assert reused == descriptor, "the number is given again at once"
        wake.ring()
        wake.close()
        assert 0 == os.fstat(reused).st_size
    finally:
        os.close(reused)
