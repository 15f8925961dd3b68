# SPDX-License-Identifier: Apache-2.0
"""The flags that the chart gives are flags of `grapnel run`, and its defaults are the program's."""

import re

import pytest
import yaml
from conftest import CHART, REPOSITORY, only
from test_rendered import VARIANTS, variant

# Values that are flags of the same name with dashes and have a default there.
DEFAULTS = {"defaultCooldown": "default-cooldown", "conversionGrace": "conversion-grace", "referenceGrace": "reference-grace",
            "rewriteDelay": "rewrite-delay", "finalizerTimeout": "finalizer-timeout", "driftInterval": "drift-interval",
            "secretPoll": "secret-poll", "owner": "owner"}


@pytest.fixture(scope="module")
def flags() -> dict[str, str]:
    """The flags of `grapnel run` and their defaults, from the tables that the program has them from."""
    text = "".join((REPOSITORY / "controller" / name).read_text() for name in ("config.c", "cli/gateway_options.h"))
    rows = re.findall(r'\{"([a-z-]+)", OPTION_\w+, (?:AT\(\w+\)|offsetof\(values, \w+\)), (NULL|"[^"]*"),', text)
    assert len(rows) == text.count(", OPTION_")
    return {name: default.strip('"') for name, default in rows}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variants_flags_exist(name, render, flags):
    container = next(one for one in only(render(variant(name)), "Deployment")["spec"]["template"]["spec"]["containers"]
                     if one["name"] == "grapnel")
    assert container["args"][0] == "run"
    for argument in container["args"][1:]:
        assert re.match(r"--([a-z-]+)", argument)[1] in flags


def test_the_charts_defaults_are_the_programs(flags):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert {flag: flags[flag] for flag in DEFAULTS.values()} == {flag: values[key] for key, flag in DEFAULTS.items()}
