import asyncio
import re
import socket
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field


class Message(BaseModel):
    """A message as the graph service wants it: ``role`` may be null, and must be there."""

    content: str
    role_type: Literal["user", "assistant", "system"]
    role: str | None
    uuid: str | None = None
    name: str = ""
    timestamp: datetime = Field(default_factory=lambda: datetime.now(UTC))
    source_description: str = ""


class Messages(BaseModel):
    group_id: str
    messages: list[Message]


class Search(BaseModel):
    query: str
    group_ids: list[str] | None = None
    max_facts: int = 10


class Append(BaseModel):
    user_id: str
    text: str
    role: Literal["user", "assistant", "system"] = "user"
    metadata: dict[str, Any] = {}


class Query(BaseModel):
    user_id: str
    query: str
    limit: int = 10


class GraphitiStandIn:
    """Both servers that are called Graphiti, on a loopback port, with what makes them dangerous.

    The graph service queues what is posted and answers 202, always: its worker ends for ever at the first message with
    a ``uuid`` or a group id of other characters, and nobody is told. What is in the queue shows nowhere.

    ``paused`` keeps messages in the queue; ``fail`` answers the next requests by a status instead; ``delay_s`` is
    waited after a request was worked on; ``now_s`` is the server's clock; ``key`` is wanted by a proxy.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        self.paused = self.worker_dead = False
        self.queue, self.episodes, self.appended, self.facts = [], {}, {}, []
        self.requests, self.bodies = [], []
        self.key = None
        self.delay_s = 0.0
        self.now_s = time.time
        self._failures = []

    def fail(self, status, *, path="", times=1, body="Internal Server Error", headers=None):
        """Answer the next ``times`` requests whose path begins with ``path``."""
        self._failures += [(status, path, body, headers)] * times

    def restart(self):
        """The only cure of a worker that ended; the queue is lost."""
        self.worker_dead, self.queue = False, []

    def work(self):
        """Work on what is queued, until the worker ends."""
        while self.queue and not self.worker_dead:
            group, message = self.queue.pop(0)
            if message.uuid is not None or re.fullmatch("[A-Za-z0-9_-]*", group) is None:
                self.worker_dead = True
                return
            self.put(group, message.content, message.timestamp, name=message.name, speaker=message.role or "")

    def put(self, group, content, valid_at=None, *, name="", speaker="somebody"):
        """Store an episode as if it had been worked on."""
        valid_at = valid_at or datetime.fromtimestamp(self.now_s(), UTC)
        self.episodes.setdefault(group, []).append(
            {
                "uuid": uuid.uuid4().hex,
                "name": name,
                "group_id": group,
                "labels": [],
                "created_at": _iso(datetime.now(UTC)),
                "source": "message",
                "source_description": "",
                "content": f"{speaker}(user): {content}",
                "valid_at": _iso(valid_at if valid_at.tzinfo else valid_at.replace(tzinfo=UTC)),
                "entity_edges": [],
                "episode_metadata": None,
            }
        )

    def count(self, method, path=""):
        return sum(each[0] == method and each[1].startswith(path) for each in self.requests)

    def failure(self, path):
        for at, (status, begin, body, headers) in enumerate(self._failures):
            if path.startswith(begin):
                del self._failures[at]
                return PlainTextResponse(body, status, headers)
        return None


def make_app(server):
    app = FastAPI()

    @app.middleware("http")
    async def traps(request: Request, call_next):
        path = request.url.path
        server.requests.append((request.method, path, dict(request.headers)))
        if (failed := server.failure(path)) is not None:
            return failed
        adapter = path.startswith("/memory")
        if server.key is not None and path != "/health":
            if adapter and request.headers.get("x-api-key") != server.key:
                return JSONResponse({"detail": "Could not validate credentials"}, 403)
            if not adapter and request.headers.get("authorization") != f"Bearer {server.key}":
                return PlainTextResponse("<html>401 Authorization Required</html>", 401)
        answer = await call_next(request)
        if server.delay_s:
            await asyncio.sleep(server.delay_s)
        return answer

    @app.get("/healthcheck")
    def healthcheck():
        return {"status": "healthy"}

    @app.post("/messages", status_code=202)
    def messages(body: Messages):
        server.bodies.append(body)
        server.queue += [(body.group_id, message) for message in body.messages]
        if not server.paused:
            server.work()
        return {"message": "Messages added to processing queue", "success": True}

    @app.get("/episodes/{group_id}")
    def episodes(group_id: str, last_n: int):
        if last_n < 0:
            return PlainTextResponse("Internal Server Error", 500)
        now = _iso(datetime.fromtimestamp(server.now_s(), UTC))
        seen = [each for each in server.episodes.get(group_id, []) if each["valid_at"] <= now]
        return sorted(seen, key=lambda each: each["valid_at"])[-last_n:] if last_n else []

    @app.post("/search")
    def search(body: Search):
        if any(re.fullmatch("[A-Za-z0-9_-]*", group) is None for group in body.group_ids or []):
            return PlainTextResponse("Internal Server Error", 500)
        return {"facts": server.facts[: body.max_facts]}

    @app.get("/health")
    def health():
        return {"status": "ok"}

    @app.post("/memory/append")
    def append(body: Append):
        server.bodies.append(body)
        episode = {
            "uuid": uuid.uuid4().hex,
            "created_at": _iso(datetime.now(UTC)),
            "source": f"{body.metadata.get('source')} ({body.role})",
            "content": body.text,
            "status": "pending",
        }
        if "file_name" not in body.metadata:
            server.appended.setdefault(body.user_id, []).append(episode)
        return {"ok": True, "id": uuid.uuid4().hex, "created_ts": episode["created_at"]}

    @app.get("/memory/users/{user_id}/episodes")
    def user_episodes(user_id: str, limit: int = 20):
        newest = server.appended.get(user_id, [])[::-1][:limit]
        return {"episodes": newest, "total": len(newest)}

    @app.post("/memory/query")
    def query(body: Query):
        return {"hits": server.facts[: body.limit], "total": len(server.facts)}

    return app


@contextmanager
def running_graphiti():
    """A stand-in with the attribute ``url``."""
    state = GraphitiStandIn()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(state), log_config=None, ws="none", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    state.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    try:
        yield state
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


def _iso(when):
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
