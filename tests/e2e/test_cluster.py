# SPDX-License-Identifier: Apache-2.0
"""The ground itself: what the other tests take for granted of the control plane and of the harness."""

import pytest
import yaml

from harness.api import ApiError
from harness.kubectl import KubectlError
from harness.objects import oas_api, webhook
from harness.wait import eventually, eventually_equal, throughout


@pytest.fixture
def namespace(bare_cluster):
    """A namespace, for tests that need no operator's kinds."""
    import secrets
    name = f"ground-{secrets.token_hex(3)}"
    bare_cluster.kubectl.run("create", "namespace", name)
    yield name
    bare_cluster.kubectl.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")


# --- the control plane ---

def test_server_is_the_release_that_is_said(bare_cluster):
    version = yaml.safe_load(bare_cluster.kubectl.run("version", "-o", "yaml"))
    assert version["serverVersion"]["gitVersion"] == "v1.36.3"
    assert version["clientVersion"]["gitVersion"] == "v1.36.3"


def test_nothing_leaves_the_namespace():
    with open("/proc/net/dev") as devices:
        names = [line.split(":")[0].strip() for line in devices.readlines()[2:]]
    assert names == ["lo"]


def test_kubectl_creates_gets_patches_and_deletes(bare_cluster, namespace):
    kubectl = bare_cluster.kubectl
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}}, namespace)
    kubectl.patch("configmap", "a", {"data": {"k": "2"}}, namespace)
    assert kubectl.get("configmap", "a", namespace)["data"] == {"k": "2"}
    kubectl.delete("configmap", "a", namespace)
    assert kubectl.find("configmap", "a", namespace) is None


def test_an_error_of_kubectl_shows_the_command_and_what_it_said(bare_cluster, namespace):
    with pytest.raises(KubectlError, match=r"kubectl get configmap nothing .*\n.*NotFound") as raised:
        bare_cluster.kubectl.get("configmap", "nothing", namespace)
    assert "exit code 1" in str(raised.value)


def test_endpoint_slices_are_made_from_hand_made_pods(bare_cluster, namespace):
    bare_cluster.kubectl.apply({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway"},
        "spec": {"clusterIP": "None", "selector": {"app": "gateway"},
                 "ports": [{"name": "control", "port": 8080, "targetPort": "control"}]}}, namespace)
    bare_cluster.create_pod(namespace, "gateway-1", "10.244.200.1", {"app": "gateway"})
    bare_cluster.create_pod(namespace, "gateway-2", "10.244.200.2", {"app": "gateway"}, ready=False)

    def endpoints():
        return sorted((address, endpoint["conditions"]["ready"], endpoint["targetRef"]["name"], one["ports"][0]["port"])
                      for one in bare_cluster.slices(namespace, "gateway") for endpoint in one["endpoints"] or []
                      for address in endpoint["addresses"])

    eventually_equal(endpoints, [("10.244.200.1", True, "gateway-1", 8080), ("10.244.200.2", False, "gateway-2", 8080)])
    bare_cluster.set_pod_status(namespace, "gateway-2", "10.244.200.2", ready=True)
    eventually_equal(lambda: [ready for _, ready, _, _ in endpoints()], [True, True])
    bare_cluster.kubectl.run("delete", "pod", "gateway-1", "--namespace", namespace, "--force")
    eventually_equal(lambda: [name for _, _, name, _ in endpoints()], ["gateway-2"])


def test_a_namespace_is_deleted_with_what_is_in_it(bare_cluster):
    kubectl = bare_cluster.kubectl
    kubectl.run("create", "namespace", "short-lived")
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}, "short-lived")
    kubectl.run("delete", "namespace", "short-lived", "--wait=false")
    bare_cluster.await_gone("/api/v1/namespaces/short-lived")


def test_the_audit_log_tells_who_wrote_what(bare_cluster, namespace):
    mark = bare_cluster.audit_mark()
    user = bare_cluster.kubeconfig("grapnel")
    bare_cluster.kubectl.run("create", "configmap", "written", "--namespace", namespace, "--kubeconfig", user)
    bare_cluster.kubectl.run("get", "configmaps", "--namespace", namespace, "--kubeconfig", user)
    writes = bare_cluster.writes(mark, user="grapnel")
    assert [(one.verb, one.resource, one.name, one.code) for one in writes] == [("create", "configmaps", "written", 201)]
    assert any(one.verb == "list" for one in bare_cluster.requests(mark, user="grapnel"))
    assert bare_cluster.writes(mark, user="nobody") == []


def test_a_service_account_has_the_rights_that_rbac_gives_it(bare_cluster, namespace):
    kubectl = bare_cluster.kubectl
    kubectl.run("create", "serviceaccount", "someone", "--namespace", namespace)
    kubectl.run("create", "role", "reader", "--verb=list", "--resource=configmaps", "--namespace", namespace)
    kubectl.run("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:someone",
                "--namespace", namespace)
    user = bare_cluster.service_account_kubeconfig(namespace, "someone")
    eventually(lambda: kubectl.run("get", "configmaps", "--kubeconfig", user))
    with pytest.raises(KubectlError, match="Forbidden"):
        kubectl.run("get", "secrets", "--kubeconfig", user)


# --- old resource versions, for whoever follows changes ---

def test_a_continued_list_is_gone_after_compaction_and_a_restart(bare_cluster, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(3):
        bare_cluster.api.post(path, {"metadata": {"name": f"c{number}"}})
    page = bare_cluster.api.get(path, limit="1")
    bare_cluster.api.post(path, {"metadata": {"name": "later"}})
    bare_cluster.compact()
    bare_cluster.restart_apiserver()  # before, its cache still answers from a snapshot
    with pytest.raises(ApiError) as raised:
        bare_cluster.api.get(path, limit="1", **{"continue": page["metadata"]["continue"]})
    assert (raised.value.code, raised.value.reason) == (410, "Expired")


def test_a_watch_from_an_old_version_is_gone_after_a_restart(bare_cluster, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = bare_cluster.api.post(path, {"metadata": {"name": "before"}})["metadata"]["resourceVersion"]
    bare_cluster.api.post(path, {"metadata": {"name": "after"}})
    bare_cluster.compact()
    bare_cluster.restart_apiserver()
    try:
        event = next(bare_cluster.api.watch(path, resourceVersion=version))
    except ApiError as error:  # the other form of the same answer
        assert error.code == 410
    else:
        assert event["type"] == "ERROR" and event["object"]["code"] == 410, event


def test_objects_survive_a_restart_of_etcd(bare_cluster, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    bare_cluster.api.post(path, {"metadata": {"name": "kept"}})
    bare_cluster.restart_etcd()
    assert bare_cluster.api.get(f"{path}/kept")["metadata"]["name"] == "kept"


# --- the operator's kinds ---

@pytest.mark.parametrize("kind, plural, short", [
    ("ApiDefinition", "apidefinitions", "tykapis"), ("Webhook", "webhooks", "tykwebhooks"),
    ("OperatorContext", "operatorcontexts", "tykcontexts")])
def test_kinds_are_served_under_their_names(cluster, kind, plural, short):
    resources = {one["name"]: one for one in cluster.api.get("/apis/tyk.tyk.io/v1alpha1")["resources"]}
    assert resources[plural]["kind"] == kind and resources[plural]["namespaced"]
    assert resources[plural]["shortNames"] == [short] and resources[plural]["categories"] == ["tyk"]
    assert f"{plural}/status" in resources
    definition = cluster.kubectl.get("crd", f"{plural}.tyk.tyk.io")
    assert [one["status"] for one in definition["status"]["conditions"] if one["type"] == "Established"] == ["True"]


def test_schemas_are_structural(cluster):
    for definition in cluster.kubectl.items("crd"):
        unmet = [one for one in definition["status"]["conditions"] if one["type"] == "NonStructuralSchema"]
        assert not unmet, f"{definition['metadata']['name']}: {unmet}"


def test_an_object_can_be_created_without_the_operator(stage, kubectl, tyk):
    team = stage.namespace()
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders")])
    assert tyk.apidefinition(team, "orders")["status"] == {"observedGeneration": -1}
    assert tyk.webhook(team, "pager")["spec"]["method"] == "POST"


# --- the harness's own helpers ---

def test_eventually_says_why_it_gave_up():
    def holds():
        assert 1 == 2, "one is not two"
    with pytest.raises(AssertionError, match=r"holds: not within 0.1 s; last: AssertionError: one is not two"):
        eventually(holds, timeout=0.1)


def test_eventually_returns_what_it_saw_last():
    values = iter([False, False, "third"])
    assert eventually(lambda: next(values), timeout=5) == "third"


def test_throughout_notices_a_single_failure():
    values = iter([True, True, False, True])
    with pytest.raises(AssertionError, match="ceased to hold"):
        throughout(lambda: next(values, True), 1)


# --- the gateways ---

def test_a_gateway_takes_a_definition_and_fires_its_webhook(stage):
    gateway, receiver = stage.gateway(), stage.receiver()
    gateway.put_foreign({
        "api_id": "someones", "name": "someones", "use_keyless": True,
        "proxy": {"listen_path": "/someones/", "target_url": "http://upstream.example"},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        "event_handlers": {"events": {"AuthFailure": [{
            "handler_name": "eh_web_hook_handler",
            "handler_meta": {"method": "POST", "target_path": receiver.url + "/hook", "template_path": "",
                             "header_map": {"X-Test": "yes"}, "event_timeout": 1}}]}}})
    assert gateway.metas("someones", "AuthFailure")[0]["target_path"] == receiver.url + "/hook"
    assert gateway.counts()["posts"] == 1
    gateway.fire("someones", "AuthFailure")
    eventually_equal(lambda: [(one["method"], one["path"]) for one in receiver.received()], [("POST", "/hook")])


def test_a_gateway_keeps_its_definitions_over_a_restart(stage):
    gateway = stage.gateway()
    gateway.put_foreign({"api_id": "kept", "name": "kept", "proxy": {"listen_path": "/kept/", "target_url": "http://u"}})
    gateway.restart()
    eventually(lambda: "kept" in gateway.apis())


def test_a_definition_with_an_unresolved_webhook_is_noticed(stage):
    gateway = stage.gateway()
    gateway.put_foreign({
        "api_id": "bad", "name": "bad", "proxy": {"listen_path": "/bad/", "target_url": "http://u"},
        "event_handlers": {"events": {"AuthFailure": [{
            "handler_name": "eh_web_hook_handler", "handler_meta": {"id": "pager", "event_timeout": 5}}]}}})
    with pytest.raises(AssertionError, match="pushed unresolved"):
        gateway.expect_no_unresolved()
    gateway.call("DELETE", "/tyk/apis/bad")
    gateway.reload()


def test_a_leaked_secret_is_noticed(stage, kubectl):
    value = stage.secret_value()
    team = stage.namespace()
    kubectl.apply(webhook(team, "pager", annotations={"note": f"the password is {value}"}))
    with pytest.raises(AssertionError, match="stands in"):
        stage.check()
    stage.confidential.remove(value)
