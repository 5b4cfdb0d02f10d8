"""Rolodex, the CRM that `examples/connector.py` speaks to, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "rolodex-token"


class MadeUpCrm:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.people: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()

    def save(self, id: str | None, values: dict[str, Any]) -> dict[str, Any]:
        """As a user does, or the API."""
        with self.lock:
            id = id or str(len(self.people) + 1)
            known = self.people.setdefault(id, {"id": id, "name": None, "mail": None, "born": None})
            known.update(values, updated=datetime.now(timezone.utc).isoformat())
            return known

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if path == "/me":
            return 200, {"account": "r1", "company": "Acme", "id": "u1", "name": "Ada"}
        id = path.removeprefix("/people").strip("/")
        if method == "GET":
            now = (datetime.now(timezone.utc) - timedelta(seconds=60)).isoformat()
            found = list(self.people.values())
            if "ids" in query:
                return 200, {"people": [one for one in found if one["id"] in query["ids"].split(",")]}
            after = query.get("updated_after")
            found = [one for one in found if after is None or one["updated"] > after]
            start, size = int(query.get("page", 0)), int(query["limit"])
            more = str(start + size) if start + size < len(found) else None
            return 200, {"people": found[start : start + size], "next": more, "now": now}
        if method == "POST":
            return 201, self.save(None, body)
        if id not in self.people:
            return 404, {"error": f"nobody is {id}"}
        if method == "PATCH" and body.get("name") == "Mallory":
            return 422, {"error": "that name is taken by somebody else"}
        if method == "PATCH":
            return 200, self.save(id, body)
        return 200, self.people.pop(id)


@contextmanager
def made_up_crm() -> Generator[MadeUpCrm, None, None]:
    class Handler(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, answer = 401, {"error": "who are you?"}
            if self.headers.get("authorization") == f"Bearer {TOKEN}":
                status, answer = crm.answer(
                    self.command, url.path, dict(parse_qsl(url.query)), json.loads(body or b"null")
                )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = do_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    crm = MadeUpCrm(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield crm
    finally:
        server.shutdown()
        server.server_close()
