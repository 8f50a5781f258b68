"""Which engine a URL opens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cluster.membership.dns import DnsMembership
from cluster.membership.opening import FORMS, membership_of
from cluster.membership.serf import SerfMembership
from cluster.membership.static import StaticMembership
from model.errors import Misconfigured


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("serf://host:7373", SerfMembership),
        ("SERF://host", SerfMembership),
        ("static://a:5000", StaticMembership),
        ("dns:///name:5000", DnsMembership),
        ("kubernetes:///permify.default:5000", DnsMembership),
    ],
)
def test_the_scheme_chooses_the_engine(url: str, kind: type) -> None:
    assert isinstance(membership_of(url), kind)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_that_is_named_is_accepted(form: str) -> None:
    assert membership_of(form) is not None


@pytest.mark.parametrize("url", ["", "host:5000", "etcd://host:2379", "serf:host", "serf:/host"])
def test_an_unknown_engine_is_misconfigured_with_the_forms_there_are(url: str) -> None:
    with pytest.raises(Misconfigured) as told:
        membership_of(url)
    assert repr(url) in str(told.value)
    assert all(form in str(told.value) for form in FORMS)


@pytest.mark.parametrize(
    "url", ["etcd://:pa55@host", "serf://pa55@host", "static://u:pa55@a:1", "dns://u:pa55@x/y:1", "x?pa55"]
)
def test_a_secret_that_has_no_place_is_not_told(url: str) -> None:
    with pytest.raises(Misconfigured) as told:
        membership_of(url)
    assert "pa55" not in str(told.value)


def test_drivers_load_only_for_the_engine_that_needs_them() -> None:
    program = (
        "import sys; from cluster.membership.opening import membership_of; membership_of('static://a:5000');"
        "print(sorted({'consul', 'dns', 'msgpack', 'redis'} & sys.modules.keys()))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
