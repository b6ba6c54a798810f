"""Opening the port."""

import socket

import pytest

from dicom_node.errors import NodeError, PortBusy
from dicom_node.net.listener import adopt_listener, open_listener


@pytest.mark.parametrize("section", ["receive", "web"])
def test_a_busy_port_is_said_plainly(section):
    with open_listener("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortBusy) as busy:
            open_listener("127.0.0.1", port, section)
    assert str(port) in str(busy.value)
    assert f"[{section}] port" in str(busy.value)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_said_plainly(host):
    with pytest.raises(NodeError, match=host):
        open_listener(host, 0)


def test_a_listener_is_shared_by_its_descriptor():
    with (
        open_listener("127.0.0.1", 0) as first,
        adopt_listener(socket.dup(first.fileno())) as second,
    ):
        assert first.getsockname() == second.getsockname()
