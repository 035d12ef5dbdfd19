"""A SearXNG: contract of Perplexica, section 6. Dates are as unreliable as its engines': some are missing."""

from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.answer import json_response
from freqai_ext.news.standins.answer import fault_of
from freqai_ext.news.standins.headlines import Headline, asked_asset
from freqai_ext.news.standins.standing import Standing

_DAY_S: Final = 86_400
_RANGES_S: Final = {"day": _DAY_S, "week": 7 * _DAY_S, "month": 30 * _DAY_S, "year": 365 * _DAY_S}
_PAGE: Final = 20


class SearxngStandIn:
    """What it counts."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.searches = 0

    @property
    def gives_json(self) -> bool:
        """Whether its settings allow JSON."""
        return self._standing.settings.searxng_json

    def found(self, query: str, time_range: str | None, page: int) -> tuple[Headline, ...]:
        """Return a page of what a query finds, the newest first."""
        self.searches += 1
        now_s, asset = self._standing.clock(), asked_asset(query)
        if asset is None:
            return ()
        found = self._standing.news.about(asset, now_s - _RANGES_S.get(time_range or "week", _DAY_S), now_s)
        return found[(page - 1) * _PAGE : page * _PAGE]


def create_searxng_app(searxng: SearxngStandIn) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="SearXNG stand-in", openapi_url=None)

    @app.get("/search", response_model=None)
    async def _search(request: Request) -> Response:
        asked = request.query_params
        query, kind, page = asked.get("q", ""), asked.get("format", "html"), asked.get("pageno", "1")
        if kind == "json" and (not searxng.gives_json or fault_of(request) == "json_off"):
            return Response("<!doctype html>\n<title>403 Forbidden</title>", 403, media_type="text/html")
        if not query:
            return json_response({"error": "No query"}, 400) if kind == "json" else _page(400)
        if kind != "json":
            return _page(200)
        found = searxng.found(query, asked.get("time_range"), int(page) if page.isdigit() and page != "0" else 1)
        answer = {
            "query": query,
            "number_of_results": 0,
            "results": [_result(number, one) for number, one in enumerate(found)],
            "answers": [],
            "corrections": [],
            "infoboxes": [],
            "suggestions": [],
            "unresponsive_engines": [["qwant news", "timeout"]],
        }
        return json_response(answer)

    return app


def _result(number: int, headline: Headline) -> dict[str, Any]:
    # Every fifth engine tells no date, and some leave out the zone.
    moment = datetime.fromtimestamp(headline.published_at_s, UTC)
    dated = None if number % 5 == 4 else (moment.replace(tzinfo=None) if number % 2 else moment).isoformat()
    return {
        "url": headline.url,
        "title": headline.title,
        "content": headline.text,
        "engine": "bing news",
        "engines": ["bing news"],
        "category": "news",
        "publishedDate": dated,
        "score": round(1.0 / (number + 1), 3),
    }


def _page(status: int) -> Response:
    return Response("<!doctype html>\n<title>SearXNG</title>", status, media_type="text/html")
