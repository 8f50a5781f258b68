"""The services of the compose file without an engine: each in a network namespace of its own, by its own name.

Namespaces hang on one bridge and know each other by a name server, as containers do; files are at the places where they
are mounted, below a folder for each service. Programs are those of this machine, PostgreSQL set up as its image does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from tests.cli.program import RINGWARD, ROOT
from tests.deploy.compose_file import NODES, Service, example, services
from tests.support.postgres import PROGRAMS, give_to_plain_user, plain_user
from tests.support.root import as_root, command_of_root

RUNNABLE = ("postgres", "redis", *NODES, "balancer", "prometheus")  # Grafana and the collector are not installed here
_TRIALS = IPv4Network("198.18.0.0/15")  # Source: RFC 2544
_STOPPING_S = 60


class Container:
    """A service that runs, or not yet. address: its own. folder: what it keeps, and its mounts."""

    def __init__(self, service: Service, namespace: str, address: str, folder: Path) -> None:
        self.name = service.name
        self.address = address
        self._service = service
        self._namespace = namespace
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        for mount in service.mounts:
            place = self._at(mount.target)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(mount.source, place)

    def start(self) -> None:
        """Start its command."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._inside(*self._program(self._service.command)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )

    def is_healthy(self) -> bool:
        """What its health command says, within its namespace."""
        words = self._inside(*self._program(self._service.health_command))
        return subprocess.run(words, capture_output=True, check=False, timeout=30, cwd=self._folder).returncode == 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, wait until it has ended: its exit code."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        return self._process.wait(_STOPPING_S)

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """The end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._folder / "log"

    def _at(self, target: str) -> Path:
        """Where a path within the service is on this machine."""
        return self._folder / target.lstrip("/")

    def _inside(self, *command: str) -> Sequence[str]:
        variables = {"PATH": f"/usr/sbin:{os.environ['PATH']}", "HOME": str(self._folder), "PYTHONPATH": str(ROOT)}
        given = [f"{name}={value}" for name, value in {**variables, **self._service.environment}.items()]
        user = plain_user() if self.name == "postgres" else None
        as_user = ("setpriv", f"--reuid={user}", "--clear-groups") if user else ()
        return (*command_of_root("ip", "netns", "exec", self._namespace), "env", "-i", *given, *as_user, *command)

    def _program(self, words: Sequence[str]) -> Sequence[str]:
        """A command of the service with programs and paths of this machine."""
        placed = [self._placed(word) for word in words]
        match self.name, placed:
            case name, ["serve", *_] if name in NODES:
                return [sys.executable, "-c", RINGWARD, *placed]
            case name, ["ringward", *rest] if name in NODES:
                return [sys.executable, "-c", RINGWARD, *rest]
            case "prometheus", [first, *_] if first.startswith("--"):
                return ["prometheus", *placed]
            case "postgres", ["postgres", *rest]:
                more = [
                    "-D",
                    str(self._set_up_postgres()),
                    "-c",
                    "listen_addresses=*",
                    "-c",
                    "unix_socket_directories=",
                ]
                return [str(_postgres_program("postgres")), *more, *rest]
            case "postgres", [program, *rest]:
                return [str(_postgres_program(program)), *rest]
        return placed

    def _placed(self, word: str) -> str:
        for mount in self._service.mounts:
            word = word.replace(mount.target, str(self._at(mount.target)))
        return word.replace("=/prometheus", f"={self._folder}/data")

    def _set_up_postgres(self) -> Path:
        """As the image's entrypoint does at the first start."""
        environment = self._service.environment
        give_to_plain_user(self._folder)
        data, password = self._folder / "data", self._folder / "password"
        password.write_text(environment["POSTGRES_PASSWORD"], encoding="utf-8")
        give_to_plain_user(password)
        user = environment["POSTGRES_USER"]
        more = environment["POSTGRES_INITDB_ARGS"].split()
        initdb = ("-D", str(data), "-U", user, f"--pwfile={password}", "-A", "scram-sha-256", "--no-sync", *more)
        self._run(str(_postgres_program("initdb")), *initdb)
        with (data / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write("host all all all scram-sha-256\n")
        statement = f'CREATE DATABASE "{environment["POSTGRES_DB"]}"'
        single = (str(_postgres_program("postgres")), "--single", "-D", str(data), "postgres")
        self._run(*single, given=statement)
        return data

    def _run(self, *words: str, given: str = "") -> None:
        subprocess.run(self._inside(*words), check=True, input=given, text=True, capture_output=True, cwd=self._folder)


@contextmanager
def containers() -> Iterator[dict[str, Container]]:
    """Those that can run here, none of them started; ended, with their networks, at the end. Raises RootNeeded."""
    mark = f"rwc{os.getpid()}"
    network = IPv4Network((int(_TRIALS[0]) + os.getpid() % 8192 * 16, 28))
    bridge, *addresses = list(network.hosts())
    found = services(example())
    folder = Path(tempfile.mkdtemp(prefix="ringward-compose-", dir="/tmp"))
    folder.chmod(0o755)
    places = dict(zip(RUNNABLE, map(str, addresses), strict=False))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        as_root("ip", "link", "add", mark, "type", "bridge")
        stack.callback(as_root, "ip", "link", "delete", mark)
        as_root("ip", "address", "add", f"{bridge}/28", "dev", mark)
        as_root("ip", "link", "set", mark, "up")
        stack.enter_context(_name_server(str(bridge), places, folder))
        made: dict[str, Container] = {}
        for number, (name, address) in enumerate(places.items()):
            stack.enter_context(_namespace(f"{mark}-{number}", mark, number, address, str(bridge)))
            (folder / name).mkdir()
            made[name] = Container(found[name], f"{mark}-{number}", address, folder / name)
            stack.callback(made[name].kill)
        yield made


@contextmanager
def _namespace(name: str, bridge: str, number: int, address: str, name_server: str) -> Iterator[None]:
    cable = f"{bridge}v{number}"
    settings = Path("/etc/netns") / name  # ``ip netns exec`` puts these in place of those of /etc
    with contextlib.ExitStack() as stack:
        as_root("mkdir", "-p", settings)
        stack.callback(as_root, "rm", "-r", settings)
        for file, text in (("resolv.conf", f"nameserver {name_server}\n"), ("hosts", "127.0.0.1 localhost\n")):
            as_root("sh", "-c", f"printf '{text}' >{settings / file}")
        as_root("ip", "netns", "add", name)
        stack.callback(as_root, "ip", "netns", "delete", name)
        as_root("ip", "link", "add", cable, "master", bridge, "type", "veth", "peer", "name", "eth0", "netns", name)
        stack.callback(as_root, "ip", "link", "delete", cable)
        as_root("ip", "link", "set", cable, "up")
        as_root("ip", "-n", name, "address", "add", f"{address}/28", "dev", "eth0")
        for device in ("lo", "eth0"):
            as_root("ip", "-n", name, "link", "set", device, "up")
        yield


@contextmanager
def _name_server(address: str, places: dict[str, str], folder: Path) -> Iterator[None]:
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{place} {name}\n" for name, place in places.items()), encoding="ascii")
    words = [
        "dnsmasq",
        "--keep-in-foreground",
        "--no-hosts",
        "--no-resolv",
        "--bind-interfaces",
        "--conf-file=/dev/null",
    ]
    options = [f"--listen-address={address}", f"--addn-hosts={hosts}", "--user=root", "--pid-file"]
    with subprocess.Popen(
        command_of_root(*words, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _postgres_program(name: str) -> Path:
    newest = max(PROGRAMS.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return newest / name
