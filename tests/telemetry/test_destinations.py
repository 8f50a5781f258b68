"""Where telemetry goes: what the values of Permify's keys mean, and which are refused, named."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.destinations import BadValue, Destination, Given, Signal, Wire


def destination(
    signal: Signal = Signal.TRACES,
    *,
    exporter: str = "otlp",
    endpoint: str = "collector:4318",
    insecure: bool = True,
    urlpath: str = "",
    headers: tuple[str, ...] = (),
    protocol: str = "http",
) -> Destination:
    return Destination.of(signal, Given(exporter, endpoint, insecure, urlpath, headers, protocol))


def test_each_signal_has_its_path() -> None:
    addresses = [destination(signal).address for signal in Signal]
    assert addresses == [f"http://collector:4318/v1/{name}" for name in ("traces", "metrics", "logs")]


@pytest.mark.parametrize(
    ("endpoint", "insecure", "urlpath", "address"),
    [
        ("c:4318", True, "", "http://c:4318/v1/traces"),
        ("c:4318", False, "", "https://c:4318/v1/traces"),
        ("http://c:4318", False, "", "http://c:4318/v1/traces"),
        ("https://c", False, "", "https://c/v1/traces"),
        ("https://c/otel/v1/traces", False, "", "https://c/otel/v1/traces"),
        ("https://c/otel", False, "/api/traces", "https://c/api/traces"),
        ("c:4318", True, "api/traces", "http://c:4318/api/traces"),
        ("[::1]:4318", True, "", "http://[::1]:4318/v1/traces"),
    ],
)
def test_an_endpoint_is_an_address_or_a_url(endpoint: str, insecure: bool, urlpath: str, address: str) -> None:
    assert destination(endpoint=endpoint, insecure=insecure, urlpath=urlpath).address == address


@pytest.mark.parametrize(
    ("exporter", "protocol", "wire"),
    [
        ("", "http", Wire.OTLP_HTTP),
        ("otlp", "http", Wire.OTLP_HTTP),
        ("otlp", "GRPC", Wire.OTLP_GRPC),
        ("otlp-http", "grpc", Wire.OTLP_HTTP),
        ("otlp-grpc", "http", Wire.OTLP_GRPC),
        ("jaeger", "http", Wire.OTLP_HTTP),
        ("Jaeger", "grpc", Wire.OTLP_GRPC),
        ("signoz", "grpc", Wire.OTLP_GRPC),
        ("zipkin", "grpc", Wire.ZIPKIN),
    ],
)
def test_exporters_mean_a_way_to_speak(exporter: str, protocol: str, wire: Wire) -> None:
    assert destination(exporter=exporter, protocol=protocol).wire is wire


def test_zipkin_has_a_path_of_its_own() -> None:
    assert destination(exporter="zipkin", endpoint="z:9411").address == "http://z:9411/api/v2/spans"
    given_whole = destination(exporter="zipkin", endpoint="http://z:9411/other/spans")
    assert given_whole.address == "http://z:9411/other/spans"


@pytest.mark.parametrize(
    ("endpoint", "insecure", "address", "encrypted"),
    [
        ("c:4317", True, "c:4317", False),
        ("c", False, "c:4317", True),
        ("https://c:443", False, "c:443", True),
        ("http://c:443/", False, "c:443", False),
    ],
)
def test_grpc_takes_an_address(endpoint: str, insecure: bool, address: str, encrypted: bool) -> None:
    found = destination(exporter="otlp-grpc", endpoint=endpoint, insecure=insecure)
    assert (found.address, found.is_encrypted) == (address, encrypted)


def test_headers_are_split_at_the_first_colon() -> None:
    found = destination(headers=("Authorization: Bearer a:b=", "x-scope : t1"))
    assert found.headers == {"authorization": "Bearer a:b=", "x-scope": "t1"}


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        ({"endpoint": ""}, "endpoint", "must be given"),
        ({"endpoint": "ftp://c"}, "endpoint", "'ftp://c'"),
        ({"endpoint": "c:port"}, "endpoint", "'c:port'"),
        ({"endpoint": "c:99999"}, "endpoint", "'c:99999'"),
        ({"endpoint": "http://"}, "endpoint", "'http://'"),
        ({"endpoint": "c:1 2"}, "endpoint", "got 'c:1 2'"),
        ({"endpoint": "http://u:p@c"}, "endpoint", "expected host:port"),
        ({"endpoint": "http://c?a=b"}, "endpoint", "expected host:port"),
        ({"endpoint": "https://c", "insecure": True}, "insecure", "begins with https"),
        ({"exporter": "carrier-pigeon"}, "exporter", "got 'carrier-pigeon'"),
        ({"exporter": "gcp"}, "exporter", "OpenTelemetry collector"),
        ({"protocol": "smoke"}, "protocol", "got 'smoke'"),
        ({"exporter": "otlp-grpc", "urlpath": "/x"}, "urlpath", "gRPC has no paths"),
        ({"exporter": "otlp-grpc", "endpoint": "http://c/x"}, "urlpath", "gRPC has no paths"),
        ({"headers": ("nocolon",)}, "headers", "without a colon"),
        ({"headers": ("a b:c",)}, "headers", "'a b'"),
        ({"headers": ("a:s3\x01cret",)}, "headers", "'a'"),
        ({"headers": (":x",)}, "headers", "''"),
    ],
)
def test_a_value_of_no_use_is_named(values: dict[str, object], name: str, message: str) -> None:
    with pytest.raises(BadValue) as refusal:
        destination(**values)  # type: ignore[arg-type]  # of many kinds
    assert refusal.value.name == name
    assert message in str(refusal.value)
    assert "s3" not in str(refusal.value), "what may be secret is not shown"


@pytest.mark.parametrize("exporter", ["zipkin", "jaeger", "signoz"])
def test_some_exporters_are_for_traces_alone(exporter: str) -> None:
    with pytest.raises(BadValue, match=exporter):
        destination(Signal.METRICS, exporter=exporter)


def test_headers_stay_out_of_sight() -> None:
    assert "hush" not in repr(destination(headers=("a:hush",)))


@given(st.text(), st.text(), st.text(), st.lists(st.text(), max_size=2), st.booleans())
def test_whatever_is_given_means_something_or_is_refused(
    exporter: str, endpoint: str, urlpath: str, headers: list[str], insecure: bool
) -> None:
    for known in ("otlp-grpc", "otlp", exporter):
        with suppress(BadValue):
            assert Destination.of(Signal.TRACES, Given(known, endpoint, insecure, urlpath, headers)).address
