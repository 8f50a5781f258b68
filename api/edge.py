"""What every listener is given: what it serves, and what calls pass on their way there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2

from api.entrance import Entrance
from api.health import Health
from api.limits import LimitSettings
from api.observation import Observation
from api.rpc.health import HealthService
from api.services import Endpoint, Services, endpoints_of

_HEALTH = cast("ServiceDescriptor", health_pb2.DESCRIPTOR.services_by_name["Health"])  # the stubs have two such types

HEALTH_SERVICE = _HEALTH.full_name
REFLECTION_SERVICES = ("grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection")
"""Message for message the same."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The services of a node and its health, who may ask for them, and who looks on."""

    services: Services
    health: Health
    entrance: Entrance
    observation: Observation = field(default_factory=Observation)

    @property
    def names(self) -> tuple[str, ...]:
        """The full names of all services gRPC offers, in order."""
        return (*self.services.names, HEALTH_SERVICE, *REFLECTION_SERVICES)

    def guarded_endpoints(self) -> Iterator[tuple[Endpoint, Entrance]]:
        """All that is served over gRPC but reflection, each with the entrance its calls pass.

        Health is open and unlimited: a balancer has no key, and must learn that a node is busy.
        """
        for endpoint in self.services.endpoints.values():
            yield endpoint, self.entrance
        open_to_all = Entrance(limits=LimitSettings(calls_per_s=0, calls_at_once=0, streams_at_once=0))
        for endpoint in endpoints_of(_HEALTH, HealthService(self.health, self.names)):
            yield endpoint, open_to_all
