"""The candles that backtest predictions were made of, recorded by content.

Candles of the same pairs and dates may differ: another data directory, a corrected download, a generated market. What
a backtest may have read of each file is recorded as segments ``[start_s, end_s, digest]``, UTC seconds, half-open. A
later backtest of a longer or a later range agrees with the record as long as its files hold the same candles there.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from freqtrade.strategy import IStrategy

Segments = list[list[Any]]

_DAY_S = 86_400


class CandleFiles:
    """The candle files that a backtest reads, by pair and timeframe, such as ``"BTC/USDT 5m"``.

    Parameters
    ----------
    config
        Freqtrade's configuration of the backtest, with a closed ``timerange``.
    strategy
        The loaded strategy; its informative pairs count.
    """

    def __init__(self, config: Mapping[str, Any], strategy: "IStrategy") -> None:
        self._config = config
        self._keys = _used_files(config, strategy)
        self._range_s = _used_range(config, strategy)
        self._loaded: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    def differ_from(self, known: Mapping[str, Segments]) -> str | None:
        """Return the first file whose candles are not the recorded ones, or ``None``."""
        start_s, end_s = self._range_s
        for key, segments in known.items():
            if key not in self._keys:
                continue
            for begin_s, stop_s, digest in segments:
                if begin_s < end_s and stop_s > start_s and self._digest(key, begin_s, stop_s) != digest:
                    return key
        return None

    def added_to(self, known: Mapping[str, Segments]) -> dict[str, Segments]:
        """Return the record with what this backtest may read; call it only where nothing differs."""
        return {**known, **{key: self._extended(key, known.get(key, [])) for key in self._keys}}

    def _extended(self, key: str, segments: Sequence[Sequence[Any]]) -> Segments:
        start_s, end_s = self._range_s
        dates, _ = self._candles(key)
        # Candles that come later lengthen the last window, which FreqAI trains again for its length.
        end_s = min(end_s, int(dates[-1]) + 1) if len(dates) else start_s
        apart = [list(each) for each in segments if each[1] < start_s or each[0] > end_s]
        joined = [each for each in segments if each[1] >= start_s and each[0] <= end_s]
        if end_s > start_s:
            start_s, end_s = min([start_s, *(each[0] for each in joined)]), max([end_s, *(each[1] for each in joined)])
            apart.append([start_s, end_s, self._digest(key, start_s, end_s)])
        return sorted(apart)

    def _digest(self, key: str, start_s: int, end_s: int) -> str:
        dates, values = self._candles(key)
        first, stop = np.searchsorted(dates, (start_s, end_s))
        content = hashlib.sha256(dates[first:stop].tobytes())
        content.update(values[first:stop].tobytes())
        return content.hexdigest()[:16]

    def _candles(self, key: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if key not in self._loaded:
            from freqtrade.data.history import get_datahandler

            pair, timeframe, candle_type = self._keys[key]
            handler = get_datahandler(self._config["datadir"], self._config.get("dataformat_ohlcv", "feather"))
            frame = handler.ohlcv_load(
                pair, timeframe, candle_type, fill_missing=False, drop_incomplete=False, warn_no_data=False
            )
            dates = frame["date"].dt.as_unit("s").astype("int64").to_numpy() if len(frame) else np.empty(0, np.int64)
            columns = ["open", "high", "low", "close", "volume"]
            values = frame[columns].to_numpy(np.float64) if len(frame) else np.empty((0, 5))
            self._loaded[key] = (dates, np.ascontiguousarray(values))
        return self._loaded[key]


def _used_files(config: Mapping[str, Any], strategy: "IStrategy") -> dict[str, tuple[str, str, Any]]:
    from freqtrade.data.history import get_datahandler
    from freqtrade.enums import CandleType, TradingMode
    from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist

    candle_type = config.get("candle_type_def", CandleType.SPOT)
    features = config["freqai"].get("feature_parameters", {})
    timeframes = dict.fromkeys([config["timeframe"], *(features.get("include_timeframes") or ())])
    handler = get_datahandler(config["datadir"], config.get("dataformat_ohlcv", "feather"))
    stored = handler.ohlcv_get_available_data(config["datadir"], TradingMode(config.get("trading_mode") or "spot"))
    pairs = list(dict.fromkeys(pair for pair, _, kind in stored if kind == candle_type))
    named = [*config["exchange"].get("pair_whitelist", ()), *(features.get("include_corr_pairlist") or ())]
    wanted = set(expand_pairlist(named, pairs, keep_invalid=True))
    used = {(pair, timeframe, candle_type) for pair in wanted for timeframe in timeframes}
    used |= {(pair, timeframe, kind or candle_type) for pair, timeframe, kind in _informative(strategy)}
    available = {(pair, timeframe, kind) for pair, timeframe, kind in stored}
    return {
        f"{pair} {timeframe}" + ("" if kind == candle_type else f" {kind}"): (pair, timeframe, kind)
        for pair, timeframe, kind in sorted(used & available, key=str)
    }


def _informative(strategy: "IStrategy") -> Iterator[tuple[str, str, Any]]:
    from freqtrade.exceptions import OperationalException

    try:
        named = list(strategy.informative_pairs())
    except OperationalException:
        # Charts have no pairlist, for which many strategies ask here; the pairs of the configuration count anyway.
        return
    for pair, timeframe, *kind in named:
        yield pair, timeframe, kind[0] if kind else None


def _used_range(config: Mapping[str, Any], strategy: "IStrategy") -> tuple[int, int]:
    """Return the span of candles that features and labels may be made of, a little too early rather than too late."""
    from freqtrade.configuration import TimeRange
    from freqtrade.exchange import timeframe_to_seconds

    timerange = TimeRange.parse_timerange(config["timerange"])
    freqai = config["freqai"]
    timeframes = [config["timeframe"], *(freqai["feature_parameters"].get("include_timeframes") or ())]
    warm_up_s = 2 * strategy.startup_candle_count * max(timeframe_to_seconds(each) for each in timeframes)
    start_s = timerange.startts - _DAY_S * int(freqai.get("train_period_days", 0)) - warm_up_s
    return start_s, timerange.stopts
