"""pynetdicom's private names that the node leans on are still there (see `net.server`)."""

import inspect

from pynetdicom import AE, _config, association, transport

from dicom_node.net.quiet import set_switches


def test_the_request_class_still_makes_its_association_in_one_method():
    assert list(inspect.signature(transport.RequestHandler._create_association).parameters) == [
        "self"
    ]
    body = inspect.getsource(transport.RequestHandler.handle)
    assert "self._create_association()" in body
    assert "assoc.start()" in body


def test_the_sockets_that_entity_replaces_are_still_made_and_shut_where_it_thinks():
    made = inspect.signature(AE._create_socket)
    assert list(made.parameters) == ["self", "assoc", "address", "tls_args"]
    assert "self._create_socket(assoc, local_address, tls_args)" in inspect.getsource(AE.associate)
    for method in (transport.AssociationSocket.connect, transport.AssociationSocket.close):
        assert "self._shutdown_socket()" in inspect.getsource(method)


def test_a_rejection_from_the_request_event_is_still_honoured():
    body = inspect.getsource(association.Association.run_reactor)
    assert "if not self.is_aborted and not self.is_rejected:" in body


def test_every_switch_still_exists():
    before = {name for name in vars(_config) if name.isupper()}
    set_switches()
    assert {name for name in vars(_config) if name.isupper()} == before
    assert _config.LOG_HANDLER_LEVEL == "none"
    assert not _config.LOG_REQUEST_IDENTIFIERS
    assert not _config.LOG_RESPONSE_IDENTIFIERS
