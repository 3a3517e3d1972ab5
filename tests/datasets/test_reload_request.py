"""A request to reload the configuration is a file in the state folder."""

from __future__ import annotations

from pathlib import Path

from sensor.datasets.reload_request import Requests, request_reload


def test_each_request_counts_once_and_one_of_an_earlier_run_not_at_all(tmp_path: Path) -> None:
    request_reload(tmp_path)
    requests = Requests(tmp_path)
    assert not requests.requested()
    request_reload(tmp_path)
    request_reload(tmp_path)
    assert requests.requested()
    assert not requests.requested()
    request_reload(tmp_path)
    assert requests.requested()


def test_without_a_folder_or_a_file_nothing_is_requested(tmp_path: Path) -> None:
    """A request that is removed, for example by a restored backup, is ignored."""
    requests = Requests(tmp_path / "none")
    assert not requests.requested()
    (tmp_path / "none").mkdir()
    request_reload(tmp_path / "none")
    assert requests.requested()
    (tmp_path / "none/reload.request").unlink()
    assert not requests.requested()
