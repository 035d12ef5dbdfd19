"""The adapter that the original AI-Trader used in front of Graphiti: contract of Graphiti, section 2."""

import hmac
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from freqai_ext._services.loopback.answer import json_response
from freqai_ext.news.standins.answer import iso
from freqai_ext.news.standins.ingest import Episode, Ingest, Message, is_group
from freqai_ext.news.standins.standing import Standing


class _Append(BaseModel):
    user_id: str
    text: str
    role: str = "user"
    metadata: dict[str, Any] = {}


class _Query(BaseModel):
    user_id: str
    query: str
    limit: int = 10


def create_adapter_app(standing: Standing, ingest: Ingest) -> FastAPI:
    """Return the application. What is appended can be read at once, as pending."""
    app = FastAPI(title="Memory adapter stand-in")

    @app.middleware("http")
    async def _key(request: Request, call_next: Any) -> Response:
        token = standing.settings.graphiti_token
        sent = request.headers.get("x-api-key", "")
        wanted = token is not None and request.url.path != "/health"
        if token and wanted and not hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
            return json_response({"detail": "Could not validate credentials"}, 403)
        answer: Response = await call_next(request)
        return answer

    @app.get("/health", response_model=None)
    async def _health() -> Response:
        return json_response({"status": "ok"})

    @app.post("/memory/append", response_model=None)
    async def _append(body: _Append) -> Response:
        now_s = standing.clock()
        source = f"{body.metadata.get('source', 'api')} ({body.metadata.get('role', body.role)})"
        ingest.keep(Message(body.user_id, "", body.text, source, now_s), now_s)
        # Its id is not the episode's.
        return json_response({"ok": True, "id": str(uuid.uuid4()), "created_ts": iso(now_s)})

    @app.post("/memory/query", response_model=None)
    async def _query(body: _Query) -> Response:
        hits = _hits(ingest, body)
        return json_response({"hits": hits, "total": len(hits)})

    @app.post("/memory/query/grouped", response_model=None)
    async def _grouped(body: _Query) -> Response:
        hits = _hits(ingest, body)
        groups = [{"source_type": "conversation", "source_name": "api", "facts": hits}] if hits else []
        return json_response({"groups": groups, "total_facts": len(hits)})

    @app.get("/memory/users/{user_id}/episodes", response_model=None)
    async def _episodes(user_id: str, limit: int = 10) -> Response:
        newest = ingest.episodes(user_id)[::-1][: max(limit, 0)]
        listed = [_written(episode, standing) for episode in newest]
        return json_response({"episodes": listed, "total": len(listed)})

    @app.delete("/memory/files", response_model=None)
    async def _delete(user_id: str, file_name: str) -> Response:  # noqa: ARG001
        return json_response({"ok": True, "deleted": 0})

    @app.post("/memory/summary", response_model=None)
    async def _summary() -> Response:
        return json_response({"summary": "Not implemented yet"})

    return app


def _written(episode: Episode, standing: Standing) -> dict[str, Any]:
    # One of a group that the library refuses is tried again and again: contract, section 1.4.
    processed = (
        is_group(episode.group) and standing.clock() >= episode.created_at_s + standing.settings.graphiti_ingest_s
    )
    return {
        "uuid": episode.uuid,
        "created_at": iso(episode.created_at_s),
        "source": episode.source,
        "content": episode.content,
        "status": "processed" if processed else "pending",
    }


def _hits(ingest: Ingest, query: _Query) -> list[dict[str, Any]]:
    newest = ingest.episodes(query.user_id)[::-1][: max(query.limit, 0)]
    return [
        {
            "fact": episode.content.partition("\n")[0],
            "score": 1.0,
            "uuid": episode.uuid,
            "created_at": iso(episode.created_at_s),
            "metadata": {"file_name": None},
        }
        for episode in newest
    ]
