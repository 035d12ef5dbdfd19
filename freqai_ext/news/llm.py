"""Judgements of language models: an ordered list of endpoints under one deadline. Contract of the LLM, section 4."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from freqai_ext._services.circuit import Circuit
from freqai_ext.errors import NewsAnswerError, NewsError, NewsRefusedError, NewsUnavailableError, SettingsError
from freqai_ext.news._llm_course import Attempt, Course
from freqai_ext.news._llm_endpoint import SHORTEST_ATTEMPT_S, Endpoint
from freqai_ext.news._structured_levels import Level, LevelMemory
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.prompt import Prompt
from freqai_ext.news.settings import LlmSettings

__all__ = ["Attempt", "JudgeAnswer", "Level", "LlmClient", "LlmUnavailableError", "Probe"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JudgeAnswer:
    """A judgement, and how it came about.

    Attributes
    ----------
    judgement
        Validated.
    model
        Which model made it, by the endpoint's own account.
    endpoint
        Name of the endpoint in the settings.
    level
        How strictly JSON was asked for.
    latency_s
        Real seconds, all attempts and waits together.
    attempts
        All requests in order, the last one valid.
    tokens
        Of all attempts, as the endpoints count them.
    trained_until_s
        When the model's knowledge of the world ends, UTC seconds; ``None`` where the settings do not say.
    prompt_sha256
        What it was asked.
    """

    judgement: Judgement
    model: str
    endpoint: str
    level: Level
    latency_s: float
    attempts: tuple[Attempt, ...]
    tokens: int
    trained_until_s: float | None
    prompt_sha256: str


class LlmUnavailableError(NewsUnavailableError):
    """No endpoint gave a valid judgement. The message holds what each of them said.

    ``attempts`` are all requests made, ``tokens`` what they cost, and ``lasting`` says whether every endpoint refused
    the request, so that a later one fails as well until the settings are mended. ``status`` is set where all answered
    with the same, ``retry_after_s`` where all said how long to wait: the shortest of it.
    """

    attempts: tuple[Attempt, ...] = ()
    tokens: int = 0
    lasting: bool = False


@dataclass(frozen=True)
class Probe:
    """The state of an endpoint.

    Attributes
    ----------
    endpoint, model
        Name and model of the settings.
    fault
        What is wrong; ``None`` where the address answers.
    listed
        Whether the address lists the model; ``None`` where it lists none at all. Some serve models they do not list.
    models
        Those listed.
    """

    endpoint: str
    model: str
    fault: str | None
    listed: bool | None
    models: tuple[str, ...]


class LlmClient:
    """Asks the endpoints in their order until one gives a valid judgement.

    It may be made before there is an event loop, and is used from one loop at a time; several questions at once are
    fine. An endpoint that failed three questions in a row is left alone for a minute, then two, up to a quarter of an
    hour. The level of JSON that works is remembered for every address and model. Keys go to their own address only:
    redirects are not followed, and proxies of the environment not used.

    Parameters
    ----------
    settings
        Endpoints and limits.
    clock
        UTC seconds; goes by it how long an endpoint is left alone. Deadlines go by real time.
    transport
        In place of the network, for tests.

    Raises
    ------
    SettingsError
        If there is no endpoint, an address is none, a key cannot be sent or a date does not exist.
    """

    def __init__(
        self,
        settings: LlmSettings,
        clock: Callable[[], float] = time.time,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not settings.endpoints:
            raise SettingsError(
                "freqai_ext.news.llm.endpoints: empty, so that nobody can judge the news; write "
                '[{"model": "NAME", "api_base": "http://127.0.0.1:11434"}]'
            )
        levels = LevelMemory()
        self._settings = settings
        self._clock = clock
        self._endpoints = [
            (Endpoint(endpoint, index, settings, levels, transport), Circuit())
            for index, endpoint in enumerate(settings.endpoints)
        ]

    def __repr__(self) -> str:
        return f"LlmClient({[endpoint for endpoint, _ in self._endpoints]!r})"

    async def judge(self, prompt: Prompt, *, before_attempt: Callable[[], None] | None = None) -> JudgeAnswer:
        """Return the first valid judgement.

        Parameters
        ----------
        prompt
            The question.
        before_attempt
            Called before every request, such as to spend a budget; what it raises ends the question and is raised.

        Raises
        ------
        LlmUnavailableError
            No endpoint gave one within ``deadline_s``. That is no judgement at all, not a neutral one.
        """
        course = Course(self._settings.deadline_s, before_attempt)
        faults: list[str] = []
        errors: list[NewsError] = []
        waits_s: list[float | None] = []
        for endpoint, circuit in self._endpoints:
            rest_s = circuit.rests_for_s(self._clock())
            if rest_s > 0:
                faults.append(
                    f"{endpoint.name}: left alone for {rest_s:.0f} s more, it failed {circuit.failures} times"
                )
                waits_s.append(rest_s)
                continue
            if course.left_s < SHORTEST_ATTEMPT_S:
                faults.append(f"{endpoint.name}: not asked, no time was left")
                continue
            given_s = course.left_s
            try:
                judged = await endpoint.ask(prompt, course)
            except (NewsUnavailableError, NewsRefusedError, NewsAnswerError) as error:
                faults.append(f"{endpoint.name}: {error}")
                errors.append(error)
                waits_s.append(getattr(error, "retry_after_s", None))
                # Who says how long to wait works; the wait is the caller's business.
                if not waits_s[-1]:
                    self._count_failure(endpoint, circuit, course, given_s)
                continue
            circuit.succeeded()
            return JudgeAnswer(
                judgement=judged.judgement,
                model=judged.model,
                endpoint=endpoint.name,
                level=judged.level,
                latency_s=course.elapsed_s,
                attempts=tuple(course.attempts),
                tokens=course.tokens,
                trained_until_s=endpoint.trained_until_s,
                prompt_sha256=prompt.sha256,
            )
        failure = LlmUnavailableError(f"no language model gave a judgement; {'; '.join(faults)}")
        failure.attempts, failure.tokens = tuple(course.attempts), course.tokens
        statuses = {getattr(error, "status", None) for error in errors}
        failure.status = statuses.pop() if len(statuses) == 1 else None
        known_s = [wait_s for wait_s in waits_s if wait_s is not None]
        failure.retry_after_s = min(known_s) if known_s and len(known_s) == len(faults) else None
        failure.lasting = len(errors) == len(faults) and all(isinstance(error, NewsRefusedError) for error in errors)
        raise failure

    async def probe(self, deadline_s: float = 10.0) -> tuple[Probe, ...]:
        """Return the state of every endpoint, which costs no tokens; ``deadline_s`` is for each."""
        probes: list[Probe] = []
        for endpoint, _ in self._endpoints:
            try:
                models = await endpoint.probe(deadline_s)
            except NewsError as error:
                probes.append(Probe(endpoint.name, endpoint.model, str(error), None, ()))
                continue
            # Ollama lists what is called "name" as "name:latest".
            listed = bool({endpoint.model, f"{endpoint.model}:latest"} & set(models)) if models else None
            probes.append(Probe(endpoint.name, endpoint.model, None, listed, models))
        return tuple(probes)

    async def aclose(self) -> None:
        """Close what is open; a later question opens it again."""
        for endpoint, _ in self._endpoints:
            await endpoint.aclose()

    def _count_failure(self, endpoint: Endpoint, circuit: Circuit, course: Course, given_s: float) -> None:
        timed_out = not course.attempts or course.attempts[-1].outcome == "timeout"
        # Who got only what others had left of the time has not failed by that.
        if timed_out and given_s < min(endpoint.timeout_s, self._settings.deadline_s) / 2:
            return
        now_s = self._clock()
        circuit.failed(now_s)
        if (rest_s := circuit.rests_for_s(now_s)) > 0:
            logger.warning(
                "%s failed %d times in a row; it is left alone for %.0f s", endpoint.name, circuit.failures, rest_s
            )
