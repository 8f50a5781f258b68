"""What a cluster to play with consists of, and the configuration of each part."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.local_cluster.ports import Ports

_HOST = "127.0.0.1"
_ZONES = ("east", "east", "west")
_USUAL_GRPC, _USUAL_REST, _USUAL_BALANCER_PAGE = 3478, 3476, 3480


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where a node listens, and its serf agent."""

    grpc: int
    rest: int
    peer: int
    rpc: int
    gossip: int


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """One node. name: of its files too."""

    name: str
    zone: str
    ports: NodePorts

    @property
    def address(self) -> str:
        """Its name in the cluster."""
        return f"{_HOST}:{self.ports.peer}"


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it, in one folder. grpc, rest, page: the balancer's ports; page shows how it sees the nodes."""

    folder: Path
    nodes: Sequence[NodeLayout]
    postgres: int
    redis: int
    grpc: int
    rest: int
    page: int

    @classmethod
    def of(cls, folder: Path) -> Layout:
        """With the usual ports where these are free."""
        ports = Ports()
        front = [ports.usual(port) for port in (_USUAL_GRPC, _USUAL_REST, _USUAL_BALANCER_PAGE)]
        nodes = [
            NodeLayout(f"node-{number}", zone, NodePorts(*ports.some(5))) for number, zone in enumerate(_ZONES, start=1)
        ]
        return cls(folder, nodes, *ports.some(2), *front)

    def file_of(self, node: NodeLayout) -> Path:
        """The configuration a node is started with."""
        return self.folder / f"{node.name}.yaml"

    @property
    def balancer_file(self) -> Path:
        """The configuration of the balancer."""
        return self.folder / "haproxy.cfg"

    def write(self, serf: str) -> None:
        """Write the configurations of nodes and balancer. serf: the program."""
        key = secrets.token_hex(16)
        for node in self.nodes:
            file = self.file_of(node)
            file.touch(mode=0o600)  # it has the cluster's key
            file.write_text(json.dumps(self._node(node, serf, key), indent=2), encoding="utf-8")  # JSON is YAML
        self.balancer_file.write_text(self._balancer(), encoding="ascii")

    def _node(self, node: NodeLayout, serf: str, key: str) -> dict[str, object]:
        ports = node.ports
        others = ",".join(f"{_HOST}:{other.ports.gossip}" for other in self.nodes)
        agent = f"agent=start&binary={serf}&bind={_HOST}:{ports.gossip}&join={others}&profile=local"
        return {
            "server": {
                "host": _HOST,
                "drain_delay": "2s",
                "rate_limit": 100_000,
                "rate_limit_redis": f"redis://{_HOST}:{self.redis}/0",
                "grpc": {"port": ports.grpc},
                "http": {"enabled": True, "port": ports.rest},
            },
            "database": {"engine": "postgres", "uri": f"postgres://postgres@{_HOST}:{self.postgres}/postgres"},
            "service": {"watch": {"enabled": True}},
            "distributed": {
                "enabled": True,
                "address": f"serf://{_HOST}:{ports.rpc}?{agent}",
                "port": ports.peer,
                "advertise": node.address,
                "zone": node.zone,
                "cluster_key": key,
            },
        }

    def _balancer(self) -> str:
        """Each call of a connection goes to the next node that says by /healthz that it is ready."""
        checks = "check check-proto h1 inter 500ms fall 1 rise 1"
        by_grpc = "\n".join(
            f"  server {node.name} {_HOST}:{node.ports.grpc} proto h2 port {node.ports.rest} {checks}"
            for node in self.nodes
        )
        by_rest = "\n".join(f"  server {node.name} {_HOST}:{node.ports.rest} {checks}" for node in self.nodes)
        return f"""\
global
  maxconn 1000

defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option httpchk GET /healthz
  option redispatch 1
  retries 2
  balance roundrobin

frontend grpc
  bind {_HOST}:{self.grpc} proto h2
  default_backend grpc

backend grpc
{by_grpc}

frontend rest
  bind {_HOST}:{self.rest}
  default_backend rest

backend rest
{by_rest}

frontend page
  bind {_HOST}:{self.page}
  stats enable
  stats uri /
  stats refresh 1s
"""
