"""Settings of the Guardian sidecar: the section ``freqai_ext.guardian``."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from freqai_ext._settings import Settings, whole_address

Silence = Literal["retract", "neutral"]
"""What to tell Guardian in place of a forecast: nothing, so that its own judgement applies, or "do not trade"."""

DEFAULT_PUSH_INTERVAL_S: Final = 300.0


class GuardianPolicySettings(Settings):
    """What Guardian is told where there is no forecast to stand by. It keeps the last word for ever, so there is one.

    ``"retract"`` takes the opinion back: Guardian's own model decides, as without a sidecar. ``"neutral"`` sends a
    probability between Guardian's thresholds and an expected value just below zero: Guardian opens nothing.

    Attributes
    ----------
    untrusted_pair
        For single pairs without a trusted forecast (``do_predict`` is not 1, no candle, no model yet) beside others
        that have one.
    no_model
        For all, when too few pairs have a trusted forecast, and after a start until the first forecasts are made.
    shutdown
        For all, when the bot ends, is stopped or paused, or reloads its configuration.
    min_trusted_share
        Share of the pairs that need a trusted forecast for any to be sent.
    max_candle_age_candles
        A forecast is good until so many candles after the close of the one it was made on.
    analysis_grace_s
        It is good no longer, either, than so many seconds after the next candle has closed: by then that one should
        have been analysed. ``null`` for no such limit.
    max_model_age_hours
        Forecasts of a model whose training is longer ago are not trusted; ``null`` for no limit.
    """

    untrusted_pair: Silence = "neutral"
    no_model: Silence = "retract"
    shutdown: Silence = "retract"
    min_trusted_share: float = Field(default=0.5, ge=0, le=1)
    max_candle_age_candles: float = Field(default=2.0, ge=1)
    analysis_grace_s: float | None = Field(default=300.0, ge=0)
    max_model_age_hours: float | None = Field(default=48.0, gt=0)


class GuardianFeatureSettings(Settings):
    """Guardian's features as columns of the model.

    Attributes
    ----------
    enabled
        Poll Guardian's features while the bot runs, record them, and give the recorded history to the model. In
        backtests the record alone is used. ``"features": true`` is short for ``"features": {"enabled": true}``.
    poll_interval_s
        Seconds between two polls. Guardian's own data change every five minutes at most.
    max_age_min
        A recorded row stands for at most so many minutes; after that its features count as not available.
    min_share
        Share of a training window's rows that must have had features for the training to use them. With fewer, a model
        would learn from a handful of rows what it then meets in all.
    retention_days
        Rows older than this are deleted at the start of the bot.
    """

    enabled: bool = False
    poll_interval_s: float = Field(default=300.0, ge=300)
    max_age_min: float = Field(default=30.0, gt=0)
    min_share: float = Field(default=0.2, ge=0, le=1)
    retention_days: float = Field(default=400.0, gt=0)


class GuardianTradeSettings(Settings):
    """Guardian's own trades as teachers.

    Attributes
    ----------
    data_dir
        Guardian's data directory (``bybit_app/_data``), only read; ``null`` leaves its trades alone.
    network
        Which of its trade journals to read.
    features
        Give what the trades say, such as recent hit rate and slippage of a pair, to the model as features.
    meta_label
        Learn whether Guardian's own entries pay, in place of the returns: the target is ``&-guardian_pays``.
    min_trades
        Closed trades that the training window needs for ``meta_label``; with fewer the training fails, and says so.
    """

    data_dir: Path | None = None
    network: Literal["mainnet", "testnet"] = "mainnet"
    features: bool = True
    meta_label: bool = False
    min_trades: int = Field(default=50, ge=10)

    @model_validator(mode="after")
    def _meta_label_needs_trades(self) -> "GuardianTradeSettings":
        if self.meta_label and self.data_dir is None:
            raise ValueError("meta_label needs data_dir, Guardian's data directory; write its path, or false")
        return self


class GuardianSettings(Settings):
    """The connection to a Guardian bot, and what goes over it.

    Attributes
    ----------
    url
        Address of Guardian's FreqAI bridge.
    token
        Its ``freqai_api_token``. Freqtrade prints and stores what stands here: better in ``token_file``, or in the
        environment variable ``FREQAI_EXT_GUARDIAN__TOKEN``, which wins over it.
    token_file
        File that holds the token in its first line; read again whenever Guardian refuses, so that a token can be
        rotated without a restart. It wins over the variable and ``token``.
    network
        The network Guardian must be on: no forecast is sent to one on the other, and its features are not recorded.
        ``null`` for either.
    connect_timeout_s
        Longest wait for a connection, within the one for an answer.
    timeout_s
        Longest wait for a whole answer, except of ``/features``, which has 340 s: Guardian may take 7 s a pair.
    max_answer_mb
        An answer that is larger is refused.
    database
        SQLite file of the journal and the feature history; ``null`` is ``<user_data>/guardian/guardian.sqlite``.
    publish
        Send forecasts. With ``false`` only features are polled.
    push_interval_s
        Longest time between two pushes; a new candle's forecasts are sent at once. ``null`` is 300.
    predict_interval_min
        The same in minutes, as the original sidecar's configuration names it.
    train_cron
        When to train, as a cron expression in UTC such as ``"0 */6 * * *"``; ``null`` leaves it to
        ``freqai.live_retrain_hours``.
    horizon_candles
        Which of the trained horizons is published; ``null`` is the one that the strategy trades on.
    probability
        What Guardian is given as the probability: that a long pays its costs, which is what its own model learns, or
        that the price rises.
    allow_live
        Let ``GuardianSidecarStrategy`` run with real orders enabled; without it, only in dry-run.
    trade
        Let ``GuardianSidecarStrategy`` open trades itself, beside Guardian.
    journal_days
        Pushes older than this are deleted from the journal at the start of the bot.
    shutdown_timeout_s
        Longest time that the last push may take when the bot ends.
    metrics_port
        Port on the loopback address for Prometheus; ``null`` for none.
    policy
        What Guardian is told where there is no forecast.
    features
        Guardian's features as columns of the model.
    trades
        Guardian's own trades as teachers.
    """

    url: str = "http://127.0.0.1:8099"
    token: SecretStr | None = None
    token_file: Path | None = None
    network: Literal["mainnet", "testnet"] | None = None
    connect_timeout_s: float = Field(default=5.0, gt=0)
    timeout_s: float = Field(default=10.0, gt=0)
    max_answer_mb: float = Field(default=8.0, gt=0)
    database: Path | None = None
    publish: bool = True
    push_interval_s: float | None = Field(default=None, ge=10)
    predict_interval_min: float | None = Field(default=None, gt=0)
    train_cron: str | None = None
    horizon_candles: int | None = Field(default=None, ge=1)
    probability: Literal["long_pays", "price_up"] = "long_pays"
    allow_live: bool = False
    trade: bool = False
    journal_days: float = Field(default=365.0, gt=0)
    shutdown_timeout_s: float = Field(default=10.0, gt=0)
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    policy: GuardianPolicySettings = GuardianPolicySettings()
    features: GuardianFeatureSettings = GuardianFeatureSettings()
    trades: GuardianTradeSettings = GuardianTradeSettings()

    @property
    def interval_s(self) -> float:
        """Longest time between two pushes, in seconds."""
        if self.predict_interval_min is not None:
            return 60.0 * self.predict_interval_min
        return DEFAULT_PUSH_INTERVAL_S if self.push_interval_s is None else self.push_interval_s

    @field_validator("features", mode="before")
    @classmethod
    def _switch_features(cls, features: object) -> object:
        return {"enabled": features} if isinstance(features, bool) else features

    @field_validator("url")
    @classmethod
    def _url_is_whole(cls, url: str) -> str:
        return whole_address(
            url,
            password_remedy="put the token into freqai_ext.guardian.token_file",  # noqa: S106
            parts="scheme, host and port",
            example="http://127.0.0.1:8099",
        )

    @field_validator("token", mode="before")
    @classmethod
    def _token_is_text(cls, token: object) -> object:
        if isinstance(token, int | float):
            raise ValueError(
                "it is a number, as which Freqtrade reads an environment variable of digits; put the token into "
                "FREQAI_EXT_GUARDIAN__TOKEN, or into a file that freqai_ext.guardian.token_file names"
            )
        return token

    @field_validator("token")
    @classmethod
    def _token_can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token is None:
            return None
        value = token.get_secret_value().strip()
        if not value.isascii() or not value.isprintable():
            raise ValueError("it has characters that are not ASCII, with which nobody can log in to Guardian")
        return SecretStr(value) if value else None

    @field_validator("train_cron")
    @classmethod
    def _cron_is_valid(cls, expression: str | None) -> str | None:
        if expression is None:
            return None
        from freqai_ext.guardian.schedule import CronSchedule

        CronSchedule(expression)
        return expression

    @model_validator(mode="after")
    def _one_interval(self) -> "GuardianSettings":
        if self.push_interval_s is not None and self.predict_interval_min is not None:
            raise ValueError("push_interval_s and predict_interval_min say the same; write one of them")
        if self.interval_s < 10:
            raise ValueError("predict_interval_min must be at least 0.17, which is 10 seconds")
        return self
