"""Getzep's graph service: contract of Graphiti, section 1. Facts are first lines of episodes, not rewritten ones."""

import hmac
import uuid
from datetime import datetime
from typing import Any, Final, Literal

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from freqai_ext._services.loopback.answer import json_response
from freqai_ext._services.loopback.clock import epoch_s
from freqai_ext.news.standins.answer import FAILURE, fault_of, iso
from freqai_ext.news.standins.ingest import Episode, Ingest, Message, is_group
from freqai_ext.news.standins.standing import Standing

_STALE_FACT_S: Final = 86_400


class _SentMessage(BaseModel):
    content: str
    role_type: Literal["user", "assistant", "system"]
    role: str | None
    uuid: str | None = None
    name: str = ""
    timestamp: datetime | None = None
    source_description: str = ""


class _Messages(BaseModel):
    group_id: str
    messages: list[_SentMessage]


class _Search(BaseModel):
    query: str
    group_ids: list[str] | None = None
    max_facts: int = 10


class _Memory(BaseModel):
    group_id: str
    max_facts: int = 10
    center_node_uuid: str | None
    messages: list[_SentMessage]


def create_graphiti_app(standing: Standing, ingest: Ingest) -> FastAPI:
    """Return the application. A token of the settings is wanted by the proxy in front of it."""
    app = FastAPI(title="Graph service stand-in")

    @app.middleware("http")
    async def _proxy(request: Request, call_next: Any) -> Response:
        ingest.settle(standing.clock())
        token = standing.settings.graphiti_token
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and not hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
            return Response("<html><h1>401 Authorization Required</h1></html>", 401, media_type="text/html")
        answer: Response = await call_next(request)
        return answer

    @app.get("/healthcheck", response_model=None)
    async def _health() -> Response:
        return json_response({"status": "healthy"})

    @app.post("/messages", response_model=None)
    async def _add(request: Request, body: _Messages) -> Response:
        now_s, settings = standing.clock(), standing.settings
        fatal = fault_of(request) == "ingest_dies" or settings.graphiti_backend == "neo4j"
        for sent in body.messages:
            ingest.accept(_queued(body.group_id, sent, now_s, fatal), now_s, settings.graphiti_ingest_s)
        ingest.settle(now_s)
        return json_response({"message": "Messages added to processing queue", "success": True}, 202)

    @app.get("/episodes/{group_id}", response_model=None)
    async def _episodes(group_id: str, last_n: int) -> Response:
        if last_n < 0:
            return Response(FAILURE, 500, media_type="text/plain")
        now_s = standing.clock()
        readable = [episode for episode in ingest.episodes(group_id) if episode.valid_at_s <= now_s]
        return json_response([_written(episode) for episode in readable[-last_n:]] if last_n else [])

    @app.post("/search", response_model=None)
    async def _search(body: _Search) -> Response:
        groups = body.group_ids or []
        if not all(map(is_group, groups)):
            return Response(FAILURE, 500, media_type="text/plain")
        return json_response({"facts": _facts(ingest, groups, body.max_facts, standing.clock())})

    @app.post("/get-memory", response_model=None)
    async def _memory(body: _Memory) -> Response:
        return json_response({"facts": _facts(ingest, [body.group_id], body.max_facts, standing.clock())})

    @app.delete("/group/{group_id}", response_model=None)
    async def _delete_group(group_id: str) -> Response:  # noqa: ARG001
        # It says so and deletes nothing: contract, section 1.4.
        return json_response({"message": "Group deleted", "success": True})

    @app.delete("/episode/{number}", response_model=None)
    async def _delete_episode(number: str) -> Response:
        return json_response({"detail": f"episode {number} not found"}, 404)

    return app


def _queued(group: str, sent: _SentMessage, now_s: float, fatal: bool) -> Message:
    valid_at_s = now_s if sent.timestamp is None else epoch_s(sent.timestamp)
    content = f"{sent.role or ''}({sent.role_type}): {sent.content}"
    return Message(group, sent.name, content, sent.source_description, valid_at_s, sent.uuid, fatal)


def _written(episode: Episode) -> dict[str, Any]:
    return {
        "uuid": episode.uuid,
        "name": episode.name,
        "group_id": episode.group,
        "labels": [],
        "created_at": iso(episode.created_at_s),
        "source": "message",
        "source_description": episode.source,
        "content": episode.content,
        "valid_at": iso(episode.valid_at_s),
        "entity_edges": [],
        "episode_metadata": None,
    }


def _facts(ingest: Ingest, groups: list[str], most: int, now_s: float) -> list[dict[str, Any]]:
    # Full-text search finds nothing in a group whose name has a hyphen: contract, section 1.4.
    episodes = [episode for group in groups if "-" not in group for episode in ingest.episodes(group)]
    newest = sorted(episodes, key=lambda episode: -episode.created_at_s)[: max(most, 0)]
    return [
        {
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, episode.uuid)),
            "name": "HAS_NEWS",
            "fact": episode.content.partition("): ")[2].partition("\n")[0],
            "valid_at": None,
            "invalid_at": iso(episode.created_at_s) if now_s - episode.created_at_s > _STALE_FACT_S else None,
            "created_at": iso(episode.created_at_s),
            "expired_at": None,
        }
        for episode in newest
    ]
