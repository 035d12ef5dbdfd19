"""Settings of the news services: the section ``freqai_ext.news``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator

from freqai_ext._settings import Settings, whole_address


def _whole_address(url: str) -> str:
    return whole_address(
        url,
        password_remedy="give the key by its own setting",  # noqa: S106
        parts="scheme, host, port and path",
        example="http://127.0.0.1:3000",
    )


Address = Annotated[str, AfterValidator(_whole_address)]


class PerplexicaSettings(Settings):
    """The search: Perplexica, now Vane, of any generation.

    Attributes
    ----------
    url
        Its address; ``null`` searches without it.
    chat_provider
        Name of the provider that it answers with; ``null`` takes the first that it offers.
    chat_model
        Key of that provider's model; ``null`` takes the first.
    embedding_provider
        Name of the provider of its embeddings; ``null`` takes the first.
    embedding_model
        Key of that provider's model; ``null`` takes the first.
    optimization_mode
        How long it may research.
    api_key
        For a proxy in front of it; it has no login of its own. Freqtrade prints and stores what stands here: better in
        ``api_key_file``, or in the environment variable ``FREQAI_EXT_NEWS__PERPLEXICA__API_KEY``, which wins over it.
    api_key_file
        File that holds the key in its first line; it wins over both.
    api_key_header
        Header that carries the key, as ``Bearer`` if it is ``Authorization``.
    deadline_s
        Longest wait for an answer; it hangs for ever where its own model fails.
    max_items
        At most so many sources of an answer are taken.
    max_item_characters
        And so much of the text of each.
    """

    url: Address | None = None
    chat_provider: str | None = None
    chat_model: str | None = None
    embedding_provider: str | None = None
    embedding_model: str | None = None
    optimization_mode: Literal["speed", "balanced", "quality"] = "speed"
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    api_key_header: str = "Authorization"
    deadline_s: float = Field(default=45.0, gt=0)
    max_items: int = Field(default=8, ge=1, le=50)
    max_item_characters: int = Field(default=600, ge=50)


class SearxngSettings(Settings):
    """A SearXNG as a second source, one that tells dates.

    Attributes
    ----------
    url
        Its address; ``null`` does without.
    time_range
        How old results may be.
    language
        Of the results.
    deadline_s
        Longest wait for an answer.
    """

    url: Address | None = None
    time_range: Literal["day", "week", "month", "year"] = "day"
    language: str = "en"
    deadline_s: float = Field(default=10.0, gt=0)


class LlmEndpointSettings(Settings):
    """A language model behind an OpenAI-compatible address.

    Attributes
    ----------
    name
        What to call it in logs, such as ``"primary_analysis"``.
    model
        Its name at the address.
    api_base
        The address, with or without ``/v1``.
    api_key
        Its key. Freqtrade prints and stores what stands here: better in ``api_key_file``, or in the environment
        variable ``FREQAI_EXT_NEWS__LLM__ENDPOINTS__0__API_KEY``, which wins over it; 0 is the first endpoint.
    api_key_file
        File that holds the key in its first line; it wins over both.
    timeout_s
        Longest wait for one answer.
    reasoning
        Whether it is a reasoning model of OpenAI's, which takes ``max_completion_tokens`` and no temperature.
    trained_until
        Date (``YYYY-MM-DD``) until which it knows the world; verdicts on older news are marked as tainted.
    usd_per_million_input_tokens
        Its price of questions, for estimates of what the judging of an archive will cost; ``null`` leaves that out.
    usd_per_million_output_tokens
        Its price of answers.
    """

    name: str = "primary_analysis"
    model: str
    api_base: Address
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    timeout_s: float = Field(default=30.0, gt=0)
    reasoning: bool = False
    trained_until: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    usd_per_million_input_tokens: float | None = Field(default=None, ge=0)
    usd_per_million_output_tokens: float | None = Field(default=None, ge=0)


class LlmSettings(Settings):
    """Who judges the news.

    Attributes
    ----------
    endpoints
        Asked in this order until one gives a valid verdict.
    deadline_s
        Longest wait for a verdict, all endpoints together.
    temperature
        Of the answers.
    max_tokens
        Longest answer.
    """

    endpoints: tuple[LlmEndpointSettings, ...] = ()
    deadline_s: float = Field(default=40.0, gt=0)
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=600, ge=100)


class GraphitiSettings(Settings):
    """The memory that bots share.

    Attributes
    ----------
    url
        Its address; ``null`` keeps verdicts to this bot.
    dialect
        Which server it is: getzep's graph service, or the adapter that the original AI-Trader used.
    token
        Its key, or that of the proxy in front of it. Freqtrade prints and stores what stands here: better in
        ``token_file``, or in the environment variable ``FREQAI_EXT_NEWS__GRAPHITI__TOKEN``, which wins over it.
    token_file
        File that holds the token in its first line; it wins over both.
    token_header
        Header that carries the token, as ``Bearer`` if it is ``Authorization`` and the token names no scheme of its
        own; ``null`` takes the dialect's own.
    group_prefix
        Begins the names of the groups that verdicts are kept in; bots with the same prefix share them.
    timeout_s
        Longest wait for an answer.
    confirm_within_s
        A verdict that was accepted and cannot be read back after so long counts as lost and is sent again.
    refresh_s
        How often other bots' verdicts are read.
    facts
        Facts of the graph that are told to the language model, at most; 0 for none. They decide nothing.
    history_days
        How far back the verdicts of other bots are read when an asset is first watched, for the memory of what followed
        them; 0 reads none that are too old to be valid.
    search_jitter_s
        A search waits for up to so many seconds, another wait for each bot and asset, so that bots in step do not all
        search: what one has found by then the others use. At most a tenth of ``news_check_interval_s``.
    """

    url: Address | None = None
    dialect: Literal["graphiti", "adapter"] = "graphiti"
    token: SecretStr | None = None
    token_file: Path | None = None
    token_header: str | None = None
    group_prefix: str = Field(default="ftnews", pattern=r"^[A-Za-z0-9_]{1,40}$")
    timeout_s: float = Field(default=5.0, gt=0)
    confirm_within_s: float = Field(default=900.0, gt=0)
    refresh_s: float = Field(default=60.0, ge=1)
    facts: int = Field(default=0, ge=0, le=20)
    history_days: float = Field(default=7.0, ge=0, le=90)
    search_jitter_s: float = Field(default=60.0, ge=0)


class NewsBudgetSettings(Settings):
    """What news may cost in any hour.

    Attributes
    ----------
    searches_per_hour
        Searches.
    llm_calls_per_hour
        Questions to language models, repeated ones included.
    llm_tokens_per_hour
        Tokens of questions and answers, as the endpoints count them.
    """

    searches_per_hour: int = Field(default=60, ge=1)
    llm_calls_per_hour: int = Field(default=120, ge=1)
    llm_tokens_per_hour: int = Field(default=300_000, ge=1_000)


class NewsImportSettings(Settings):
    """What ``freqai-ext news import`` takes in at most, of one file.

    Attributes
    ----------
    max_unpacked_mb
        Megabytes of the unpacked file.
    max_document_mb
        Megabytes of one that is read as a whole: JSON that is not in lines, RSS and Atom.
    max_ratio
        Times that a packed file may grow when it is unpacked, and when it is stored.
    max_stored_mb
        Megabytes that the store grows by, as estimated.
    max_articles
        Articles.
    max_line_kb
        Kilobytes of a line; longer ones are left out.
    """

    max_unpacked_mb: float = Field(default=512.0, gt=0)
    max_document_mb: float = Field(default=64.0, gt=0)
    max_ratio: float = Field(default=50.0, ge=1)
    max_stored_mb: float = Field(default=512.0, gt=0)
    max_articles: int = Field(default=1_000_000, ge=1)
    max_line_kb: int = Field(default=1_000, ge=1)


class NewsScoringSettings(Settings):
    """How an archive is judged by a language model: ``freqai-ext news score --judge llm``.

    Attributes
    ----------
    questions_per_run
        Questions to the model in one run, at most; ``null`` does not bound them.
    questions_per_day
        And in any 24 hours, all runs together.
    tokens_per_run
        Tokens of questions and answers in one run, at most; where the endpoint does not count them, a quarter of the
        characters.
    tokens_per_day
        And in any 24 hours, all runs together.
    questions_at_once
        So many are asked side by side.
    longest_wait_s
        An endpoint that limits the rate is waited for as long as it asks, but no longer than this before it is tried
        again.
    seconds_per_question
        What a question is expected to take, for the estimate alone.
    """

    questions_per_run: int | None = Field(default=10_000, ge=1)
    questions_per_day: int | None = Field(default=20_000, ge=1)
    tokens_per_run: int | None = Field(default=None, ge=1)
    tokens_per_day: int | None = Field(default=None, ge=1)
    questions_at_once: int = Field(default=4, ge=1, le=64)
    longest_wait_s: float = Field(default=3_600.0, gt=0)
    seconds_per_question: float = Field(default=3.0, gt=0)


class NewsSettings(Settings):
    """Search, judgement and memory of news.

    Attributes
    ----------
    policy
        What an entry signal is worth where there is no valid verdict: ``"deny"`` it, ``"allow"`` it, or ``"ta_only"``,
        allow it and go by the indicators alone at all times, news or none.
    max_age_minutes
        A verdict is valid for so long after it was made.
    news_check_interval_s
        An asset's news are searched at most so often.
    near_trigger
        News of a pair are searched when its RSI is within so many points of the trigger.
    database
        SQLite file of the store; ``null`` is ``<user_data>/news/news.sqlite``.
    retention_days
        Articles and verdicts older than this are deleted at the start of the bot; ``null`` keeps them.
    names
        What assets are called beside their ticker, such as ``{"BTC": "Bitcoin"}``; well-known names are known.
    bot
        Name of this bot in shared verdicts; ``null`` is Freqtrade's ``bot_name``.
    judge
        Whose verdicts a backtest goes by, where the store has those of several: a name that ``freqai-ext news stats``
        shows, or its kind or model. A running bot goes by what bots recorded.
    perplexica
        The search.
    searxng
        A second search.
    llm
        Who judges.
    graphiti
        The shared memory.
    budget
        What it may cost.
    imports
        What an archive may hold at most.
    scoring
        How archives are judged.
    """

    policy: Literal["deny", "allow", "ta_only"] = "deny"
    max_age_minutes: float = Field(default=90.0, gt=0)
    news_check_interval_s: float = Field(default=3600.0, ge=60)
    near_trigger: float = Field(default=5.0, ge=0)
    database: Path | None = None
    retention_days: float | None = Field(default=None, gt=0)
    names: dict[str, str] = Field(default_factory=dict)
    bot: str | None = None
    judge: str | None = None
    perplexica: PerplexicaSettings = PerplexicaSettings()
    searxng: SearxngSettings = SearxngSettings()
    llm: LlmSettings = LlmSettings()
    graphiti: GraphitiSettings = GraphitiSettings()
    budget: NewsBudgetSettings = NewsBudgetSettings()
    imports: NewsImportSettings = NewsImportSettings()
    scoring: NewsScoringSettings = NewsScoringSettings()

    @field_validator("names")
    @classmethod
    def _tickers_are_upper_case(cls, names: dict[str, str]) -> dict[str, str]:
        return {ticker.strip().upper(): name.strip() for ticker, name in names.items()}
