"""Access to the model hub: without waiting for one out of reach, and without running its code."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies

from nlpcl.core.errors import UserError

TIMEOUT = 3.0
"""Seconds to wait for a first sign of the hub."""


def is_offline() -> bool:
    """Whether the environment forbids access to the hub."""
    return any(
        os.environ.get(name, "").upper() in {"1", "TRUE", "YES", "ON"}
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def is_reachable() -> bool:
    """Whether the hub's host answers; assumed to be so behind a proxy."""
    if is_offline():
        return False
    if getproxies():
        return True
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    port = endpoint.port or (80 if endpoint.scheme == "http" else 443)
    try:
        socket.create_connection((endpoint.hostname or "", port), TIMEOUT).close()
    except OSError:
        return False
    return True


def require(name: str, where: str, *, kind: str, how: str) -> None:
    """Reject a hub id that is neither cached nor reachable, before the hub's library retries.

    Args:
        name: ``OWNER/NAME``.
        where: the flag that named it.
        kind: ``models`` or ``datasets``.
        how: what to do without a network.

    Raises:
        UserError: the hub is out of reach and the cache does not hold it.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    cached = os.path.isdir(os.path.join(HF_HUB_CACHE, f"{kind}--{name.replace('/', '--')}"))
    if not cached and not is_reachable():
        raise UserError("is not in the cache, and the model hub cannot be reached", where, how)


def refuse_code(error: Exception, where: str) -> None:
    """Say so if a folder or hub id could not be loaded because it brings Python code of its own.

    Every loader is called with ``trust_remote_code=False``: without it transformers asks on
    standard input, where the user's data may be.

    Args:
        error: of transformers or datasets.
        where: the flag or folder concerned.

    Raises:
        UserError: that was the reason.
    """
    if isinstance(error, ValueError) and "trust_remote_code" in str(error):
        raise UserError(
            "needs Python code that comes with it (auto_map in its JSON files), which is never run",
            where,
            "Use one that works without; for code of your own see: nlpcl new --help",
        ) from error
