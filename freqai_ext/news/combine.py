"""Several searches as one."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence

from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import NewsError
from freqai_ext.news.search import NewsResult, NewsSearch, unique_items

logger = logging.getLogger(__name__)


class CombinedSearch:
    """Asks all searches at once and puts together what they found.

    What one of them found counts although another failed, which is logged. News that several found are told once, with
    the date of whichever knows it.

    Parameters
    ----------
    searches
        In the order in which their items are told; at least one.

    Raises
    ------
    ValueError
        If there is none.
    """

    def __init__(self, searches: Sequence[NewsSearch]) -> None:
        if not searches:
            raise ValueError("no search to combine; name at least one")
        self._searches = tuple(searches)
        self._failures = tuple(Throttle() for _ in searches)

    def __repr__(self) -> str:
        return f"CombinedSearch({list(self._searches)!r})"

    async def search(self, query: str) -> NewsResult:
        """Return what all of them found.

        Raises
        ------
        NewsError
            If all of them failed, or those that did not found nothing, which does not mean that there are no news: the
            error of the first.
        """
        outcomes = await asyncio.gather(*(search.search(query) for search in self._searches), return_exceptions=True)
        results: list[NewsResult] = []
        errors: list[tuple[NewsError, Throttle]] = []
        for outcome, failures in zip(outcomes, self._failures, strict=True):
            if isinstance(outcome, NewsError):
                errors.append((outcome, failures))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                failures.reset()
                results.append(outcome)
        if errors and not any(result.items for result in results):
            raise errors[0][0]
        for error, failures in errors:
            if failures.passes():
                logger.warning("The search for news goes on without one of its sources: %s", error)
        if len(results) == 1:
            return results[0]
        return NewsResult(
            next((result.answer for result in results if result.answer), ""),
            unique_items(item for result in results for item in result.items),
            max(result.retrieved_at_s for result in results),
            hashlib.sha256("".join(result.sha256 for result in results).encode()).hexdigest(),
        )

    async def aclose(self) -> None:
        """Close all of them."""
        for search in self._searches:
            await search.aclose()
