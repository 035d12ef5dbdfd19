"""What Guardian answers, as values that can be relied on.

Every ``parse`` takes whatever JSON came. What the contract lets be absent, null or odd becomes ``None`` or is left out;
an outer shape that is not Guardian's raises :class:`~freqai_ext.errors.GuardianAnswerError`. Numbers are finite.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Final, Literal

from freqai_ext._services.strict_json import count_or_none, number_or_none, object_or_empty, text_or_none
from freqai_ext.guardian._reading import expect_list, expect_object, flag_or_none, unexpected
from freqai_ext.guardian.symbols import canonical_symbol

Trend = Literal["buy", "sell", "wait"]
"""The direction that Guardian's scan gives a pair."""

_TRENDS: Final[Mapping[object, Trend]] = {"buy": "buy", "sell": "sell", "wait": "wait"}

Network = Literal["mainnet", "testnet"]
"""Which of the exchange's networks Guardian is on."""

_NETWORKS: Final[Mapping[str, Network]] = {
    "executions.mainnet.jsonl": "mainnet",
    "executions.testnet.jsonl": "testnet",
}

_HEALTH: Final = "/health"
_FEATURES: Final = "/features"
_PREDICTIONS: Final = "/predictions"


@dataclass(frozen=True)
class Health:
    """The answer of ``GET /health``: contract, section 3.

    Attributes
    ----------
    testnet
        Whether Guardian is on the test network. True also where it could not read its settings.
    ai_enabled
        Whether Guardian trades on its signals at all.
    freqai_enabled
        Shown by Guardian and nothing else: predictions apply where it is false, too.
    buy_threshold, sell_threshold
        Guardian buys from this probability up, and sells from that one down.
    stored_symbols
        Pairs in the stored set of predictions.
    updated_at_s
        When that set was pushed, by Guardian's clock; UTC seconds.
    generated_at_s
        When it was made, as its sender said; UTC seconds.
    source
        Who pushed it, as the sender said.
    recency_s
        The age from which ``stale`` is true, which no trade depends on; 0 for never.
    stale
        Whether the stored set is older than that.
    """

    testnet: bool | None
    ai_enabled: bool | None
    freqai_enabled: bool | None
    buy_threshold: float | None
    sell_threshold: float | None
    stored_symbols: int | None
    updated_at_s: float | None
    generated_at_s: float | None
    source: str | None
    recency_s: float | None
    stale: bool | None

    @property
    def network(self) -> Network | None:
        """The network that ``testnet`` stands for."""
        if self.testnet is None:
            return None
        return "testnet" if self.testnet else "mainnet"

    @classmethod
    def parse(cls, raw: object) -> "Health":
        """Return the answer.

        Raises
        ------
        GuardianAnswerError
            If it is no object with ``"status": "ok"`` and an object ``settings``.
        """
        answer = _ok(raw, _HEALTH)
        settings = expect_object(answer.get("settings"), _HEALTH, "settings")
        summary = object_or_empty(answer.get("predictions"))
        return cls(
            testnet=flag_or_none(settings.get("testnet")),
            ai_enabled=flag_or_none(settings.get("ai_enabled")),
            freqai_enabled=flag_or_none(settings.get("freqai_enabled")),
            buy_threshold=number_or_none(settings.get("ai_buy_threshold")),
            sell_threshold=number_or_none(settings.get("ai_sell_threshold")),
            stored_symbols=count_or_none(answer.get("symbols")),
            updated_at_s=number_or_none(answer.get("updated_at")),
            generated_at_s=number_or_none(answer.get("generated_at")),
            source=text_or_none(answer.get("source")),
            recency_s=number_or_none(summary.get("recency_seconds")),
            stale=flag_or_none(summary.get("stale")),
        )


@dataclass(frozen=True)
class PairFeatures:
    """One pair of ``GET /features``: contract, sections 4 and 5.

    Attributes
    ----------
    symbol
        Canonical, such as ``"BTCUSDT"``.
    trend
        ``None`` where Guardian names none that is known: then the sign of the direction-dependent features is not.
    features
        As they came: nested, any value, any key may be missing.
    turnover_usd
        Of 24 hours, in quote currency.
    """

    symbol: str
    trend: Trend | None
    features: Mapping[str, object]
    turnover_usd: float | None


@dataclass(frozen=True)
class FeaturesAnswer:
    """The answer of ``GET /features``: contract, section 4.

    Attributes
    ----------
    generated_at_s
        Time of the answer by Guardian's clock, UTC seconds. Not the time of the data, which may be 300 s older.
    pairs
        Each symbol once: of two, the one with the higher turnover, since the other is a renamed USDC market.
    executions_path
        Guardian's trade journal, a path on its machine; the file name tells the network.
    """

    generated_at_s: float | None
    pairs: tuple[PairFeatures, ...]
    executions_path: str | None

    @property
    def network(self) -> Network | None:
        """The network whose trade journal Guardian keeps; ``None`` where the name of its file does not tell."""
        # Guardian may run on Windows, whatever this is.
        return _NETWORKS.get(PureWindowsPath(self.executions_path or "").name)

    @classmethod
    def parse(cls, raw: object) -> "FeaturesAnswer":
        """Return the answer; entries that are no objects or name no symbol are left out.

        Raises
        ------
        GuardianAnswerError
            If it is no object with a list ``pairs``.
        """
        answer = expect_object(raw, _FEATURES)
        entries = expect_list(answer.get("pairs"), _FEATURES, "pairs")
        return cls(
            generated_at_s=number_or_none(answer.get("generated_at")),
            pairs=_each_once(map(_pair_features, entries)),
            executions_path=text_or_none(answer.get("executions_path")),
        )


@dataclass(frozen=True)
class StoredEntry:
    """What Guardian stores for one pair: contract, section 7.

    Only what survives a restart of Guardian is read; ``None`` is what it does not know.
    """

    probability: float | None
    ev_bps: float | None
    generated_at_s: float | None
    confidence: float | None


@dataclass(frozen=True)
class StoredPredictions:
    """The answer of ``GET /predictions``: contract, section 7.

    Attributes
    ----------
    entries
        By canonical symbol, such as ``"BTCUSDT"``; empty when nothing is stored.
    updated_at_s
        When the set was pushed, by Guardian's clock; UTC seconds. ``None`` before any push.
    generated_at_s
        When it was made, as its sender said; UTC seconds.
    source
        Who pushed it, as the sender said.
    """

    entries: Mapping[str, StoredEntry]
    updated_at_s: float | None
    generated_at_s: float | None
    source: str | None

    @classmethod
    def parse(cls, raw: object) -> "StoredPredictions":
        """Return the answer; entries that are no objects are left out.

        Raises
        ------
        GuardianAnswerError
            If it is no object with an object ``pairs``.
        """
        answer = expect_object(raw, _PREDICTIONS)
        pairs = expect_object(answer.get("pairs"), _PREDICTIONS, "pairs")
        return cls(
            entries={
                canonical_symbol(symbol): _stored_entry(entry)
                for symbol, entry in pairs.items()
                if isinstance(entry, dict)
            },
            updated_at_s=number_or_none(answer.get("updated_at")),
            generated_at_s=number_or_none(answer.get("generated_at")),
            source=text_or_none(answer.get("source")),
        )


@dataclass(frozen=True)
class PushReceipt:
    """The answer of ``POST /predictions``: contract, section 6.

    Attributes
    ----------
    symbols
        Pairs that Guardian stored; it may be fewer than were sent, and then the others are gone.
    latency_s
        Time from the call to the whole answer.
    """

    symbols: int
    latency_s: float

    @classmethod
    def parse(cls, raw: object, latency_s: float = 0.0) -> "PushReceipt":
        """Return the answer, which came after ``latency_s``.

        Raises
        ------
        GuardianAnswerError
            If it is no object with ``"status": "ok"`` and a whole number ``symbols``.
        """
        answer = _ok(raw, _PREDICTIONS)
        symbols = count_or_none(answer.get("symbols"))
        if symbols is None:
            raise unexpected(answer.get("symbols"), _PREDICTIONS, "symbols", "a whole number from 0 up")
        return cls(symbols, latency_s)


def _ok(raw: object, path: str) -> Mapping[str, object]:
    answer = expect_object(raw, path)
    if answer.get("status") != "ok":
        raise unexpected(answer.get("status"), path, "status", 'the text "ok"')
    return answer


def _pair_features(raw: object) -> PairFeatures | None:
    entry = object_or_empty(raw)
    symbol = canonical_symbol(text_or_none(entry.get("symbol")) or "")
    if not symbol:
        return None
    trend, features = text_or_none(entry.get("trend")), object_or_empty(entry.get("features"))
    return PairFeatures(symbol, _TRENDS.get(trend), features, number_or_none(features.get("turnover_usd")))


def _each_once(pairs: Iterable[PairFeatures | None]) -> tuple[PairFeatures, ...]:
    best: dict[str, PairFeatures] = {}
    for pair in pairs:
        if pair is not None and (pair.symbol not in best or _turnover(pair) > _turnover(best[pair.symbol])):
            best[pair.symbol] = pair
    return tuple(best.values())


def _turnover(pair: PairFeatures) -> float:
    return float("-inf") if pair.turnover_usd is None else pair.turnover_usd


def _stored_entry(entry: Mapping[str, object]) -> StoredEntry:
    return StoredEntry(
        probability=number_or_none(entry.get("probability")),
        ev_bps=number_or_none(entry.get("ev_bps")),
        generated_at_s=number_or_none(entry.get("generated_at")),
        confidence=number_or_none(entry.get("confidence")),
    )
