"""``ringward quickstart``: a first answer through a real socket, whatever else runs on the machine."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from cli.documents import read_document
from cli.quickstart import _run
from cli.validation_reader import read_validation_file
from node.settings import NodeSettings
from tests.cli.program import ROOT, TIMEOUT_S, finished, read_until, started


def test_once_it_answers_the_sample_and_stops(tmp_path: Path) -> None:
    result = finished("quickstart", "--once", home=tmp_path)

    assert result.returncode == 0, result.stderr
    assert "user:ben view document:budget?  allowed" in result.stdout
    assert "user:cem edit document:budget?  denied" in result.stdout
    assert "sample questions are answered as expected" in result.stdout
    assert "grpcurl -plaintext -d '{" in result.stdout
    assert "serving until" not in result.stdout


async def test_where_the_port_is_taken_it_says_so_and_takes_another(capsys: pytest.CaptureFixture[str]) -> None:
    file = read_validation_file(read_document(str(ROOT / "examples" / "drive.yaml")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = NodeSettings(host="127.0.0.1", grpc_port=port)
        await _run(file, settings, once=True, stop=asyncio.Event())

    assert "the usual ports are taken, so this node uses free ones" in capsys.readouterr().out


def test_it_serves_on_until_told_to_stop_on_a_free_port_if_need_be(tmp_path: Path) -> None:
    with (
        started("quickstart", home=tmp_path) as first,
        started("quickstart", home=tmp_path) as second,
    ):
        for process in (first, second):
            read_until(process, "serving until Ctrl-C")
            process.send_signal(signal.SIGINT)
        outputs = [process.communicate(timeout=TIMEOUT_S) for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], outputs
