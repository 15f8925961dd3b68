# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboard: valid, fire when they should, and name only metrics that exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import CHART, REPOSITORY, only
from test_rendered import MONITORING

HERE = Path(__file__).resolve().parent
ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())



def known_metrics() -> dict[str, set[str]]:
    """Series and their labels, from the page that is held against the program (tests/checks/test_operating.py)."""
    text = (REPOSITORY / "controller" / "README.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \| (.*?) \|", text, re.M)
    found = {}
    for name, kind, cell in rows:
        labels = set(re.findall(r"`([a-z]+)`", cell))
        found[name if kind != "histogram" else f"{name}_bucket"] = labels | ({"le"} if kind == "histogram" else set())
    assert len(found) > 20
    return found


METRICS = known_metrics()
TARGET_LABELS = {"namespace", "pod", "job", "instance"}
METRIC = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
FUNCTIONS = {"histogram_quantile", "group_left"}


def expressions() -> list[str]:
    rules = [rule["expr"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def run(promtool: str, *arguments) -> str:
    result = subprocess.run([promtool, *map(str, arguments)], capture_output=True, text=True, cwd=HERE)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_rules_are_valid(promtool):
    run(promtool, "check", "rules", "--lint-fatal", ALERTS)


def test_alerts_fire_when_they_should(promtool):
    run(promtool, "test", "rules", "alerts_test.yaml")


def test_every_alert_has_a_test():
    names = [rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    cases = [case for test in yaml.safe_load((HERE / "alerts_test.yaml").read_text())["tests"]
             for case in test.get("alert_rule_test", [])]
    assert sorted({case["alertname"] for case in cases if case["exp_alerts"]}) == sorted(names)


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_known_metrics_and_labels(expression):
    bare = expression.replace("$__rate_interval", "5m").replace('"$namespace"', '"n"')
    names = set(METRIC.findall(re.sub(r"\{[^}]*\}", "", bare))) - FUNCTIONS
    assert names <= METRICS.keys()
    labels = set().union(*(METRICS[name] for name in names)) | TARGET_LABELS
    for group in re.findall(r"(?:by|on) \(([^)]*)\)", bare):
        assert set(re.split(r",\s*", group)) <= labels
    for name, selector in re.findall(r"(\w+)\{([^}]*)\}", bare):
        assert set(re.findall(r"(\w+)(?:!=|=~|=)", selector)) <= METRICS[name] | TARGET_LABELS


def test_the_dashboard_is_what_the_config_map_holds(render):
    config = only(render({"metrics": {"grafanaDashboard": {"enabled": True}}}), "ConfigMap")
    assert json.loads(config["data"]["grapnel.json"]) == DASHBOARD
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_panels_of_the_dashboard_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_rule_object_holds_the_alerts(render):
    values = {"metrics": {"prometheusRule": {"enabled": True, "disabledAlerts": ["GrapnelWebhooksConverted"]}}}
    rules = only(render(values, arguments=MONITORING), "PrometheusRule")["spec"]["groups"][0]["rules"]
    wanted = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    assert rules == [rule for rule in wanted if rule["alert"] != "GrapnelWebhooksConverted"] and len(rules) == len(wanted) - 1
