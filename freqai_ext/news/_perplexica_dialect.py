"""What a question to Perplexica looks like, by generation: contract of Perplexica, sections 1.2, 2 to 5."""

from dataclasses import dataclass
from typing import Protocol

from freqai_ext.news._perplexica_models import OfferedModel


class Dialect(Protocol):
    """How a generation is asked."""

    def body(self, query: str, mode: str) -> dict[str, object]:
        """Return the body of ``POST /api/search``; ``mode`` is ``"speed"``, ``"balanced"`` or ``"quality"``."""

    def told(self) -> str:
        """Return which generation it is, and with which models."""


@dataclass(frozen=True)
class ByProviderId:
    """Generations C and D (1.11 on, and Vane), which each ignore the field that chooses the sources of the other.

    C knows no mode "quality": asked in that mode it finds nothing, which would pass for no news.
    """

    chat: OfferedModel
    embedding: OfferedModel
    knows_quality: bool = True

    def body(self, query: str, mode: str) -> dict[str, object]:
        return {
            "chatModel": {"providerId": self.chat.provider_id, "key": self.chat.key},
            "embeddingModel": {"providerId": self.embedding.provider_id, "key": self.embedding.key},
            "sources": ["web"],
            "focusMode": "webSearch",
            "optimizationMode": "balanced" if mode == "quality" and not self.knows_quality else mode,
            "query": dated(query),
            "history": [],
            "stream": False,
        }

    def told(self) -> str:
        return (
            f"Perplexica 1.11 or later, or Vane; chat model {_told(self.chat)}, embedding model {_told(self.embedding)}"
        )


@dataclass(frozen=True)
class ByProviderName:
    """Generations A and B (until 1.10). ``None`` leaves the choice of a model to it."""

    chat: OfferedModel | None
    embedding: OfferedModel | None

    def body(self, query: str, mode: str) -> dict[str, object]:
        body: dict[str, object] = {
            # Without "sources", so that a generation D in its place says that they are missing.
            "focusMode": "webSearch",
            "optimizationMode": "speed" if mode == "speed" else "balanced",
            "query": dated(query),
            "history": [],
            "stream": False,
        }
        for field, offer in (("chatModel", self.chat), ("embeddingModel", self.embedding)):
            if offer is not None:
                # A reads "model", B reads "name".
                body[field] = {"provider": offer.provider_id, "name": offer.key, "model": offer.key}
        return body

    def told(self) -> str:
        chat, embedding = (_told(offer) if offer else "of its own choice" for offer in (self.chat, self.embedding))
        return f"Perplexica 1.10 or earlier; chat model {chat}, embedding model {embedding}"


def dated(query: str) -> str:
    """Return ``query`` as a question for what is new; the text is the only lever that the API offers."""
    return f"{query} in the last 24 hours, with dates"


def _told(offer: OfferedModel) -> str:
    return f"'{offer.provider}: {offer.key}'"
