"""``/v5/market/tickers`` and ``/v5/market/recent-trade``: the last price, the day's statistics, trades."""

from freqai_ext.replay.funding import current_rate, next_funding_ms
from freqai_ext.replay.instruments import Instrument
from freqai_ext.replay.orderbook import order_book
from freqai_ext.replay.protocol import decimal
from freqai_ext.replay.timeframe import DAY_MS

_TRADE_EVERY_MS = 1_000


def ticker(instrument: Instrument, now_ms: int) -> dict[str, object]:
    """Return the ticker of one pair: last price, best bid and ask, and the statistics of the last 24 hours."""
    tape = instrument.tape
    now = tape.open_candle(now_ms)
    stop = tape.position(now_ms)
    first = max(stop - DAY_MS // tape.length_ms, 0)
    base = tape.base[first:stop]
    before = float(base.open[0]) if len(base) else now.open
    volume, turnover = tape.totals(first, stop)
    bids, asks = order_book(instrument, now_ms, 1)
    entry: dict[str, object] = {
        "symbol": instrument.symbol,
        "bid1Price": bids[0][0],
        "bid1Size": bids[0][1],
        "ask1Price": asks[0][0],
        "ask1Size": asks[0][1],
        "lastPrice": decimal(now.close),
        "prevPrice24h": decimal(before),
        "price24hPcnt": decimal(round(now.close / before - 1, 8)),
        "highPrice24h": decimal(max(now.high, float(base.high.max())) if len(base) else now.high),
        "lowPrice24h": decimal(min(now.low, float(base.low.min())) if len(base) else now.low),
        "turnover24h": decimal(round(turnover, 4)),
        "volume24h": decimal(round(volume, 8)),
    }
    if instrument.category == "spot":
        return entry
    return entry | {
        "markPrice": decimal(now.close),
        "indexPrice": decimal(now.close),
        "openInterest": decimal(round(volume, 8)),
        "openInterestValue": decimal(round(turnover, 4)),
        "fundingRate": decimal(current_rate(tape, now_ms)),
        "nextFundingTime": str(next_funding_ms(now_ms)),
    }


def recent_trades(instrument: Instrument, now_ms: int, limit: int) -> list[dict[str, object]]:
    """Return the last trades, newest first: one a second, none before the tape begins."""
    tape = instrument.tape
    newest = now_ms - now_ms % _TRADE_EVERY_MS
    times = [
        when for when in range(newest, newest - limit * _TRADE_EVERY_MS, -_TRADE_EVERY_MS) if when >= tape.start_ms
    ]
    return [
        {
            "execId": f"{instrument.symbol}-{when}",
            "symbol": instrument.symbol,
            "price": decimal(tape.price(when)),
            "size": decimal(instrument.amount_step),
            "side": "Buy" if when // _TRADE_EVERY_MS % 2 else "Sell",
            "time": str(when),
            "isBlockTrade": False,
        }
        for when in times
    ]
