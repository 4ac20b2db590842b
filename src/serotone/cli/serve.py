"""``serotone serve``: a service over HTTP and WebSocket, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serotone.errors import ConfigError, MissingExtraError


def serve(
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name or folder.")
    ] = "default",
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need keys.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    key_file: Annotated[
        Path | None, typer.Option(help="Hashes of the keys that may ask.", show_default=False)
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Let anyone ask, from other machines too.")
    ] = False,
    new_key: Annotated[
        str,
        typer.Option(
            help="Make a key of this name, keep its hash in --key-file, show it once, and end."
        ),
    ] = "",
    page: Annotated[bool, typer.Option("--page/--no-page", help="The page at /.")] = True,
    cors: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may ask, as https://a.example; repeat it."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that the service is asked under; repeat it."),
    ] = None,
    max_upload_mb: Annotated[float, typer.Option(min=0.001, help="Of one recording.")] = 25.0,
    max_seconds: Annotated[float, typer.Option(min=1, help="Of one recording.")] = 600.0,
    max_waiting: Annotated[
        int, typer.Option(min=1, help="Requests taken at a time; further ones get 429.")
    ] = 128,
    max_streams: Annotated[int, typer.Option(min=0, help="Open WebSockets.")] = 16,
    rate: Annotated[float, typer.Option(min=0.01, help="Requests a second of one client.")] = 200.0,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to an answer.")] = 30.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of the model; one per core where left out.")
    ] = None,
    decoders: Annotated[
        int | None, typer.Option(min=1, help="Processes that decode; one per two cores.")
    ] = None,
) -> None:
    """Answer requests over HTTP, with a page.

    Listens on this machine alone unless told otherwise. SIGTERM and Ctrl-C end it when all it took
    is answered.
    """
    if new_key:
        _make_key(new_key, key_file)
        return
    try:
        from serotone.server.config import ServeConfig
        from serotone.server.run import run
    except ModuleNotFoundError as error:
        package = error.name or "fastapi"
        if package.startswith("serotone"):
            raise
        raise MissingExtraError("serotone serve", "serve", package) from None
    values = {
        "model": model,
        "host": host,
        "port": port,
        "key_file": key_file,
        "no_keys": no_keys,
        "page": page,
        "cors": tuple(cors or ()),
        "hosts": tuple(allow_host or ()),
        "max_upload_bytes": round(max_upload_mb * 1e6),
        "max_duration_s": max_seconds,
        "max_waiting": max_waiting,
        "max_streams": max_streams,
        "requests_per_s": rate,
        "burst": max(1, round(2 * rate)),
        "timeout_s": timeout,
        "n_threads": threads,
        "n_decoders": decoders,
    }
    run(ServeConfig.parse(values, "serve"))


def _make_key(name: str, key_file: Path | None) -> None:
    from serotone.server.keys import add_key

    if key_file is None:
        raise ConfigError("--new-key needs --key-file, the file that keeps the key's hash.")
    print(add_key(key_file, name))
