"""A web server of one's own, with ranges, cuts, slips and changes of mind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server gives for a path.

    Attributes:
        body: all of it.
        etag: its version.
        ranges: whether pieces may be asked for.
        cuts: the connection breaks after so many bytes, once for each number.
        codes: answers of this kind first, once for each number.
    """

    body: bytes
    etag: str = '"1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)


@dataclass
class Web:
    """The server's pages by path, and what was asked of it: (path, range)."""

    base: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def put(self, path: str, body: bytes, **further) -> str:
        self.pages[path] = Page(body, **further)
        return self.base + path


@contextmanager
def serve() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range")
            web.asked.append((self.path, wanted))
            page = web.pages.get(self.path)
            if page is None or page.codes:
                self.send_error(404 if page is None else page.codes.pop(0))
                return
            start = 0
            same = self.headers.get("If-Range") in (None, page.etag)
            if wanted and page.ranges and same:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                if start >= len(page.body):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(page.body)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/*")
            else:
                self.send_response(200)
            body = page.body[start:]
            self.send_header("Content-Length", str(len(body)))
            if page.etag:
                self.send_header("ETag", page.etag)
            self.end_headers()
            self.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
