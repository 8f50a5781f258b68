"""Where telemetry is sent: an address, a way to speak, headers; read from settings and checked before a node starts.

What is understood is OTLP, over HTTP or gRPC, and for traces Zipkin's JSON. Jaeger and SigNoz take OTLP.
Source: OpenTelemetry protocol exporter, "Configuration options"; reference wire-api §13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, urlsplit


class Signal(Enum):
    """What is sent; the text is what OTLP's paths call it."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


class Wire(Enum):
    """How it is sent."""

    OTLP_HTTP = "OTLP over HTTP"
    OTLP_GRPC = "OTLP over gRPC"
    ZIPKIN = "Zipkin's JSON over HTTP"


class BadValue(ValueError):
    """A value nothing can be sent by. name: of the setting, below the signal's own."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name


@dataclass(frozen=True, slots=True)
class Given:
    """The values as they are given, see ``cli/settings_table.py``."""

    exporter: str
    endpoint: str
    is_insecure: bool
    urlpath: str
    headers: Sequence[str] = field(repr=False)
    protocol: str = "http"


@dataclass(frozen=True, slots=True)
class Destination:
    """What the values mean. address: for gRPC ``host:port``, else a URL. headers: names in small letters."""

    wire: Wire
    address: str
    is_encrypted: bool
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, signal: Signal, given: Given) -> Destination:
        """Where this signal goes. Raises BadValue for the first value that is of no use."""
        wire = _wire_of(signal, given)
        parts = _split(given.endpoint)
        if given.is_insecure and parts.scheme == "https":
            raise BadValue("insecure", f"must be false for an endpoint that begins with https, {given.endpoint!r}")
        is_encrypted = parts.scheme == "https" or not (parts.scheme or given.is_insecure)
        headers = dict(_header(item) for item in given.headers)
        if wire is Wire.OTLP_GRPC:
            if parts.path.strip("/") or given.urlpath:
                raise BadValue("urlpath", "must be empty, since gRPC has no paths; nor may the endpoint have one")
            return cls(wire, _with_port(parts, 4317), is_encrypted, headers)
        path = given.urlpath or parts.path.strip("/") or _PATHS[wire].format(signal=signal.value)
        scheme = "https" if is_encrypted else "http"
        return cls(wire, f"{scheme}://{parts.netloc}/{path.lstrip('/')}", is_encrypted, headers)


_EXPORTERS = ("otlp", "otlp-http", "otlp-grpc", "gcp")
_OF_TRACES = ("zipkin", "jaeger", "signoz")
_PROTOCOLS = {"http": Wire.OTLP_HTTP, "grpc": Wire.OTLP_GRPC}
_PATHS = {Wire.OTLP_HTTP: "v1/{signal}", Wire.ZIPKIN: "api/v2/spans"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.1


def _wire_of(signal: Signal, given: Given) -> Wire:
    exporter, protocol = given.exporter.lower() or "otlp", given.protocol.lower()
    known = (*_EXPORTERS, *_OF_TRACES) if signal is Signal.TRACES else _EXPORTERS
    if exporter not in known:
        raise BadValue("exporter", f"expected one of {', '.join(known)}, got {given.exporter!r}")
    if exporter == "gcp":
        raise BadValue(
            "exporter",
            "Google Cloud is not spoken to directly, got 'gcp'; run an OpenTelemetry collector with its"
            " googlecloud exporter, and send to it by otlp",
        )
    if protocol not in _PROTOCOLS:
        raise BadValue("protocol", f"expected http or grpc, got {given.protocol!r}")
    fixed = {"zipkin": Wire.ZIPKIN, "otlp-http": Wire.OTLP_HTTP, "otlp-grpc": Wire.OTLP_GRPC}
    return fixed.get(exporter, _PROTOCOLS[protocol])


def _split(endpoint: str) -> SplitResult:
    """``host:port``, or a URL, in parts; without a scheme if none is given."""
    if not endpoint:
        raise BadValue("endpoint", "must be given, as host:port or as a URL")
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.scheme not in ("", "http", "https") or parts.query or parts.fragment or parts.username:
        raise BadValue("endpoint", f"expected host:port, or a URL of http or https, got {endpoint!r}")
    if re.search(r"[\s\x00-\x1f]", endpoint):
        raise BadValue("endpoint", f"expected no blanks, got {endpoint!r}")
    return parts


def _with_port(parts: SplitResult, usual: int) -> str:
    return parts.netloc if parts.port else f"{parts.netloc.rstrip(':')}:{usual}"


def _header(item: str) -> tuple[str, str]:
    """``name:value``; messages show the name alone, since values may be secret."""
    name, colon, value = (part.strip() for part in item.partition(":"))
    if not colon:
        raise BadValue("headers", "expected name:value each, got an item without a colon")
    if not _HEADER_NAME.fullmatch(name):
        raise BadValue("headers", f"expected name:value each, and {name!r} is no name of a header")
    if not (value.isascii() and value.isprintable()):
        raise BadValue("headers", f"the value of {name!r} has characters that no header may have")
    return name.lower(), value
