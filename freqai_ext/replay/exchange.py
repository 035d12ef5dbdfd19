"""The replay exchange: answers the public part of Bybit's v5 REST API from tapes and a clock."""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property

import orjson

from freqai_ext.errors import MarketDataError
from freqai_ext.replay.clock import Clock
from freqai_ext.replay.funding import funding_history
from freqai_ext.replay.history import HistorySource, TradingMode
from freqai_ext.replay.instruments import Instrument
from freqai_ext.replay.klines import Klines
from freqai_ext.replay.orderbook import order_book
from freqai_ext.replay.protocol import BAD_REQUEST, EXPIRED, ApiError, answer, integer, limit_of, refusal
from freqai_ext.replay.tape import Tape
from freqai_ext.replay.tickers import recent_trades, ticker
from freqai_ext.replay.timeframe import BYBIT_INTERVALS, timeframe_ms

logger = logging.getLogger(__name__)

Params = Mapping[str, str]

_TIMEFRAMES = {interval: timeframe for timeframe, interval in BYBIT_INTERVALS.items()}


class ReplayedExchange:
    """Bybit as it stood at the clock's time, made of candles.

    Nothing that is answered at time t depends on candles that begin after t, except the price step where it is not
    given: that is read off the first 500 closes, as a real exchange publishes it beforehand. A pair is not listed
    before its first candle. After its last one it is delisted while others go on: its past candles are still served,
    and nothing of the present. Where all tapes have ended, requests are refused with return code 10002, and an error is
    logged.

    Parameters
    ----------
    source
        Where the candles come from.
    clock
        What time it is.
    pairs
        Pairs to list; by default all of ``source``.
    keep_listed
        List delisted pairs as traded, for commands that only look at the past: Freqtrade leaves out of a backtest what
        is not traded now.

    Raises
    ------
    MarketDataError
        When candles are missing or malformed.
    """

    def __init__(
        self, source: HistorySource, clock: Clock, pairs: tuple[str, ...] | None = None, *, keep_listed: bool = False
    ) -> None:
        self.clock = clock
        self.trading_mode: TradingMode = source.trading_mode
        self.category = "linear" if self.trading_mode == "futures" else "spot"
        tapes = [Tape(source.history(pair)) for pair in pairs or tuple(source.pairs())]
        self._instruments = {one.symbol: one for one in (Instrument.of(tape, self.trading_mode) for tape in tapes)}
        if len(self._instruments) < len(tapes):
            pairs_of: dict[str, list[str]] = {}
            for tape in tapes:
                pairs_of.setdefault(Instrument.of(tape, self.trading_mode).symbol, []).append(tape.history.pair)
            same = next(names for names in pairs_of.values() if len(names) > 1)
            raise MarketDataError(
                f"{', '.join(same)}: have the same symbol on the replay exchange; serve one of them, with --pairs"
            )
        self._keep_listed = keep_listed
        self._klines: dict[tuple[str, str, str], Klines] = {}
        self._logged: set[str] = set()
        self.requests: dict[str, int] = {}
        self._routes: dict[str, Callable[[Params, int], object]] = {
            "time": self._time,
            "instruments-info": self._instruments_info,
            "kline": lambda params, now: self._kline("last", params, now),
            "mark-price-kline": lambda params, now: self._kline("mark", params, now),
            "index-price-kline": lambda params, now: self._kline("index", params, now),
            "tickers": self._tickers,
            "orderbook": self._orderbook,
            "recent-trade": self._recent_trade,
            "funding/history": self._funding_history,
            "risk-limit": self._risk_limit,
        }

    @property
    def paths(self) -> tuple[str, ...]:
        """The served paths below ``/v5/market/``."""
        return tuple(self._routes)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The listed pairs."""
        return tuple(one.tape.history.pair for one in self._instruments.values())

    @cached_property
    def span_ms(self) -> tuple[int, int]:
        """First and last time at which every pair has candles."""
        tapes = [instrument.tape for instrument in self._instruments.values()]
        return max(tape.start_ms for tape in tapes), min(tape.end_ms for tape in tapes)

    @cached_property
    def end_ms(self) -> int:
        """Time at which the last candle of any pair closes."""
        return max(instrument.tape.end_ms for instrument in self._instruments.values())

    def answer(self, path: str, params: Params) -> bytes:
        """Return the JSON answer to ``GET /v5/market/<path>`` with these query parameters."""
        now_ms = self.clock.now_ms()
        self.requests[path] = self.requests.get(path, 0) + 1
        try:
            return answer(self._routes[path](params, now_ms), now_ms)
        except ApiError as fault:
            return refusal(fault, now_ms)

    def unserved(self, method: str, path: str) -> bytes:
        """Return the answer to a request that this exchange does not know, and log it the first time."""
        self._log_once(logging.WARNING, f"{method} {path} is not served by the replay exchange; it answers 10001")
        return refusal(ApiError(BAD_REQUEST, f"replay exchange: {path} is not served"), self.clock.now_ms())

    def _time(self, _: Params, now_ms: int) -> object:
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}

    def _instruments_info(self, params: Params, now_ms: int) -> object:
        early = params.get("status") == "PreLaunch"
        listed = [
            one
            for one in self._of_category(params)
            if (one.tape.start_ms > now_ms) == early and (self._keep_listed or not self._is_delisted(one, now_ms))
        ]
        entries = [one.describe() | ({"status": "PreLaunch"} if early else {}) for one in listed]
        return self._page(params, entries, default=500)

    def _risk_limit(self, params: Params, _: int) -> object:
        wanted = [self._instrument(params)] if params.get("symbol") else self._of_category(params)
        return self._page(params, [tier for one in wanted for tier in one.risk_limits()], default=1000)

    def _page(self, params: Params, entries: list[dict[str, object]], default: int) -> object:
        first = integer(params, "cursor") or 0
        stop = first + limit_of(params, default, 1000)
        cursor = str(stop) if stop < len(entries) else ""
        return {"category": params.get("category", ""), "list": entries[first:stop], "nextPageCursor": cursor}

    def _kline(self, price: str, params: Params, now_ms: int) -> object:
        instrument = self._begun(params, now_ms)
        interval = params.get("interval", "")
        if interval not in _TIMEFRAMES:
            raise ApiError(BAD_REQUEST, f"params error: Invalid period! {interval!r}")
        rows = self._series(instrument, price, _TIMEFRAMES[interval]).rows(params, now_ms)
        return {"category": self.category, "symbol": instrument.symbol, "list": rows}

    def _series(self, instrument: Instrument, price: str, timeframe: str) -> Klines:
        key = (instrument.symbol, price, timeframe)
        if key not in self._klines:
            history, mark = instrument.tape.history, instrument.tape.history.mark
            marked = price != "last" and mark is not None and timeframe_ms(timeframe) >= timeframe_ms(mark.timeframe)
            try:
                candles = mark.resampled(timeframe) if marked and mark else history.candles(timeframe)
            except MarketDataError as error:
                self._log_once(logging.ERROR, str(error))
                raise ApiError(BAD_REQUEST, f"replay exchange: {error}") from error
            self._klines[key] = Klines(instrument.tape, candles, with_volume=price == "last")
        return self._klines[key]

    def _tickers(self, params: Params, now_ms: int) -> object:
        wanted = [self._traded(params, now_ms)] if params.get("symbol") else self._of_category(params)
        rows = [ticker(one, now_ms) for one in wanted if one.tape.start_ms <= now_ms <= one.tape.end_ms]
        return {"category": self.category, "list": rows}

    def _orderbook(self, params: Params, now_ms: int) -> object:
        instrument = self._traded(params, now_ms)
        spot = self.category == "spot"
        bids, asks = order_book(instrument, now_ms, limit_of(params, 1 if spot else 25, 200 if spot else 500))
        update = now_ms // 100
        return {"s": instrument.symbol, "b": bids, "a": asks, "ts": now_ms, "u": update, "seq": update, "cts": now_ms}

    def _recent_trade(self, params: Params, now_ms: int) -> object:
        instrument = self._traded(params, now_ms)
        limit = limit_of(params, *((60, 60) if self.category == "spot" else (500, 1000)))
        return {"category": self.category, "list": recent_trades(instrument, now_ms, limit)}

    def _funding_history(self, params: Params, now_ms: int) -> object:
        instrument = self._begun(params, now_ms)
        if self.category == "spot":
            raise ApiError(BAD_REQUEST, "params error: Category is invalid")
        return {"category": self.category, "list": funding_history(instrument, params, now_ms)}

    def _of_category(self, params: Params) -> list[Instrument]:
        return list(self._instruments.values()) if params.get("category", self.category) == self.category else []

    def _instrument(self, params: Params) -> Instrument:
        instrument = self._instruments.get(params.get("symbol", ""))
        if instrument is None or params.get("category", self.category) != self.category:
            raise ApiError(BAD_REQUEST, "Not supported symbols")
        return instrument

    def _traded(self, params: Params, now_ms: int) -> Instrument:
        """Return the instrument asked for, if it is traded now."""
        instrument = self._begun(params, now_ms)
        if now_ms > instrument.tape.end_ms:
            raise ApiError(BAD_REQUEST, "Not supported symbols")
        return instrument

    def _is_delisted(self, instrument: Instrument, now_ms: int) -> bool:
        return instrument.tape.end_ms < now_ms <= self.end_ms

    def _begun(self, params: Params, now_ms: int) -> Instrument:
        """Return the instrument asked for, if it has been listed and the tapes have not ended."""
        instrument = self._instrument(params)
        if now_ms < instrument.tape.start_ms:
            raise ApiError(BAD_REQUEST, "Not supported symbols")
        if now_ms > self.end_ms:
            self._log_once(
                logging.ERROR,
                f"{instrument.tape.history.pair}: the tape has ended, nothing more can be served; "
                "use more candles, fewer days, or --end loop",
            )
            raise ApiError(EXPIRED, f"replay exchange: the tape of {instrument.symbol} has ended")
        return instrument

    def _log_once(self, level: int, message: str) -> None:
        if message not in self._logged:
            self._logged.add(message)
            logger.log(level, "%s", message)


def health(exchange: ReplayedExchange) -> bytes:
    """Return the answer of ``/_sim/health``: time, what is served, and how often it was asked for."""
    start_ms, end_ms = exchange.span_ms
    return orjson.dumps(
        {
            "status": "ok",
            "now_ms": exchange.clock.now_ms(),
            "start_ms": start_ms,
            "end_ms": end_ms,
            "trading_mode": exchange.trading_mode,
            "requests": exchange.requests,
        }
    )
