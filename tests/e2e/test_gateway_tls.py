# SPDX-License-Identifier: Apache-2.0
"""Certificates of gateways: what is wrong with one is said, delays no other, and is over when it is replaced."""

import contextlib
import time

import pytest

from harness.gateway import await_on_all
from harness.objects import condition, default_api_id, oas_api
from harness.tls_front import Authority, TlsFront
from harness.wait import eventually_equal

REFUSED = "the certificate is refused"
WRONG = ("another authority", "expired", "another name", "plain text")


@pytest.fixture
def authority(stage):
    return Authority(stage.directory, "gateways")


@pytest.fixture
def fronts(stage, authority):
    """A gateway behind each."""
    other = Authority(stage.directory, "strangers")
    with contextlib.ExitStack() as stack:
        made = {}
        for wrong in WRONG:
            address = stage.address()
            certificate = {"another authority": lambda address=address: other.issue(address),
                           "expired": lambda address=address: authority.issue(address, days=-1),
                           "another name": lambda: authority.issue("gateway.example"),
                           "plain text": lambda: None}[wrong]()
            made[wrong] = stack.enter_context(TlsFront(address, stage.gateway(), certificate))
        yield made


def states(fleet) -> dict[str, tuple[str, str | None]]:
    return {entry["url"]: (entry["state"], entry.get("lastError")) for entry in fleet.status().get("endpoints", [])}


def test_certificates_that_are_wrong(stage, fleet, fleet_operator, authority, fronts, kubectl, tyk, team):
    good = stage.address()
    behind = stage.gateways[:]
    with TlsFront(good, stage.gateway(), authority.issue(good)) as fine:
        fleet.create_secret("other", **{"ca.crt": authority.pem})
        kubectl.apply(fleet.context(serviceRef=None, urls=[fine.url, *(front.url for front in fronts.values())],
                                    tls={"caSecretRef": {"name": "other", "key": "ca.crt"}}))
        began = time.monotonic()
        kubectl.apply(oas_api(team, "orders", context=fleet.ref()))
        holds = lambda gateway: default_api_id(team, "orders") in gateway.apis()  # noqa: E731
        await_on_all(stage.gateways[-1:], holds, True, 10)
        assert time.monotonic() - began < 10, "it has waited for others"

        thing = tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnreachable")
        eventually_equal(lambda: tyk.status(team, "orders")["gateways"], {"total": 5, "synced": 1})
        assert condition(thing, "Ready")["reason"] == "GatewayUnreachable"
        fleet.await_ready("False", "GatewayUnreachable")
        told = {front.url: ("Unreachable", "the TLS handshake fails" if wrong == "plain text" else REFUSED)
                for wrong, front in fronts.items()}
        eventually_equal(lambda: states(fleet), {fine.url: ("Synced", None), **told})
        # Nothing has been asked of any of them.
        assert not any(holds(gateway) for gateway in behind)

        # Probes go on, seldom; the one that is fine is used all the while.
        kubectl.apply(oas_api(team, "later", context=fleet.ref()))
        await_on_all(stage.gateways[-1:], lambda gateway: default_api_id(team, "later") in gateway.apis(), True, 10)

        for front in fronts.values():
            front.use(authority.issue(front.address))
        tyk.await_ready(team, "orders", "later", timeout=60)
        fleet.await_ready()
        await_on_all(behind, holds, True)
        assert {state for state, _ in states(fleet).values()} == {"Synced"}


def test_a_certificate_without_its_authority_and_with_it(stage, fleet, fleet_operator, authority, kubectl, tyk, team):
    """The context's own CA is followed; without verification anybody is trusted."""
    address = stage.address()
    with TlsFront(address, stage.gateway(), authority.issue(address)) as front:
        kubectl.apply([fleet.context(serviceRef=None, urls=[front.url]), oas_api(team, "orders", context=fleet.ref())])
        tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnreachable")
        eventually_equal(lambda: states(fleet), {front.url: ("Unreachable", REFUSED)})
        fleet.create_secret("other", **{"ca.crt": authority.pem})
        kubectl.apply(fleet.context(serviceRef=None, urls=[front.url], tls={"caSecretRef": {"name": "other", "key": "ca.crt"}}))
        tyk.await_ready(team, "orders")
        # The name in the certificate is another one, and it is the context that says which.
        front.use(authority.issue("gateway.example"))
        stage.gateways[0].restart()  # connections that stand are ended
        fleet.await_ready("False", "GatewayUnreachable")
        eventually_equal(lambda: states(fleet), {front.url: ("Unreachable", REFUSED)})
        kubectl.apply(oas_api(team, "orders", context=fleet.ref(), upstream="http://second.example/"))
        tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnreachable")
        kubectl.apply(fleet.context(serviceRef=None, urls=[front.url],
                                    tls={"caSecretRef": {"name": "other", "key": "ca.crt"}, "serverName": "gateway.example"}))
        tyk.await_ready(team, "orders", timeout=60)
        kubectl.apply(fleet.context(serviceRef=None, urls=[front.url], tls={"insecureSkipVerify": True}))
        fleet.await_ready()
        tyk.await_ready(team, "orders")
