"""What a model thinks of each pair at one moment, before it is put into Guardian's words."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Opinion:
    """The forecast for one pair. The numbers are as the model gave them: anything may be in them.

    Attributes
    ----------
    pair
        Freqtrade's name of the pair.
    made_at_s
        When the candle it was made on closed, UTC seconds; it uses nothing later.
    probability
        Of the event that ``freqai_ext.guardian.probability`` names, in [0, 1].
    ev_bps
        Expected return of a long position less the round-trip cost, in basis points.
    confidence
        In [0, 1]; ``None`` where the model has none.
    horizon_min
        How far the forecast reaches, in minutes.
    trained_at_s
        When the model was trained, UTC seconds; 0 where that is not known. It is the model's version.
    trusted
        Whether the model stands by it: ``do_predict`` is 1.
    """

    pair: str
    made_at_s: float
    probability: float
    ev_bps: float
    confidence: float | None
    horizon_min: float
    trained_at_s: float
    trusted: bool


@dataclass(frozen=True)
class OpinionSet:
    """The opinions of a whole universe, as of one moment.

    Attributes
    ----------
    universe
        Freqtrade's names of all pairs, whether or not there is an opinion of them.
    opinions
        By pair; those that are missing have no forecast yet.
    created_at_s
        When the set was put together, UTC seconds.
    candle_s
        Length of a candle in seconds.
    model
        Name of the model class.
    identifier
        ``freqai.identifier``.
    """

    universe: tuple[str, ...]
    opinions: Mapping[str, Opinion]
    created_at_s: float
    candle_s: float
    model: str
    identifier: str
