"""From the URL the node is told (``--distributed-address``) to the engine it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cluster.membership.base import Membership
from cluster.membership.urls import shown_form
from model.errors import Misconfigured

# ruff: noqa: PLC0415 - a driver is loaded where its engine is used


def membership_of(url: str) -> Membership:
    """The engine, which has been asked nothing yet. Raises Misconfigured, naming the URL without its secrets."""
    scheme, separator, _ = url.partition("://")
    engine = _ENGINES.get(scheme.lower()) if separator else None
    if engine is None:
        raise Misconfigured(f"{shown_form(url)!r} names no membership engine; expected {' or '.join(FORMS)}")
    return engine(url)


def _consul(url: str) -> Membership:
    from cluster.membership.consul import ConsulMembership

    return ConsulMembership.of(url)


def _dns(url: str) -> Membership:
    from cluster.membership.dns import DnsMembership

    return DnsMembership.of(url)


def _redis(url: str) -> Membership:
    from cluster.membership.redis import RedisMembership

    return RedisMembership.of(url)


def _serf(url: str) -> Membership:
    from cluster.membership.serf import SerfMembership

    return SerfMembership.of(url)


def _static(url: str) -> Membership:
    from cluster.membership.static import StaticMembership

    return StaticMembership.of(url)


_ENGINES: Mapping[str, Callable[[str], Membership]] = {
    "consul": _consul,
    "dns": _dns,
    "kubernetes": _dns,
    "redis": _redis,
    "rediss": _redis,
    "serf": _serf,
    "static": _static,
}

FORMS = (
    "serf://host:7373",
    "consul://host:8500/service",
    "redis://host:6379/0",
    "kubernetes:///service.namespace:5000",
    "dns:///name:5000",
    "static://host:5000,host:5000",
)
"""What a URL may look like; options, where an engine has some, come after a question mark."""
