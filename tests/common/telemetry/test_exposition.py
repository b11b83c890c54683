"""Each program tells its own metrics over a listener of its own, and does without where the port is taken."""

import os
import socket
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from common.telemetry.exposition import FOLDER_VARIABLE, is_running, make_registry, serve_metrics, shared_folder
from common.telemetry.metrics import CATALOG


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_program_tells_what_was_declared_for_it_and_no_other_metric(program: str) -> None:
    told = {metric.name for metric in make_registry(program).collect()}  # type: ignore[arg-type]
    ours = {one.name.removesuffix("_total") for one in CATALOG.families if program in one.programs}
    others = {one.name.removesuffix("_total") for one in CATALOG.families} - ours
    assert ours <= told
    assert others
    assert not others & told
    assert "process_resident_memory" in " ".join(told)


def test_metrics_are_answered_while_the_body_runs_and_no_longer() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    with serve_metrics("worker", "127.0.0.1", port):
        assert "mayday_job_seconds" in httpx.get(url, trust_env=False).text
    with pytest.raises(httpx.TransportError):
        httpx.get(url, trust_env=False)


def test_a_port_that_is_taken_is_told_with_the_cure_and_the_program_goes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, capture_logs() as lines:
        went_on = False
        with serve_metrics("worker", "127.0.0.1", taken.getsockname()[1]):
            went_on = True
    assert went_on
    assert [line["event"] for line in lines] == ["metrics_not_served"]
    assert "MAYDAY_WORKER_METRICS_PORT" in lines[0]["cure"]


def test_no_port_is_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.telemetry.exposition.make_server", None)  # whoever calls it fails
    with serve_metrics("api", "127.0.0.1", 0):
        pass


def test_several_processes_share_a_folder_that_is_gone_afterwards_and_one_has_none() -> None:
    with shared_folder(1) as none:
        assert none is None
        assert FOLDER_VARIABLE not in os.environ
    with shared_folder(2) as folder:
        assert folder is not None
        assert os.environ[FOLDER_VARIABLE] == str(folder)
        assert folder.is_dir()
    assert FOLDER_VARIABLE not in os.environ
    assert not folder.exists()


def test_the_gauges_of_a_process_that_ended_are_left_out(tmp_path: Path) -> None:
    gone = 2**22 + 1  # beyond what a process may be called
    left = tmp_path / f"gauge_livesum_{gone}.db"
    left.write_bytes(b"")
    assert is_running(os.getpid())
    assert not is_running(gone)
    list(make_registry("api", tmp_path).collect())
    assert not left.exists()
