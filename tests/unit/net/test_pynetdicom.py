"""pynetdicom's private names that the node leans on are still there, and do what it thinks.

`net.server`, `net.upper_layer`, `net.gate` and `net.entity` are built on them. Where one of these
tests fails, pynetdicom has changed: read what it does now before the pin is moved.
"""

import inspect

import pytest
from pynetdicom import AE, _config, association, dul, fsm, transport, utils
from pynetdicom.pdu import A_ASSOCIATE_RQ

from dicom_node.net import upper_layer
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


def test_the_fast_path_is_available_and_says_so_when_a_name_is_missing(monkeypatch):
    assert upper_layer.is_available()
    monkeypatch.delattr(dul.DULServiceProvider, "_is_transport_event")
    assert not upper_layer.is_available()


def test_the_upper_layers_loop_still_asks_for_a_transport_event_between_two_looks_at_its_queues():
    body = inspect.getsource(dul.DULServiceProvider.run_reactor)
    sends = body.index("if self._process_recv_primitive():")
    reads = body.index("elif self._is_transport_event():")
    acts = body.index("event = self.event_queue.get(block=False)")
    assert sends < reads < acts
    assert "self._idle_timer.restart()" in body[reads:acts]
    assert "if self._kill_thread:" in body


@pytest.mark.parametrize(
    ("state", "event", "action"),
    [
        ("Sta6", "Evt10", "DT-2"),  # P-DATA: to DIMSE
        ("Sta6", "Evt12", "AR-2"),  # A-RELEASE-RQ
        ("Sta6", "Evt16", "AA-3"),  # A-ABORT
        ("Sta6", "Evt17", "AA-4"),  # the connection ended
        ("Sta6", "Evt19", "AA-8"),  # what came is no PDU: abort, Sta13
        ("Sta2", "Evt19", "AA-1"),
        ("Sta2", "Evt17", "AA-5"),
        ("Sta13", "Evt17", "AR-5"),
    ],
)
def test_the_state_machine_still_does_what_the_standard_says(state, event, action):
    assert fsm.TRANSITION_TABLE[(event, state)] == action


def test_pdus_and_events_still_pass_to_the_state_machine_by_two_queues():
    assert "dul._recv_pdu.get(False)" in inspect.getsource(fsm.DT_2)
    assert "dul.to_user_queue.put(" in inspect.getsource(fsm.AR_2)
    decode = inspect.getsource(dul.DULServiceProvider._decode_pdu)
    assert "return pdu, event" in decode


def test_the_reactor_still_stands_at_its_checkpoint_before_it_looks_at_its_queues():
    body = inspect.getsource(association.Association._run_reactor)
    assert body.index("self._reactor_checkpoint.wait()") < body.index("self.dimse.get_msg(")
    assert "self.dul.idle_timer_expired()" in body
    assert "self.dul.receive_pdu(wait=True" in inspect.getsource(
        association.Association.run_reactor
    )


def test_killing_an_association_still_stops_its_upper_layer():
    assert "self.dul.stop_dul()" in inspect.getsource(association.Association.kill)
    stop = inspect.getsource(dul.DULServiceProvider.stop_dul)
    assert 'self.state_machine.current_state == "Sta1"' in stop


def test_an_association_still_sets_its_upper_layers_timers_when_its_own_are_set():
    assert "self.dul.artim_timer.timeout = value" in inspect.getsource(
        association.Association.acse_timeout.fset
    )
    made = inspect.getsource(transport.RequestHandler._create_association)
    for line in (
        "assoc._server = self.server",
        "AssociationSocket(assoc, client_socket=self.request)",
        "assoc.acceptor.maximum_length = self.ae.maximum_pdu_size",
        "assoc.acceptor.supported_contexts = deepcopy(self.server.contexts)",
        "for event in self.server._handlers:",
    ):
        assert line in made


def test_a_request_is_still_an_event_of_its_own_and_asked_for_its_primitive():
    """`net.asked_before` gives it one that was made before."""
    assert dul._PDU_TYPES[b"\x01"] == (A_ASSOCIATE_RQ, upper_layer.REQUEST_CAME)
    assert "recv_pdu.to_primitive()" in inspect.getsource(fsm.AE_6)


def test_what_is_a_uid_is_still_asked_of_a_replaceable_function():
    assert '_config.VALIDATORS["UI"](value)' in inspect.getsource(utils.set_uid)
