"""A Perplexica, or Vane, of any generation: contract of Perplexica, sections 1 to 4.

What it finds are the news of the last day about the asset that the query names, without dates. No model answers.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from freqai_ext._services.loopback.answer import json_response
from freqai_ext.news.standins.answer import fault_of, hang_for_ever, object_body
from freqai_ext.news.standins.headlines import Headline, asked_asset
from freqai_ext.news.standins.standing import Standing

_WINDOW_S: Final = 86_400
_SOURCES: Final = frozenset({"web", "discussions", "academic"})
_FOCUS_MODES: Final = frozenset(
    {
        "webSearch", "academicSearch", "writingAssistant", "wolframAlphaSearch", "youtubeSearch", "redditSearch",
    }
)  # fmt: skip
_CHAT_MODEL: Final = "stand-in-chat"
_EMBEDDING_MODEL: Final = "stand-in-embedding"


class PerplexicaStandIn:
    """What it keeps: providers with random ids, and the models that were added to them."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.searches = 0
        self._added: dict[str, list[dict[str, str]]] = {"chat": [], "embedding": []}
        self._own = str(uuid.UUID(int=_draw(standing.settings.seed, "own"), version=4))
        self._local = str(uuid.UUID(int=_draw(standing.settings.seed, "local"), version=4))

    @property
    def generation(self) -> str:
        """A to D, as the settings say at this time."""
        return self._standing.settings.perplexica_generation

    def providers(self) -> list[dict[str, Any]]:
        """Return what ``GET /api/providers`` lists."""
        chat = self._added["chat"] + self._configured(_CHAT_MODEL)
        embedding = self._added["embedding"] + self._configured(_EMBEDDING_MODEL)
        local = [{"name": "all-MiniLM-L6-v2", "key": "Xenova/all-MiniLM-L6-v2"}]
        return [
            {"id": self._local, "name": "Transformers", "chatModels": [], "embeddingModels": local},
            {"id": self._own, "name": "OpenAI", "chatModels": chat, "embeddingModels": embedding},
        ]

    def add_model(self, provider: str, body: dict[str, Any] | None) -> Response:
        """Answer ``POST /api/providers/{id}/models``."""
        kind, key, name = ((body or {}).get(field) for field in ("type", "key", "name"))
        if provider != self._own or kind not in self._added or not isinstance(key, str) or not isinstance(name, str):
            return _failure()
        self._added[str(kind)].append({"key": key, "name": name})
        return json_response({"message": "Model added successfully"})

    def models(self) -> dict[str, Any]:
        """Return what ``GET /api/models`` lists in generations A and B."""
        return {
            "chatModelProviders": {"openai": {_CHAT_MODEL: {"displayName": "Stand-in"}}},
            "embeddingModelProviders": {"openai": {_EMBEDDING_MODEL: {"displayName": "Stand-in"}}},
        }

    def refusal(self, body: dict[str, Any] | None) -> Response | None:
        """Return why a search is not done; ``None`` where it is."""
        if body is None:
            return _failure()
        lever = "sources" if self.generation == "D" else "focusMode"
        if (not body.get(lever) and body.get(lever) != []) or not body.get("query"):
            return json_response(
                {"message": f"Missing {'sources' if lever == 'sources' else 'focus mode'} or query"}, 400
            )
        if lever == "focusMode" and str(body[lever]) not in _FOCUS_MODES:
            return json_response({"message": "Invalid focus mode"}, 400)
        wanted = (body.get("chatModel"), body.get("embeddingModel"))
        if self.generation in "CD":
            known = all(self._knows(model, kind) for model, kind in zip(wanted, ("chat", "embedding"), strict=True))
            return None if known else _failure()
        field = "name" if self.generation == "B" else "model"
        named = [model.get(field) for model in wanted if isinstance(model, dict)]
        if all(name in (_CHAT_MODEL, _EMBEDDING_MODEL) for name in named):
            return None
        return json_response({"message": "Invalid model selected"}, 400)

    def found(self, query: str, mode: object = None) -> tuple[Headline, ...]:
        """Return the news that a query finds, the newest first; in a mode that generation C does not know, none."""
        self.searches += 1
        if self.generation == "C" and mode == "quality":
            return ()
        now_s = self._standing.clock()
        asset = asked_asset(query)
        return self._standing.news.about(asset, now_s - _WINDOW_S, now_s) if asset else ()

    def listed(self, found: tuple[Headline, ...]) -> list[dict[str, Any]]:
        """Return sources as an answer lists them; of the first, two engines gave the same snippet."""
        text = "content" if self.generation == "D" else "pageContent"
        return [
            {
                text: f"{one.text}\n\n{one.text}" if number == 0 else one.text,
                "metadata": {"title": one.title, "url": one.url},
            }
            for number, one in enumerate(found)
        ]

    def _configured(self, key: str) -> list[dict[str, str]]:
        return [{"key": key, "name": "Stand-in"}] if self._standing.settings.perplexica_models_listed else []

    def _knows(self, model: object, kind: str) -> bool:
        if not isinstance(model, dict):
            return False
        listed = {
            (provider["id"], known["key"]) for provider in self.providers() for known in provider[f"{kind}Models"]
        }
        provider, key = model.get("providerId"), model.get("key")
        return isinstance(provider, str) and isinstance(key, str) and (provider, key) in listed


def create_perplexica_app(perplexica: PerplexicaStandIn) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="Perplexica stand-in", openapi_url=None)

    @app.get("/api/providers", response_model=None)
    async def _providers() -> Response:
        if perplexica.generation in "AB":
            return Response("Not Found", 404, media_type="text/plain")
        return json_response({"providers": perplexica.providers()})

    @app.post("/api/providers/{provider}/models", response_model=None)
    async def _add_model(provider: str, request: Request) -> Response:
        return perplexica.add_model(provider, await object_body(request))

    @app.get("/api/models", response_model=None)
    async def _models() -> Response:
        if perplexica.generation in "CD":
            return Response("Not Found", 404, media_type="text/plain")
        return json_response(perplexica.models())

    @app.get("/api/search", response_model=None)
    async def _no_get() -> Response:
        return Response(status_code=405)

    @app.post("/api/search", response_model=None)
    async def _search(request: Request) -> Response:
        body = await object_body(request)
        refusal = perplexica.refusal(body)
        if refusal is not None or body is None:
            return refusal or _failure()
        streamed = body.get("stream") is True and perplexica.generation != "A"
        sources = body.get("sources") if perplexica.generation == "D" else ["web"]
        known = isinstance(sources, list) and sources and all(source in _SOURCES for source in map(str, sources))
        if fault_of(request) == "model_fails" or not known:
            return (
                StreamingResponse(_init_only(request), media_type="text/event-stream")
                if streamed
                else (await hang_for_ever(request))
            )
        found = perplexica.found(str(body["query"]), body.get("optimizationMode"))
        message, listed = _message(found), perplexica.listed(found)
        if streamed:
            return StreamingResponse(_streamed(message, listed), media_type="text/event-stream")
        return json_response({"message": message, "sources": listed})

    return app


def _message(found: tuple[Headline, ...]) -> str:
    if not found:
        return "Hmm, sorry, I could not find any relevant information on this topic."
    return " ".join(f"{one.title}. {one.text}[{number}]" for number, one in enumerate(found[:5], 1))


def _streamed(message: str, listed: list[dict[str, Any]]) -> Iterator[str]:
    events: list[dict[str, Any]] = [{"type": "init", "data": "Stream connected"}, {"type": "sources", "data": listed}]
    events += [{"type": "response", "data": chunk} for chunk in ("", *message.partition(". "))]
    return (json.dumps(event) + "\n" for event in [*events, {"type": "done"}])


async def _init_only(request: Request) -> Any:
    yield json.dumps({"type": "init", "data": "Stream connected"}) + "\n"
    await hang_for_ever(request)


def _failure() -> Response:
    return json_response({"message": "An error has occurred."}, 500)


def _draw(seed: int, name: str) -> int:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}:{name}").int
