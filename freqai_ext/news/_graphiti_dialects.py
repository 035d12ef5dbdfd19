"""What differs between the servers that are called Graphiti: contract, sections 1 and 2."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from freqai_ext._services.strict_json import (
    expect_list,
    expect_object,
    object_or_empty,
    text_or_none,
    unexpected,
)
from freqai_ext.news.shared_record import SharedRecord

_SPEAKER: Final = "freqai-ext"


@dataclass(frozen=True)
class Request:
    """One request, for :meth:`~freqai_ext._services.http.Exchange.request`."""

    method: str
    path: str
    json: object = field(default=None, repr=False)
    params: Mapping[str, str] | None = None


class Dialect(Protocol):
    """Requests of a kind of server, and what to read in its answers; NewsAnswerError where they cannot be used."""

    token_header: str
    health: Request

    def append(self, record: SharedRecord, group: str, dated_s: float) -> Request:
        """Write a record; ``dated_s`` is the time, in UTC seconds, that the server is told."""

    def episodes(self, group: str, last: int) -> Request:
        """Read the last texts of a group."""

    def facts(self, group: str, query: str, most: int) -> Request:
        """Search a group."""

    def check_appended(self, answer: object, where: str) -> None:
        """Raise where the answer does not say that the record was taken."""

    def contents(self, answer: object, where: str) -> list[str]:
        """Return the texts, oldest first."""

    def fact_texts(self, answer: object, where: str) -> list[str]:
        """Return the facts that are not marked as outdated."""


class GraphService:
    """getzep's graph service: queues what is written, and says nothing of what becomes of it."""

    token_header = "Authorization"  # noqa: S105
    health = Request("GET", "/healthcheck")

    def append(self, record: SharedRecord, group: str, dated_s: float) -> Request:
        """Without a ``uuid``: it would mean an episode that is there already, and end the server's worker."""
        message = {
            "content": record.content(),
            "role_type": "user",
            "role": _SPEAKER,
            "name": record.id,
            "timestamp": datetime.fromtimestamp(dated_s, UTC).isoformat(),
            "source_description": "verdict on news",
        }
        return Request("POST", "/messages", {"group_id": group, "messages": [message]})

    def episodes(self, group: str, last: int) -> Request:
        """``last_n`` must be there."""
        return Request("GET", f"/episodes/{group}", params={"last_n": str(last)})

    def facts(self, group: str, query: str, most: int) -> Request:
        """Hybrid search in one group."""
        return Request("POST", "/search", {"query": query, "group_ids": [group], "max_facts": most})

    def check_appended(self, answer: object, where: str) -> None:
        """``success`` means queued and nothing more."""
        if expect_object(answer, where).get("success") is not True:
            raise unexpected(object_or_empty(answer).get("success"), f"{where}: 'success'", "true")

    def contents(self, answer: object, where: str) -> list[str]:
        """The server puts ``role(role_type): `` before each."""
        return _texts(expect_list(answer, where), "content")

    def fact_texts(self, answer: object, where: str) -> list[str]:
        """Invalidated facts come together with live ones."""
        facts = expect_list(expect_object(answer, where).get("facts"), f"{where}: 'facts'")
        live = [fact for fact in facts if not _is_outdated(object_or_empty(fact))]
        return _texts(live, "fact")


class Adapter:
    """The adapter that the original AI-Trader used: shows at once what was written, and knows no time but its own."""

    token_header = "X-API-KEY"  # noqa: S105
    health = Request("GET", "/health")

    def append(self, record: SharedRecord, group: str, dated_s: float) -> Request:
        """Without a ``file_name``, which would hide it from the episodes; the time is in the text."""
        del dated_s
        body = {"user_id": group, "text": record.content(), "role": "user", "metadata": {"source": _SPEAKER}}
        return Request("POST", "/memory/append", body)

    def episodes(self, group: str, last: int) -> Request:
        """Those that are not processed yet are among them."""
        return Request("GET", f"/memory/users/{group}/episodes", params={"limit": str(last)})

    def facts(self, group: str, query: str, most: int) -> Request:
        """Hybrid search of one user."""
        return Request("POST", "/memory/query", {"user_id": group, "query": query, "limit": most})

    def check_appended(self, answer: object, where: str) -> None:
        """Its ``id`` is not that of the episode."""
        if expect_object(answer, where).get("ok") is not True:
            raise unexpected(object_or_empty(answer).get("ok"), f"{where}: 'ok'", "true")

    def contents(self, answer: object, where: str) -> list[str]:
        """They come newest first."""
        episodes = expect_list(expect_object(answer, where).get("episodes"), f"{where}: 'episodes'")
        return _texts(episodes, "content")[::-1]

    def fact_texts(self, answer: object, where: str) -> list[str]:
        """The code says ``hits``, its own description ``results``."""
        found = expect_object(answer, where)
        key = "results" if "hits" not in found and "results" in found else "hits"
        return _texts(expect_list(found.get(key), f"{where}: 'hits'"), "fact")


DIALECTS: Final[Mapping[str, Dialect]] = {"graphiti": GraphService(), "adapter": Adapter()}


def group_of(prefix: str, asset: str) -> str:
    """Return the group that verdicts on an asset are kept in: ``<prefix>_<ASSET>``, another one for every asset.

    Every other character than ``A-Z`` and ``0-9`` becomes its number in hexadecimal between underscores. A ``/`` ends
    the server's worker, and a ``-`` silently breaks the search of some databases: contract, section 1.4.

    Examples
    --------
    >>> group_of("ftnews", "BTC"), group_of("ftnews", "A-B")
    ('ftnews_BTC', 'ftnews_A_2D_B')
    """
    return f"{prefix}_" + re.sub(r"[^A-Z0-9]", lambda odd: f"_{ord(odd[0]):X}_", asset)


def _texts(items: list[object], key: str) -> list[str]:
    found = (text_or_none(object_or_empty(item).get(key)) for item in items)
    return [text for text in found if text is not None]


def _is_outdated(fact: Mapping[str, object]) -> bool:
    return fact.get("invalid_at") is not None or fact.get("expired_at") is not None
