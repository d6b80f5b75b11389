"""The hub is asked only when it can answer, and its absence is one line at once."""

import socket

import pytest

from nlpcl.core import hub
from nlpcl.core.errors import UserError


@pytest.fixture
def online(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "getproxies", dict)


def test_offline_by_environment(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not hub.is_reachable()


def test_a_host_that_answers(online, monkeypatch):
    # The port stays taken: once free, it could be another program's.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert not hub.is_reachable()
        server.listen()
        assert hub.is_reachable()


def test_neither_cached_nor_reachable(monkeypatch):
    monkeypatch.setattr(hub, "is_reachable", lambda: False)
    with pytest.raises(UserError, match=r"--backbone a/b: .* Use builtin\."):
        hub.require("a/b", "--backbone a/b", kind="models", how="Use builtin.")


def test_a_cached_model_needs_no_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "is_reachable", lambda: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "models--a--b").mkdir()
    hub.require("a/b", "--backbone", kind="models", how="")
