"""Who sees what and may order what: the table role x route, and the tokens of forms."""

from __future__ import annotations

import re

import pytest

from dicom_node.web.app import create_app
from tests.integration.web.visitor import csrf_of

GETS = ["/studies", "/studies/1", "/jobs", "/deliveries", "/node", "/audit", "/users", "/account"]


SEES = {
    "viewer": {"/studies", "/studies/1", "/jobs", "/deliveries", "/node", "/account"},
    "operator": {"/studies", "/studies/1", "/jobs", "/deliveries", "/node", "/account"},
    "admin": set(GETS),
    "auditor": {"/audit", "/account"},
}


ORDERS = [
    "/jobs/1/rerun", "/jobs/1/cancel", "/deliveries/1/resend", "/deliveries/1/cancel",
    "/users", "/users/1/disable", "/users/1/enable", "/audit/verify", "/studies/search", "/logout",
    "/account",
]  # fmt: skip


GIVES = {
    "viewer": {"/studies/search", "/logout", "/account"},
    "operator": {*ORDERS[:4], "/studies/search", "/logout", "/account"},
    "admin": set(ORDERS),
    "auditor": {"/audit/verify", "/logout", "/account"},
}


PARTS = {  # they belong to the page before them and are asked for by it
    "/studies/standings", "/studies/{}/timeline", "/studies/{}/results", "/jobs/lines",
    "/studies/{}/jobs/{}/viewer", "/studies/{}/jobs/{}/{}/{}/{}.png", "/deliveries/lines",
}  # fmt: skip
OPEN = {"/", "/login", "/first-admin/{}", "/health"}


def test_every_route_stands_in_the_table(page):
    app = create_app(page.db, page.store, page.settings)
    routes = {re.sub(r"{[^}]*}", "{}", path) for path in app.openapi()["paths"]}
    told = {re.sub(r"/(\d+|enable|disable)\b", "/{}", path) for path in [*GETS, *ORDERS]}

    assert routes - PARTS - OPEN == told


def test_nobody_sees_anything_without_a_login(page):
    visitor = page.visitor()

    for path in GETS:
        answer = visitor.get(path)
        assert 303 == answer.status_code
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("role", SEES)
def test_each_role_sees_its_pages_and_no_other(page, study, role):
    visitor = page.visitor("ada", role)

    seen = {path: visitor.get(path).status_code for path in GETS}

    assert {path: 200 if path in SEES[role] else 403 for path in GETS} == seen


@pytest.mark.parametrize("role", GIVES)
def test_each_role_gives_its_orders_and_no_other(page, study, role):
    visitor = page.visitor("ada", role)

    for order in ORDERS:
        forbidden = visitor.send_form("/account", order).status_code == 403
        assert (order not in GIVES[role]) == forbidden, order
        if order == "/logout":
            visitor.log_in("ada")


@pytest.mark.parametrize("token", ["", "x" * 43, "é"])
def test_no_order_passes_without_the_token_of_its_session(page, study, token):
    visitor = page.visitor("ada", "admin")
    before = len(page.trail())

    for order in ORDERS:
        assert 403 == visitor.post(order, data={"csrf": token}).status_code, order
    assert before == len(page.trail())


def test_another_sessions_token_is_not_enough(page, study):
    other = csrf_of(page.visitor("eve", "admin").get("/account").text)
    visitor = page.visitor("ada", "admin")

    assert 403 == visitor.post("/jobs/3/rerun", data={"csrf": other}).status_code


def test_forms_from_other_sites_and_large_ones_are_not_read(page):
    visitor = page.visitor("ada")
    data = {"csrf": csrf_of(visitor.get("/studies").text)}

    foreign = visitor.post("/studies/search", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    large = visitor.post("/studies/search", data={**data, "patient": "x" * 70_000})

    assert (403, 413) == (foreign.status_code, large.status_code)
