"""``ringward health``: does a node take requests? Made for containers, which ask it every few seconds.

It loads little: neither the node, nor protobuf, nor what prints in colour.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
import grpc

from cli.config_sources import DEFAULT_FILE, from_environment, from_file
from cli.settings import Value
from cli.settings_table import SETTINGS_BY_KEY
from cli.text_forms import parse_duration

NOT_SERVING = 1
UNKNOWN = 2  # the exit code where no node was reached, or nobody knows how to

_CHECK = "/grpc.health.v1.Health/Check"
_STATES = {b"\x08\x01": "serving", b"\x08\x02": "not serving"}  # HealthCheckResponse, too small to load protobuf for
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  (compared, not bound)

_EPILOG = """\b
Examples:
  ringward health                              the node on this machine, where its settings say that it listens
  ringward health --address 10.0.0.1:3478
  ringward health --address ringward.example.com:443 --tls --output json

Without --address the node is found by RINGWARD_… variables and its configuration file; one that was given its port by a
flag is not. Exit code: 0 it takes requests, 1 it does not, 2 it was not reached."""


@dataclass(frozen=True, slots=True)
class _Door:
    """Where a node is asked. credentials: None without encryption. server_name: whom its certificate is made out to."""

    address: str
    credentials: grpc.ChannelCredentials | None = None
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class _Tls:
    """The options of that name."""

    tls: bool
    ca: Path | None
    cert: Path | None
    key: Path | None
    server_name: str

    def shown(self) -> tuple[bytes | None, bytes | None]:
        """The key and the certificate to show, if there are any."""
        return (_read(self.key), _read(self.cert)) if self.key and self.cert else (None, None)


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> float:
    """A duration as in settings."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}, got {text!r}") from error


_FILE = click.Path(path_type=Path)


@click.command(epilog=_EPILOG, short_help="Ask a node whether it takes requests.")
@click.option("--address", default="", metavar="HOST:PORT", help="gRPC port of a node; else the one on this machine.")
@click.option("--tls", is_flag=True, help="The node at --address encrypts gRPC.")
@click.option("--ca", type=_FILE, metavar="FILE", help="CA that signed its certificate; else one this system trusts.")
@click.option("--cert", type=_FILE, metavar="FILE", help="Certificate to show, for a node that asks for one.")
@click.option("--key", type=_FILE, metavar="FILE", help="Key of that certificate.")
@click.option("--server-name", default="", metavar="NAME", help="Whom its certificate is made out to, if not to HOST.")
@click.option(
    "--timeout", callback=_seconds, default="3s", metavar="DURATION", help="How long it may take. [default: 3s]"
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="A line for people, or JSON.")
@click.option(
    "-c", "--config", type=_FILE, metavar="FILE", help="The node's configuration file; else ./config/config.yaml."
)
def health(address: str, timeout: float, output: str, config: Path | None, **given: Any) -> None:
    """Ask a node over gRPC whether it takes requests, and say so in one line."""
    tls = _Tls(**given)
    if bool(tls.cert) != bool(tls.key):
        raise click.UsageError("--cert and --key go together")
    if not address and (tls.tls or tls.ca or tls.server_name):
        raise click.UsageError("--tls, --ca and --server-name go with --address; of the node here its settings tell")
    door = _door_at(address, tls) if address else _own_door(config, tls)
    state = _state_of(door, timeout)
    click.echo(json.dumps({"address": door.address, "state": state}) if output == "json" else f"{door.address} {state}")
    raise click.exceptions.Exit(0 if state == "serving" else NOT_SERVING)


def _state_of(door: _Door, timeout_s: float) -> str:
    """What the node says. Ends the process if it says nothing."""
    options: list[tuple[str, int | str]] = [("grpc.enable_http_proxy", 0)]
    if door.server_name:
        options.append(("grpc.ssl_target_name_override", door.server_name))
    if door.credentials is None:
        channel = grpc.insecure_channel(door.address, options)
    else:
        channel = grpc.secure_channel(door.address, door.credentials, options)
    with channel:
        try:
            check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_CHECK)
            answer = check(b"", timeout=timeout_s)
        except grpc.RpcError as error:
            _give_up(f"{door.address} gives no answer: {error.details()}")
    return _STATES.get(answer, "unknown")


def _door_at(address: str, tls: _Tls) -> _Door:
    """A door that is encrypted if any option speaks of it."""
    if not (tls.tls or tls.ca or tls.cert or tls.server_name):
        return _Door(address)
    credentials = grpc.ssl_channel_credentials(_read(tls.ca) if tls.ca else None, *tls.shown())
    return _Door(address, credentials, tls.server_name)


def _own_door(config: Path | None, tls: _Tls) -> _Door:
    """Where the node on this machine listens by its settings, and with which certificate: this one alone is trusted."""
    settings = _Settings(config)
    host = str(settings["server.host"])
    address = f"{'localhost' if host in _EVERYWHERE else host}:{settings['server.grpc.port']}"
    if settings["server.grpc.tls.enabled"] is not True:
        return _Door(address)
    cert = _read(Path(str(settings["server.grpc.tls.cert"])).expanduser())
    return _Door(address, grpc.ssl_channel_credentials(cert, *tls.shown()), _name_in(cert))


class _Settings:
    """Values by key: of the environment, else of the file, else the default. What else stands there is not judged."""

    def __init__(self, config: Path | None) -> None:
        file = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
        self._readings = [from_environment(os.environ), *([from_file(file)] if file else [])]
        if config and not config.is_file():
            _give_up(*self._readings[-1].problems)

    def __getitem__(self, key: str) -> Value:
        setting = SETTINGS_BY_KEY[key]
        for reading in self._readings:
            if given := reading.given.get(key):
                try:
                    return setting.parse(given.text)
                except ValueError as error:
                    _give_up(f"{given.place}: {key}: {error}, got {given.text!r}")
        return setting.default_value


def _name_in(cert: bytes) -> str:
    """Whom a certificate is made out to, the first of several."""
    from cryptography import x509  # noqa: PLC0415 - takes as long to load as grpc

    try:
        names = x509.load_pem_x509_certificate(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return str(next(iter(names.value)).value)
    except (ValueError, x509.ExtensionNotFound, StopIteration) as error:
        _give_up(f"the node's certificate is of no use: {error}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        _give_up(f"cannot read {file}: {(error.strerror or '').lower()}")


def _give_up(*problems: str) -> NoReturn:
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    raise click.exceptions.Exit(UNKNOWN)
