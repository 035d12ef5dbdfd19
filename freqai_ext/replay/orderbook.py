"""``/v5/market/orderbook``: a book around the current price, as deep as the market is busy."""

from math import ceil, floor, log10

from freqai_ext.replay.instruments import Instrument
from freqai_ext.replay.protocol import decimal

HALF_SPREAD = 0.00005
"""Distance of the best prices from the last one, at least half a tick."""

LEVEL_SHARE = 0.02
"""Size of the best level as a share of the volume of a usual candle of the last hour."""

LEVEL_GROWTH = 0.25
"""How much larger each further level is, as a share of the best one."""

BEST_LEVEL_USUAL_MS = 300_000

Levels = list[list[str]]


def order_book(instrument: Instrument, now_ms: int, depth: int) -> tuple[Levels, Levels]:
    """Return bids and asks, best first: rows of price and size, as text.

    Sizes scale with the volume of five minutes over the last hour. Prices lie on whole ticks; the best bid is
    below the last price or at it, the best ask above or at it, and the bid always below the ask.
    """
    tape = instrument.tape
    price, tick, decimals = tape.price(now_ms), tape.tick, tape.price_decimals
    half = max(price * HALF_SPREAD, tick / 2)
    step = max(1, round(price * HALF_SPREAD / tick))
    best_bid = max(floor(round((price - half) / tick, 6)), 1)
    best_ask = max(ceil(round((price + half) / tick, 6)), best_bid + 1)
    busy = tape.usual_volume(now_ms) * BEST_LEVEL_USUAL_MS / tape.length_ms
    sizes = [_size(busy * LEVEL_SHARE * (1 + LEVEL_GROWTH * level), instrument.amount_step) for level in range(depth)]
    bids = [best_bid - level * step for level in range(depth)]
    asks = [best_ask + level * step for level in range(depth)]
    return (
        [[decimal(round(place * tick, decimals)), size] for place, size in zip(bids, sizes, strict=True) if place > 0],
        [[decimal(round(place * tick, decimals)), size] for place, size in zip(asks, sizes, strict=True)],
    )


def _size(amount: float, step: float) -> str:
    decimals = max(0, round(-log10(step)))
    return decimal(round(max(round(amount / step), 1) * step, decimals))
