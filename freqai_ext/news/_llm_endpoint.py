"""One language model behind an OpenAI-compatible address: contract of the LLM, sections 1 to 4."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from freqai_ext._services.backoff import Backoff
from freqai_ext._services.http import Exchange, Reply, news_unavailable
from freqai_ext._services.strict_json import decode, expect_object, list_or_empty, object_or_empty, text_or_none
from freqai_ext.errors import FreqaiExtError, NewsAnswerError, NewsError, NewsUnavailableError, SettingsError
from freqai_ext.news._llm_answer import read_answer, without_success
from freqai_ext.news._llm_course import Attempt, Course
from freqai_ext.news._plain_text import one_line
from freqai_ext.news._structured_levels import (
    Level,
    LevelMemory,
    names_other_parameter,
    refuses_format,
    response_format,
)
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.prompt import Prompt
from freqai_ext.news.settings import LlmEndpointSettings, LlmSettings

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES: Final = 1_000_000
SHORTEST_ATTEMPT_S: Final = 0.5
"""With less time left nobody is asked."""

_CONNECT_TIMEOUT_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 4.0
_RETRIED: Final = frozenset({None, 408, 409, 429, 500, 502, 503, 504})
_DENIED: Final = frozenset({401, 403})
_UNPAID: Final = 402
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_UNFIT: Final = frozenset({400, 422})
_CLOCK_SLACK_S: Final = 0.05


def whole_base(api_base: str) -> str:
    """Return the address that paths are appended to, which people write with or without ``/v1``.

    Examples
    --------
    >>> whole_base("http://127.0.0.1:11434"), whole_base("http://127.0.0.1:4000/v1/")
    ('http://127.0.0.1:11434/v1', 'http://127.0.0.1:4000/v1')
    """
    base = api_base.strip().rstrip("/")
    path = urlsplit(base).path
    return base if path else f"{base}/v1"


@dataclass(frozen=True)
class Judged:
    """A valid judgement, and which model made it at which level."""

    judgement: Judgement
    model: str
    level: Level


class Endpoint:
    """Asks one model: with less strictness where that is refused, once more where it may help, never beyond the time.

    Parameters
    ----------
    settings, index
        The endpoint, and its place in the list, for texts.
    llm
        What holds for all endpoints.
    levels
        Remembers which level works.
    transport
        In place of the network, for tests.

    Raises
    ------
    SettingsError
        If the address is none, the key cannot be sent, or ``trained_until`` is no date.
    """

    def __init__(
        self,
        settings: LlmEndpointSettings,
        index: int,
        llm: LlmSettings,
        levels: LevelMemory,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._llm = llm
        self._levels = levels
        self._path = f"freqai_ext.news.llm.endpoints.{index}"
        self._base = whole_base(settings.api_base)
        self._headers = self._checked_headers()
        self.name = settings.name
        self.model = settings.model
        self.timeout_s = settings.timeout_s
        self.trained_until_s = self._trained_until_s()
        self._exchange = Exchange(
            self._base,
            service=f"the language model {settings.name}",
            connect_timeout_s=_CONNECT_TIMEOUT_S,
            max_answer_bytes=MAX_ANSWER_BYTES,
            headers=lambda: self._headers,
            transport=transport,
            setting=f"{self._path}.api_base",
        )

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r}, model={self.model!r}, api_base={self._base!r})"

    async def ask(self, prompt: Prompt, course: Course) -> Judged:
        """Return the model's judgement.

        Raises
        ------
        NewsUnavailableError
            It cannot be reached, is too slow, or fails, also when asked again.
        NewsRefusedError
            It refuses the request at every level: key, model, address.
        NewsAnswerError
            What it answers is no judgement, also when told so.
        """
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        level: Level = self._levels.first(self._base, self.model)
        retried, correction = False, None
        while True:
            if course.left_s < SHORTEST_ATTEMPT_S:
                raise news_unavailable(f"{self._call}: no time is left to ask again")
            try:
                outcome = await self._attempt(prompt, correction, level, course)
            except NewsUnavailableError as error:
                wait_s = backoff.next() if error.retry_after_s is None else error.retry_after_s
                late = course.attempts[-1].outcome == "timeout" or wait_s + SHORTEST_ATTEMPT_S > course.left_s
                if retried or late or error.status not in _RETRIED:
                    raise
                retried = True
                await asyncio.sleep(wait_s)
                continue
            if isinstance(outcome, Judged):
                return outcome
            if isinstance(outcome, Level):
                logger.info("%s: %s is not supported there; trying %s", self.name, level, outcome)
                level = outcome
                continue
            if correction is not None or not outcome.mendable:
                raise NewsAnswerError(f"{self._call}: the answer cannot be used: {outcome.fault}")
            correction = outcome.fault

    async def probe(self, deadline_s: float) -> tuple[str, ...]:
        """Return the models that the address lists, without asking any.

        Raises
        ------
        NewsError
            As :meth:`ask` does.
        """
        reply = await self._exchange.request("GET", "/models", deadline_s=deadline_s)
        if not reply.ok:
            raise self._refusal(reply)
        listed = expect_object(decode(reply.content, f"{reply.call}: the answer"), f"{reply.call}: the answer")
        names = (text_or_none(object_or_empty(model).get("id")) for model in list_or_empty(listed.get("data")))
        return tuple(one_line(name, 120) for name in names if name)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._exchange.aclose()

    @property
    def _call(self) -> str:
        return f"POST {self._base}/chat/completions"

    async def _attempt(
        self, prompt: Prompt, correction: str | None, level: Level, course: Course
    ) -> "Judged | Level | _Unusable":
        """Send one request; a level as the outcome is the one to ask for instead."""
        given_s = min(self._settings.timeout_s, course.left_s)
        course.begin_attempt()
        began_s = time.monotonic()

        def note(outcome: str, status: int | None, tokens: int = 0) -> None:
            took_s = time.monotonic() - began_s
            course.attempts.append(Attempt(self.name, self.model, level, outcome, status, took_s, tokens))

        try:
            sent = self._body(prompt, correction, level)
            reply = without_success(
                await self._exchange.request("POST", "/chat/completions", deadline_s=given_s, json=sent)
            )
            said = read_answer(reply) if reply.ok else None
        except NewsUnavailableError as error:
            out_of_time = error.status is None and time.monotonic() - began_s > given_s - _CLOCK_SLACK_S
            note("timeout" if out_of_time else "unavailable", error.status)
            raise
        except NewsError as error:
            note("invalid" if isinstance(error, NewsAnswerError) else "refused", None)
            raise
        if said is None:
            if level.next is not None and refuses_format(reply.status, reply.content):
                note("format_refused", reply.status)
                return level.next
            refusal = self._refusal(reply)
            note("unavailable" if isinstance(refusal, NewsUnavailableError) else "refused", reply.status)
            raise refusal
        self._levels.works(self._base, self.model, level)
        try:
            if said.text is None:
                note("invalid", reply.status, said.tokens)
                return _Unusable(said.fault or "it is empty", said.mendable)
            judgement = Judgement.parse(said.text)
        except NewsAnswerError as error:
            note("invalid", reply.status, said.tokens)
            return _Unusable(str(error), mendable=True)
        note("valid", reply.status, said.tokens)
        return Judged(judgement, said.model or self.model, level)

    def _body(self, prompt: Prompt, correction: str | None, level: Level) -> dict[str, Any]:
        user = prompt.user
        if correction is not None:
            # In the same message, since some models' templates want the roles to alternate.
            user += f"\n\nYour last answer could not be used: {correction}. Answer again, with the JSON object only."
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": user}],
        }
        if self._settings.reasoning:
            body["max_completion_tokens"] = self._llm.max_tokens
        else:
            body |= {"max_tokens": self._llm.max_tokens, "temperature": self._llm.temperature}
        if (form := response_format(level)) is not None:
            body["response_format"] = form
            if _is_open_router(self._base):
                # It would pass the question to providers that drop the format.
                body["provider"] = {"require_parameters": True}
        return body

    def _refusal(self, reply: Reply) -> FreqaiExtError:
        remedy = self._remedy(reply)
        if reply.status in _DENIED:
            # What is said of a key repeats parts of it.
            reply = replace(reply, content=b"")
        error = self._exchange.refusal(reply, remedy)
        if reply.status == _CONFLICT:
            return news_unavailable(str(error), reply.status, reply.retry_after_s)
        return error

    def _remedy(self, reply: Reply) -> str | None:
        if reply.status in _DENIED:
            return f"set {self._path}.api_key to a key that is valid there and may use the model"
        if reply.status == _UNPAID:
            return "the account has no credit left"
        if reply.status == _NOT_FOUND:
            return f"see whether {self._path}.model is offered there, and {self._path}.api_base is right"
        if reply.status in _UNFIT and names_other_parameter(reply.content) and not self._settings.reasoning:
            return f"if it is a reasoning model, set {self._path}.reasoning to true"
        return None

    def _checked_headers(self) -> dict[str, str]:
        key = self._settings.api_key.get_secret_value().strip() if self._settings.api_key else ""
        if not key:
            return {}
        if not key.isascii() or not key.isprintable() or " " in key:
            raise SettingsError(
                f"{self._path}.api_key: the value (hidden) has spaces or characters that are not ASCII, which no key "
                "has; copy the key again"
            )
        return {"Authorization": f"Bearer {key}"}

    def _trained_until_s(self) -> float | None:
        if self._settings.trained_until is None:
            return None
        try:
            last_day = datetime.strptime(self._settings.trained_until, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise SettingsError(
                f"{self._path}.trained_until: {self._settings.trained_until!r} is no day of the calendar; "
                "write it as YYYY-MM-DD"
            ) from None
        # The day itself is known to its end.
        return (last_day + timedelta(days=1)).timestamp()


@dataclass(frozen=True)
class _Unusable:
    fault: str
    mendable: bool


def _is_open_router(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    return host == "openrouter.ai" or host.endswith(".openrouter.ai")
