# SPDX-License-Identifier: Apache-2.0
"""The chart's values: linted, documented, and refused where they are wrong."""

import json
import subprocess
import sys

import pytest
import yaml
from conftest import CHART, of_kind, only

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def test_helm_lint_is_content(helm):
    result = helm("lint", "--strict", CHART)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "[WARNING]" not in result.stdout


def test_the_readme_is_written_from_the_values():
    result = subprocess.run([sys.executable, CHART / "generate-readme.py", "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def keys(values: dict, schema: dict, path: str = ""):
    """Where values and schema do not name the same keys."""
    if schema.get("additionalProperties") is not False:
        return
    for name in values.keys() ^ schema["properties"].keys():
        yield f"{path}{name}"
    for name, value in values.items():
        if isinstance(value, dict):
            yield from keys(value, schema["properties"].get(name, {}), f"{path}{name}.")


def test_the_schema_knows_every_value_and_no_other():
    assert list(keys(VALUES, SCHEMA)) == []


@pytest.mark.parametrize("path", ["gatway", "gateway.host", "gateway.service.targetPort", "rbac.secretAcces", "image.name",
                                  "metrics.serviceMonitor.intervall", "leaderElection.leaseDuration", "log.encoding",
                                  "podDisruptionBudget.max", "networkPolicy.policy", "crds.install", "serviceAccount.labls"])
def test_an_unknown_key_is_refused(refused, path):
    values = "x"
    for name in reversed(path.split(".")):
        values = {name: values}
    assert f"'{path.rpartition('.')[2]}' not allowed" in refused(values)


@pytest.mark.parametrize("values, named", [
    ({"gateway": {"service": {"name": "Upper"}}}, "name"),
    ({"gateway": {"service": {"name": "a", "port": 70000}}}, "port"),
    ({"gateway": {"urls": ["gateway:8080"]}}, "urls"),
    ({"gateway": {"version": "latest"}}, "version"),
    ({"log": {"level": "loud"}}, "level"),
    ({"conversionGrace": "5"}, "conversionGrace"),
    ({"defaultCooldown": "500ms"}, "defaultCooldown"),
    ({"owner": "two words"}, "owner"),
    ({"watchNamespaces": "all"}, "watchNamespaces"),
    *(({key: value}, key) for key in ("driftInterval", "secretPoll") for value in ("0", "0s", "999ms", "0h0m0s0500ms")),
    ({"image": {"digest": "sha256:12"}}, "digest"),
    ({"rbac": {"secretAccess": ["platform"]}}, "secretAccess"),
    ({"rbac": {"secretAccess": [{"namespace": "platform"}]}}, "secretAccess"),
    ({"rbac": {"secretAccess": [{"secrets": ["a"]}]}}, "secretAccess"),
    ({"metrics": {"serviceMonitor": {"renderMode": "never"}}}, "renderMode"),
    ({"commonLabels": {"n": 1}}, "commonLabels"),
    ({"replicaCount": "2"}, "replicaCount"),
    ({"tolerations": {}}, "tolerations"),
])
def test_a_wrong_value_is_refused(refused, values, named):
    assert named in refused(values)


@pytest.mark.parametrize("values, message", [
    ({"gateway": {"service": {"name": "gw", "port": 1}, "urls": ["http://a"]}}, "give service or urls, not both"),
    ({"gateway": {"service": {"name": "gw"}}}, "gateway.service.port: which port"),
    ({"gateway": {"caSecret": "ca", "insecureSkipVerify": True}}, "caSecret has no effect"),
    ({"watchNamespaces": ["a"], "idNamespaces": ["b"]}, "idNamespaces: b is not among watchNamespaces"),
    ({"rbac": {"scoped": True}}, "rbac.scoped: needs watchNamespaces"),
    ({"watchNamespaces": ["a"], "rbac": {"scoped": True, "secretAccess": [{"namespace": "*", "secrets": ["*"]}]}},
     "cannot be granted when rbac.scoped is set"),
    ({"rbac": {"secretAccess": [{"namespace": "a", "secrets": ["x"]}, {"namespace": "a", "secrets": ["y"]}]}},
     "rbac.secretAccess: a has 2 entries"),
    ({"replicaCount": 2, "leaderElection": {"enabled": False}}, "replicaCount: more than one needs leaderElection"),
    ({"podDisruptionBudget": {"enabled": True, "minAvailable": 1, "maxUnavailable": 1}}, "minAvailable or maxUnavailable"),
])
def test_values_that_contradict_each_other_are_refused(refused, values, message):
    assert message in refused(values)


def test_all_contradictions_are_told_at_once(refused):
    told = refused({"gateway": {"service": {"name": "gw"}}, "rbac": {"scoped": True}})
    assert "gateway.service.port" in told and "rbac.scoped" in told


@pytest.mark.parametrize("value", ["1s", "1000ms", "1m", "0h1m", "24h", "10s500ms"])
def test_intervals_of_a_second_or_more_are_accepted(render, value):
    container, = only(render({"driftInterval": value, "secretPoll": value}), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {f"--drift-interval={value}", f"--secret-poll={value}"} <= set(container["args"])


def test_keys_of_a_parent_chart_are_accepted(render):
    assert render({"enabled": True, "global": {"storageClass": "fast"}})


def test_extra_arguments_may_be_a_list_or_a_map(render):
    for given in (["--drift-interval=5s"], {"drift-interval": "5s"}):
        container, = only(render({"extraArgs": given}), "Deployment")["spec"]["template"]["spec"]["containers"]
        assert container["args"][-1] == "--drift-interval=5s"


def test_extra_arguments_of_both_forms_are_taken_without_a_warning(helm):
    for setting in ("extraArgs.drift-interval=5s", "extraArgs[0]=--drift-interval=5s"):
        result = helm("template", "grapnel", CHART, "--set", setting)
        assert "--drift-interval=5s" in result.stdout
        assert "extraArgs" not in result.stderr


@pytest.mark.parametrize("key, value", [("nameOverride", "Foo_Bar"), ("nameOverride", "a.b"), ("fullnameOverride", "-a"),
                                        ("fullnameOverride", "1a"), ("fullnameOverride", "A")])
def test_names_that_no_object_may_have_are_refused(render, refused, key, value):
    assert key in refused({key: value})
    assert render({key: "team-a"})


def test_a_digest_wins_over_the_tag_and_the_global_registry_over_the_own(render):
    digest = "sha256:" + "0" * 64
    rendered = render({"image": {"registry": "a.example", "tag": "1", "digest": digest}, "global": {"imageRegistry": "b.example"}})
    container, = only(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"b.example/grapnel@{digest}"


def test_monitors_are_left_out_where_the_cluster_has_no_such_kind(render, refused):
    def values(mode: str) -> dict:
        return {"metrics": {"serviceMonitor": {"enabled": True, "renderMode": mode}}}

    assert of_kind(render(values("skipIfMissing")), "ServiceMonitor") == []
    assert only(render(values("skipIfMissing"), arguments=["--api-versions", "monitoring.coreos.com/v1/ServiceMonitor"]),
                "ServiceMonitor")
    assert only(render(values("alwaysRender")), "ServiceMonitor")
    assert "has no monitoring.coreos.com/v1 ServiceMonitor" in refused(values("failIfMissing"))


def test_notes_tell_the_next_step(helm, tmp_path):
    def notes(*settings: str) -> str:
        result = helm("install", "grapnel", CHART, "--dry-run=client", "--namespace", "grapnel-system", *settings)
        assert result.returncode == 0, result.stderr
        return result.stdout.partition("NOTES:")[2]

    bare = notes()
    assert "No gateways are named yet" in bare and "kubectl -n default get tyk" in bare and "rbac.secretAccess" in bare
    named = notes("--set", "gateway.service.name=gw,gateway.service.port=control,gateway.existingSecret=gw")
    assert "grapnel-system/gw (port control)" in named and "No gateways are named" not in named and "403" not in named
    assert "403" in notes("--set", "gateway.urls={http://a}")
    assert "No image.registry is set" in bare
    for setting in ("image.registry=a.example", "global.imageRegistry=a.example", "image.repository=a.example/grapnel"):
        assert "No image.registry is set" not in notes("--set", setting)
