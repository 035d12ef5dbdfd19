"""Opinions in Guardian's words: the body of a push.

Contract, sections 6, 8, 9 and 13. Guardian replaces its whole set by what it is sent, takes 0 for missing, divides
probabilities above 1 by 100, is poisoned by what is not finite, and keeps the last word for ever. So a body always
speaks for the whole universe; every number in it is one that Guardian stores unchanged; and where there is nothing to
stand by, a retraction or a neutral set is said in place of silence.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Final, Literal

from freqai_ext.guardian._numbers import SMALLEST, fraction, nonzero, number
from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.settings import GuardianPolicySettings, Silence
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol

SOURCE: Final = "freqai-ext"
"""What Guardian is told of who pushes."""

Kind = Literal["opinions", "neutral", "retraction"]

_MOST_EV_BPS: Final = 1e4
_NEUTRAL_EV_BPS: Final = -1e-6
_NEUTRAL_PROBABILITY: Final = 0.47
_S_PER_HOUR: Final = 3_600.0


@dataclass(frozen=True)
class Thresholds:
    """From ``buy`` up Guardian buys, from ``sell`` down it sells; the defaults are Guardian's own."""

    buy: float = 0.52
    sell: float = 0.42

    @property
    def neutral(self) -> float:
        """The probability between them, 1e-6 or more; the one between the defaults where they leave no room."""
        middle = 0.5 * (self.buy + self.sell)
        leave_room = 0.0 < self.sell < middle < self.buy <= 1.0
        return middle if leave_room and middle >= SMALLEST else _NEUTRAL_PROBABILITY


@dataclass(frozen=True)
class SentEntry:
    """What is said of one pair, as Guardian stores it.

    Attributes
    ----------
    probability
        In [1e-6, 1].
    ev_bps
        Basis points, never 0.
    generated_at_s
        Close of the candle that it comes from, UTC seconds; of a neutral entry, the set's time.
    """

    probability: float
    ev_bps: float
    generated_at_s: float


@dataclass(frozen=True)
class Payload:
    """A push, ready to be sent.

    Attributes
    ----------
    push_id
        Its name in the journal.
    kind
        Opinions, a neutral entry for every pair, or nothing for any: a retraction.
    body
        The JSON object to send.
    content
        Its part ``predictions``: two payloads say the same if these are equal.
    entries
        What Guardian must hold afterwards, by canonical symbol.
    trusted
        How many of them are forecasts.
    generated_at_s
        The set's time, UTC seconds: close of the newest candle that a forecast in it comes from; without forecasts,
        when the set was made.
    good_until_s
        Until when all its forecasts can be stood by, UTC seconds; infinity where there are none.
    unsupported
        Freqtrade's names of the pairs that Guardian cannot trade.
    model, identifier
        Where the forecasts come from; empty where there are none.
    """

    push_id: str
    kind: Kind
    body: bytes
    content: bytes
    entries: Mapping[str, SentEntry]
    trusted: int
    generated_at_s: float
    good_until_s: float
    unsupported: tuple[str, ...]
    model: str
    identifier: str

    def says_the_same(self, other: "Payload") -> bool:
        """Return whether Guardian would be told nothing else."""
        return self.kind == other.kind and self.content == other.content


def opinions_payload(
    opinions: OpinionSet, now_s: float, policy: GuardianPolicySettings, thresholds: Thresholds, push_id: str
) -> Payload:
    """Return what to send of ``opinions`` at ``now_s`` (UTC seconds).

    A pair's forecast is trusted if the model stands by it, its numbers are usable, its candle is recent and its model
    is; a model of unknown age (``trained_at_s`` 0) counts as recent. Of two pairs with the same name at Guardian the
    trusted one counts, then the one with the later candle.

    Where no pair is trusted, or fewer than the policy demands, the whole set is :func:`silent_payload`.
    """
    names, unsupported = _tradable(opinions.universe)
    candle_s = number(opinions.candle_s) or 0.0
    trusted: dict[str, Opinion] = {}
    for name, pairs in names.items():
        usable = (_usable(opinions.opinions.get(pair)) for pair in pairs)
        recent = [opinion for opinion in usable if opinion is not None and _recent(opinion, candle_s, now_s, policy)]
        if recent:
            trusted[name] = max(recent, key=lambda opinion: opinion.made_at_s)
    if not trusted or len(trusted) < policy.min_trusted_share * len(names):
        return silent_payload(
            opinions.universe, policy.no_model, now_s, thresholds, push_id, opinions.model, opinions.identifier
        )
    entries: dict[str, dict[str, object]] = {}
    for name in names:
        if name in trusted:
            entries[name] = _forecast(trusted[name])
        elif policy.untrusted_pair == "neutral":
            entries[name] = _neutral(thresholds)
    newest_model = _version(max(opinion.trained_at_s for opinion in trusted.values()))
    # Sent again, a set must not look newer than the candles that it comes from.
    made_at_s = min(max(opinion.made_at_s for opinion in trusted.values()), now_s)
    head = _Head("opinions", push_id, made_at_s, opinions.model, opinions.identifier, newest_model)
    good_until_s = min(_good_until_s(opinion, candle_s, policy) for opinion in trusted.values())
    return replace(_payload(head, entries, unsupported), trusted=len(trusted), good_until_s=good_until_s)


def silent_payload(
    universe: Iterable[str],
    silence: Silence,
    now_s: float,
    thresholds: Thresholds,
    push_id: str,
    model: str = "",
    identifier: str = "",
) -> Payload:
    """Return what to send where there is no forecast to stand by: a retraction, or a neutral entry for every pair.

    Parameters
    ----------
    universe
        Freqtrade's names of all pairs; with none that Guardian can trade it is a retraction.
    silence
        Which of the two.
    now_s
        UTC seconds.
    thresholds
        Guardian's; a neutral probability lies between them.
    push_id
        Name of the push.
    model, identifier
        Whose forecasts are missing, where that is known.
    """
    names, unsupported = _tradable(universe)
    entries = {name: _neutral(thresholds) for name in names} if silence == "neutral" else {}
    kind: Kind = "neutral" if entries else "retraction"
    return _payload(_Head(kind, push_id, now_s, model, identifier, None), entries, unsupported)


@dataclass(frozen=True)
class _Head:
    kind: Kind
    push_id: str
    generated_at_s: float
    model: str
    identifier: str
    version: str | None

    def json(self) -> dict[str, object]:
        named = {"model": self.model, "identifier": self.identifier, "version": self.version}
        meta = {key: value for key, value in named.items() if value}
        meta |= {"push_id": self.push_id, "kind": self.kind}
        return {"generated_at": self.generated_at_s, "source": SOURCE, "meta": meta}


def _tradable(universe: Iterable[str]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return Guardian's names, each with its pairs of Freqtrade's, the spot pair first; and the pairs without one."""
    names: dict[str, list[str]] = {}
    unsupported: list[str] = []
    for pair in sorted(set(universe)):
        name = guardian_symbol(pair)
        if name is None:
            unsupported.append(pair)
        else:
            names.setdefault(name, []).append(pair)
    return names, tuple(unsupported)


def _usable(opinion: Opinion | None) -> Opinion | None:
    """Return the opinion with numbers that can be sent; ``None`` where it has none, or its model does not trust it."""
    if opinion is None or not opinion.trusted:
        return None
    probability, ev_bps = fraction(opinion.probability), nonzero(opinion.ev_bps)
    made_at_s, trained_at_s = number(opinion.made_at_s), number(opinion.trained_at_s)
    if probability is None or ev_bps is None or made_at_s is None or trained_at_s is None:
        return None
    if abs(ev_bps) > _MOST_EV_BPS or made_at_s <= 0:
        return None
    return replace(opinion, probability=probability, ev_bps=ev_bps, made_at_s=made_at_s, trained_at_s=trained_at_s)


def _recent(opinion: Opinion, candle_s: float, now_s: float, policy: GuardianPolicySettings) -> bool:
    return opinion.made_at_s - candle_s <= now_s <= _good_until_s(opinion, candle_s, policy)


def _good_until_s(opinion: Opinion, candle_s: float, policy: GuardianPolicySettings) -> float:
    candle_until_s = opinion.made_at_s + policy.max_candle_age_candles * candle_s
    if policy.analysis_grace_s is not None:
        # A candle of a day must not stand for two days, because the bot has lost its exchange.
        candle_until_s = min(candle_until_s, opinion.made_at_s + candle_s + policy.analysis_grace_s)
    if opinion.trained_at_s == 0 or policy.max_model_age_hours is None:
        return candle_until_s
    return min(candle_until_s, opinion.trained_at_s + policy.max_model_age_hours * _S_PER_HOUR)


def _forecast(opinion: Opinion) -> dict[str, object]:
    entry: dict[str, object] = {
        "probability": opinion.probability,
        "ev_bps": opinion.ev_bps,
        "generated_at": opinion.made_at_s,
    }
    confidence, horizon_min = fraction(opinion.confidence), number(opinion.horizon_min)
    if confidence is not None:
        entry["confidence"] = confidence
    if horizon_min is not None and horizon_min > 0:
        entry["horizon_minutes"] = horizon_min
    if (version := _version(opinion.trained_at_s)) is not None:
        entry["model_version"] = version
    return entry


def _neutral(thresholds: Thresholds) -> dict[str, object]:
    return {"probability": thresholds.neutral, "ev_bps": _NEUTRAL_EV_BPS}


def _version(trained_at_s: float) -> str | None:
    if not isfinite(trained_at_s) or trained_at_s <= 0:
        return None
    try:
        return datetime.fromtimestamp(trained_at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def _payload(head: _Head, entries: Mapping[str, dict[str, object]], unsupported: tuple[str, ...]) -> Payload:
    head = replace(head, model=storable(head.model), identifier=storable(head.identifier))
    content = _json(entries)
    return Payload(
        push_id=head.push_id,
        kind=head.kind,
        body=_json(head.json())[:-1] + b',"predictions":' + content + b"}",
        content=content,
        entries=sent_entries(content, head.generated_at_s),
        trusted=0,
        generated_at_s=head.generated_at_s,
        good_until_s=inf,
        unsupported=unsupported,
        model=head.model,
        identifier=head.identifier,
    )


def sent_entries(content: bytes, generated_at_s: float) -> dict[str, SentEntry]:
    """Return what a payload's ``content`` says, by canonical symbol.

    Parameters
    ----------
    content
        As in :class:`Payload`, or as the journal kept it.
    generated_at_s
        Of the payload; entries without a time of their own have it.
    """
    return {
        canonical_symbol(name): SentEntry(
            entry["probability"], entry["ev_bps"], entry.get("generated_at", generated_at_s)
        )
        for name, entry in json.loads(content).items()
    }


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def storable(text: str) -> str:
    """Return a text without halves of surrogate pairs, which neither Guardian nor a database could write down."""
    return text.encode("utf-8", "replace").decode("utf-8")
