# SPDX-License-Identifier: Apache-2.0
"""An installation for some namespaces, with roles there instead of a cluster role; or with nothing cluster-wide at all."""

import pytest

from harness.gateway import await_on_all
from harness.objects import default_api_id, local, oas_api, reference, secret, webhook
from harness.wait import eventually


@pytest.mark.parametrize("scoped", [False, True], ids=["namespaces", "scoped"])
def test_it_does_all_its_work_there(stage, cluster, kubectl, tyk, team, scoped):
    gateway, system = stage.gateway(), stage.namespace("grapnel-system")
    cluster.create_pod(team, "gateway", gateway.url.split("/")[2].split(":")[0], {"app": "gateway"})
    kubectl.apply([
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway-svc", "namespace": team},
         "spec": {"selector": {"app": "gateway"}, "ports": [{"name": "control", "port": 8080, "targetPort": 8080}]}},
        secret(team, "gateway", TYK_AUTH=stage.gateway_secret),
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "OperatorContext", "metadata": {"name": "edge", "namespace": team},
         "spec": {"serviceRef": {"name": "gateway-svc", "port": "control"}, "secretRef": {"name": "gateway"}}},
        webhook(team, "pager"), oas_api(team, "orders", reference("pager"), context={"name": "edge"})])
    refused = ("get namespaces", "list namespaces", "list customresourcedefinitions") if scoped else ()
    operator = stage.operator(system=system, namespace=[team, system], start=False, leader_elect=True, lease_name="grapnel",
                              values={"rbac": {"scoped": scoped}}, forbidden=refused)
    stage.may_read(operator, team, secrets=["gateway"])
    operator.start()
    tyk.await_ready(team, "orders")
    tyk.await_webhook(team, "pager")
    tyk.await_condition("OperatorContext", team, "edge", "Ready", "True")
    await_on_all([gateway], lambda one: len(one.handlers(default_api_id(team, "orders"))), 1)
    eventually(lambda: kubectl.get("lease", "grapnel", system)["spec"]["holderIdentity"])

    # An event that comes again.
    for upstream in ("http://second.example/", "http://third.example/"):
        kubectl.apply(oas_api(team, "orders", local(method="get"), context={"name": "edge"}, upstream=upstream))
        tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec")
        kubectl.apply(oas_api(team, "orders", reference("pager"), context={"name": "edge"}, upstream=upstream))
        tyk.await_ready(team, "orders")
    kubectl.delete("tykapis", "orders", team)
    assert gateway.apis() == {}
