"""What a node can be told; every field has a safe default. ``cli/config.py`` fills it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from api.auth.settings import AuthSettings
from api.identity import TlsSettings
from api.limits import LimitSettings
from api.operations.settings import OperationsSettings, ProfilerSettings
from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from storage.postgres.settings import PostgresSettings
from telemetry.settings import TelemetrySettings


class DatabaseEngine(Enum):
    """Which store holds the data. MEMORY is the SQLite store without a file: everything is lost at exit."""

    SQLITE = "sqlite"
    MEMORY = "memory"
    POSTGRES = "postgres"


class GrpcTransport(Enum):
    """What carries gRPC. AUTO is NATIVE where it was built, else GRPCIO."""

    AUTO = "auto"
    NATIVE = "native"
    GRPCIO = "grpcio"


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """When history is removed. Off, it grows with every change.

    window_s: how long old snap tokens stay readable; longer costs disk. interval_s: pause between passes.
    timeout_s: the most one pass may take.
    """

    window_s: float
    interval_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The store. path matters to SQLITE alone; its folder is created if missing. postgres is given for POSTGRES alone.

    auto_migrate: bring the tables of POSTGRES up to date at the start; without it a node refuses to serve from tables
    of another version. patience_s: how long the start waits for a database that cannot be reached yet.
    max_data_per_write: tuples and attributes together in one write call. watch_buffer_size: how many of the most
    recent commits are kept in memory for each tenant that is watched; who is further behind reads the store.
    """

    engine: DatabaseEngine = DatabaseEngine.MEMORY
    path: Path = Path("ringward.db")
    postgres: PostgresSettings | None = None
    auto_migrate: bool = True
    patience_s: float = 60.0
    max_data_per_write: int = 1000
    watch_buffer_size: int = 100
    garbage_collection: GarbageCollection | None = None


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A node's part in a cluster.

    engine: the URL of the membership engine. port: where this node serves peers. advertise: ``host:port`` at which
    they reach it, empty for this machine's own address and the port; it names the node. zone, weight, release: see
    ``Member``.
    is_zonal: share the keys with the nodes of the same zone only, each zone by itself. key: a secret that all nodes of
    the cluster know; without one, anybody who can connect to the port is let in. joining_s: how long a start waits to
    hear of the others. warm_up_s: how long it may take over their answers after that. grace_s: how long peers'
    questions may go on once the node is told to stop. tls: the peer port's encryption; its client_ca then signs the
    certificates of all nodes. server_name: what the certificates of peers are made out to, if not to their addresses.
    """

    engine: str = field(repr=False)
    port: int = 5000
    advertise: str = ""
    zone: str = ""
    weight: int = 1
    release: str = ""
    is_zonal: bool = False
    key: str = field(default="", repr=False)
    joining_s: float = 10.0
    warm_up_s: float = 5.0
    grace_s: float = 5.0
    tls: TlsSettings | None = None
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A whole node. host empty means every interface; port 0 picks a free one.

    max_message_bytes bounds one inbound message. schema_cache_entries: compiled schema versions kept in memory, a few
    hundred kilobytes each. answer_cache_entries and answer_cache_bytes: how many answers to checks stay cached, and in
    about how much memory; an answer takes 1 to 3 kilobytes. grace_s: how long running calls may go on once the node is
    told to stop. http: where REST is served; None means nowhere. auth: who may ask; None means anybody. grpc_tls and
    http_tls: how the listeners are encrypted; None means not at all. cluster: how this node is one of several; None
    means it is alone. drain_s: how long a node that is told to stop serves on after it has said that it goes, so that
    balancers hear of it before calls are refused. telemetry: what is sent to collectors. operations: where metrics and
    health are served, profiler: where profiles are; None means nowhere.
    """

    host: str = ""
    grpc_port: int = 3478
    grpc_transport: GrpcTransport = GrpcTransport.AUTO
    max_message_bytes: int = 4 * 1024 * 1024
    schema_cache_entries: int = 1000
    answer_cache_entries: int = 10_000
    answer_cache_bytes: int = 10 * 2**20
    grace_s: float = 10.0
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    auth: AuthSettings | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    http: RestSettings | None = None
    grpc_tls: TlsSettings | None = None
    http_tls: TlsSettings | None = None
    cluster: ClusterSettings | None = None
    drain_s: float = 0.0
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    operations: OperationsSettings | None = None
    profiler: ProfilerSettings | None = None
