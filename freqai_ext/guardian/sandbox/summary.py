"""The short account of the stored predictions in ``/health`` and ``/features``: contract, sections 3 and 8."""

from math import inf
from typing import Any

from freqai_ext.guardian.sandbox.reading import PredictionSet
from freqai_ext.guardian.sandbox.settings import SandboxSettings


def prediction_summary(stored: PredictionSet, settings: SandboxSettings, now_s: float) -> dict[str, Any]:
    """Return the object ``predictions``.

    Whether the set is stale goes by when it came, which entries are at the top by when each says that it was made.
    """
    recency_s = settings.recency_s
    pairs = list((stored.pairs or {}).values())
    fresh = [pair for pair in pairs if not recency_s or now_s - pair["generated_at"] <= recency_s]
    best = sorted(fresh, key=lambda pair: (pair.get("ev_bps", -inf), pair.get("probability", -inf)), reverse=True)
    return {
        "generated_at": stored.generated_at,
        "source": stored.source,
        "total_pairs": len(pairs),
        "stale": stored.updated_at is None or (recency_s > 0 and now_s - stored.updated_at > recency_s),
        "recency_seconds": recency_s,
        "top": best[: max(settings.freqai_top_pairs, 0)],
    }
