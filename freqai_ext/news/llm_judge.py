"""A language model as the judge of an archive: patient with endpoints that limit the rate."""

import asyncio
import logging
import time
from typing import Final

from freqai_ext._services.backoff import Backoff
from freqai_ext.news.llm import LlmClient, LlmUnavailableError
from freqai_ext.news.prompt import PROMPT_VERSION, JudgeContext, build_prompt
from freqai_ext.news.records import JudgeIdentity
from freqai_ext.news.scoring import Answer

logger = logging.getLogger(__name__)

_LIMITED: Final = frozenset({429, 503, 529})
_FIRST_WAIT_S: Final = 2.0
_LONGEST_OWN_WAIT_S: Final = 300.0
_GIVES_UP_AFTER_S: Final = 86_400.0


class LlmJudge:
    """Asks a client, and waits where the endpoint says that it is asked too much.

    A 429 or 503 is waited out: as long as ``Retry-After`` says, or, where it says nothing, 2 s, doubling, up to 5
    minutes; all questions wait together. That is no failure, however often it happens, unless a whole day goes by
    without an answer.

    Parameters
    ----------
    client
        Closed by its owner. With one endpoint: which of several answers would be chance.
    model
        Its name in verdicts.
    longest_wait_s
        ``freqai_ext.news.scoring.longest_wait_s``.
    """

    def __init__(self, client: LlmClient, model: str, longest_wait_s: float) -> None:
        self.identity = JudgeIdentity("llm", model, PROMPT_VERSION)
        self._client, self._longest_wait_s = client, longest_wait_s
        self._backoff = Backoff(_FIRST_WAIT_S, _LONGEST_OWN_WAIT_S)
        self._not_before_s = float("-inf")
        self._limited_since_s: float | None = None

    async def answer(self, context: JudgeContext) -> Answer:
        """Return the judgement, however long the endpoint wants to be waited for.

        Raises
        ------
        LlmUnavailableError
            The endpoint fails otherwise; ``lasting`` where it refuses, or limits the rate for a day.
        """
        prompt = build_prompt(context)
        spent = 0
        while True:
            await self._wait()
            try:
                answer = await self._client.judge(prompt)
            except LlmUnavailableError as error:
                spent += error.tokens
                error.tokens = spent
                if error.lasting or not self._is_limit(error):
                    raise
                self._note_limit(error)
                continue
            if self._limited_since_s is not None:
                logger.info("%s answers again", self.identity.model)
            self._limited_since_s = None
            self._backoff.reset()
            # Some endpoints do not count tokens, and a budget that counts none has no end.
            return Answer(answer.judgement, spent + (answer.tokens or prompt.tokens))

    async def _wait(self) -> None:
        while (wait_s := self._not_before_s - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)

    @staticmethod
    def _is_limit(error: LlmUnavailableError) -> bool:
        # Without an attempt the client left the endpoint alone after failures that were counted.
        return error.status in _LIMITED or (not error.attempts and error.retry_after_s is not None)

    def _note_limit(self, error: LlmUnavailableError) -> None:
        now_s = time.monotonic()
        if self._limited_since_s is None:
            self._limited_since_s = now_s
        elif now_s - self._limited_since_s >= _GIVES_UP_AFTER_S:
            error.lasting = True
            raise error
        if now_s < self._not_before_s:
            # Another question has met the same limit, and its wait is for all.
            return
        # A wait of 0 s, or until a date that is over, would be no wait at all.
        wait_s = asked_s = error.retry_after_s or self._backoff.next()
        note = ""
        if asked_s > self._longest_wait_s:
            wait_s = self._longest_wait_s
            note = f", which freqai_ext.news.scoring.longest_wait_s cuts to {wait_s:g} s"
        self._not_before_s = now_s + wait_s
        logger.warning(
            "%s takes no questions now; the next is asked in %.0f s%s (%s)",
            self.identity.model,
            asked_s if note else wait_s,
            note,
            error,
        )
