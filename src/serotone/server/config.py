"""What a service may be told: where it listens, and how much it takes."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from serotone.config import Config

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


class ServeConfig(Config):
    """How a service is run. Every limit holds before memory is spent on what exceeds it.

    Attributes:
        model: a name or folder, as ``serotone models`` lists.
        host: address to listen on; all but loopback need keys, or ``no_keys``.
        port: to listen on; 0 takes a free one.
        key_file: hashes of the keys that may ask; see ``serotone.server.keys``.
        no_keys: listen beyond loopback without keys.
        page: whether the page is served.
        cors: origins whose pages may ask from a browser; none where empty.
        hosts: names in the Host header that are answered; any where empty, and on loopback those
            of this machine alone, so that no page can reach it under another name.
        n_threads: of the model's runs, each in a thread; one per core where None.
        n_decoders: processes that decode uploads; one per two cores where None.
        max_upload_bytes: of a request's body; of each file in a batch.
        max_batch_bytes, max_batch_files: of a batch as a whole.
        max_held_bytes: of all bodies held at a time.
        max_duration_s: of a decoded recording.
        max_timeline_s: of a decoded recording for a timeline, which takes longer to hear.
        max_channels: of a recording.
        max_waiting: requests taken and not yet answered; further ones get 429.
        max_slow_waiting: of these, with words, timelines or long recordings.
        max_streams, max_streams_per_client: open WebSockets.
        max_stream_s: of sound in one WebSocket.
        requests_per_s, burst: of one client, in the long run and at once.
        body_timeout_s: in which a request's body must have come.
        idle_timeout_s: longest pause within a body, a stream, or a request's head.
        decode_timeout_s: longest decoding of one recording.
        timeout_s: from a whole body to the answer.
        slow_timeout_s: the same for words, timelines and long recordings.
        drain_s: on SIGTERM, how long requests on open connections are still taken.
    """

    model: str | Path = "default"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    key_file: Path | None = None
    no_keys: bool = False
    page: bool = True
    cors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    n_threads: int | None = Field(default=None, ge=1)
    n_decoders: int | None = Field(default=None, ge=1)
    max_upload_bytes: int = Field(default=25_000_000, ge=1)
    max_batch_bytes: int = Field(default=100_000_000, ge=1)
    max_batch_files: int = Field(default=64, ge=1)
    max_held_bytes: int = Field(default=400_000_000, ge=1)
    max_duration_s: float = Field(default=600.0, gt=0)
    max_timeline_s: float = Field(default=1800.0, gt=0)
    max_channels: int = Field(default=8, ge=1, le=64)
    max_waiting: int = Field(default=128, ge=1)
    max_slow_waiting: int = Field(default=8, ge=1)
    max_streams: int = Field(default=16, ge=0)
    max_streams_per_client: int = Field(default=4, ge=1)
    max_stream_s: float = Field(default=3600.0, gt=0)
    requests_per_s: float = Field(default=200.0, gt=0)
    burst: int = Field(default=400, ge=1)
    body_timeout_s: float = Field(default=60.0, gt=0)
    idle_timeout_s: float = Field(default=10.0, gt=0)
    decode_timeout_s: float = Field(default=30.0, gt=0)
    timeout_s: float = Field(default=30.0, gt=0)
    slow_timeout_s: float = Field(default=600.0, gt=0)
    drain_s: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if self.key_file is not None and self.no_keys:
            raise ValueError("key_file and no_keys exclude each other; leave one out")
        if not (self.is_local or self.key_file or self.no_keys):
            raise ValueError(
                f"host {self.host} can be reached from other machines and needs keys: "
                "give key_file (--key-file), or no_keys (--no-keys) to let anyone ask"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether the address is of this machine alone."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """Names in the Host header that are answered; any where empty."""
        if self.hosts or not self.is_local:
            return self.hosts
        return (*LOCAL_NAMES, self.host)
