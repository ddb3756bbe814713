from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.services.shell import daemon
from llmagentos.services.shell.failure import NoDaemon


def test_folder_whose_path_is_too_long_for_a_socket_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / ("x" * 120)
    monkeypatch.setenv("LLMAGENTOS_STATE", str(state))
    monkeypatch.delenv("LLMAGENTOS_RUNTIME", raising=False)
    for act in (daemon.connect, daemon.start):
        with pytest.raises(NoDaemon, match="LLMAGENTOS_RUNTIME"):
            act()
    assert not state.exists()


def test_file_in_the_place_of_the_state_is_called_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s").touch()
    monkeypatch.setenv("LLMAGENTOS_STATE", str(tmp_path / "s"))
    monkeypatch.setenv("LLMAGENTOS_RUNTIME", "/r")
    with pytest.raises(NoDaemon, match="it is no folder"):
        daemon.start()
