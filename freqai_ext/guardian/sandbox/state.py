"""A Guardian without its server: what each route answers."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from freqai_ext._settings import parse_settings, suggest
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.sandbox.access import denial
from freqai_ext.guardian.sandbox.answer import FAILURE, Answer, json_answer, refusal
from freqai_ext.guardian.sandbox.candle_market import CandleMarket
from freqai_ext.guardian.sandbox.prediction_store import PredictionStore, UnreadableStoreError
from freqai_ext.guardian.sandbox.push_body import check_shape, decode_body
from freqai_ext.guardian.sandbox.push_log import PushLog
from freqai_ext.guardian.sandbox.reading import PredictionSet, is_finite
from freqai_ext.guardian.sandbox.scan import effective_limit, scan
from freqai_ext.guardian.sandbox.settings import DEFAULT_SYMBOLS, LIVE, SandboxSettings
from freqai_ext.guardian.sandbox.snapshot import SnapshotCache, SnapshotSource
from freqai_ext.guardian.sandbox.summary import prediction_summary
from freqai_ext.guardian.sandbox.symbols import listed_symbols
from freqai_ext.guardian.sandbox.synthetic_market import SyntheticMarket

PREDICTION_FILE: Final = Path("ai") / "freqai_predictions.json"

_DEFAULT_LIMIT: Final = "25"
_NO_INTEGER: Final = [{"loc": ["query", "limit"], "msg": "value is not a valid integer", "type": "type_error.integer"}]
_SOCKETS: Final[Mapping[str, Any]] = {
    "public": {"running": False, "subscriptions": [], "last_beat": None, "age_seconds": None, "latency_ms": None},
    "private": {"running": False, "connected": False, "last_beat": None, "age_seconds": None, "latency_ms": None},
}


class GuardianState:
    """What Guardian holds, and what it answers. Contract: sections 2 to 9.

    Parameters
    ----------
    settings
        Its own, and of its market.
    clock
        UTC seconds.
    source
        The market, in place of the one that the settings name.

    Raises
    ------
    GuardianDataError
        If there are no candles where the settings name some.

    Notes
    -----
    Header names are lower case. One call at a time.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        clock: Callable[[], float] = time.time,
        source: SnapshotSource | None = None,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self.clock = clock
        self.pushes = PushLog()
        self._snapshots = SnapshotCache(source or market_of(self.settings), self.settings.usdc_bases)
        folder = self.settings.folder
        self._store = PredictionStore(folder / PREDICTION_FILE if folder else None, clock)

    def health(self, headers: Mapping[str, str]) -> Answer:
        """Answer ``GET /health``."""
        refused = self._refused(headers)
        if refused is not None:
            return refused
        stored, settings = self._healthy_set(), self.settings.as_read()
        if stored is None:
            return FAILURE
        return json_answer(
            {
                "status": "ok",
                "generated_at": stored.generated_at,
                "updated_at": stored.updated_at,
                "source": stored.source,
                "symbols": len(stored.pairs or {}),
                "settings": {
                    "testnet": settings.network == "testnet",
                    "ai_enabled": settings.ai_enabled,
                    "ai_buy_threshold": settings.ai_buy_threshold,
                    "ai_sell_threshold": settings.ai_sell_threshold,
                    "freqai_enabled": settings.freqai_enabled,
                },
                "predictions": prediction_summary(stored, settings, self.clock()),
                "ws": _SOCKETS,
            }
        )

    def features(self, headers: Mapping[str, str], limit: str | None = None, whitelist: str | None = None) -> Answer:
        """Answer ``GET /features``; the parameters are as they stand in the address."""
        refused = self._refused(headers)
        if refused is not None:
            return refused
        try:
            asked = int(_DEFAULT_LIMIT if limit is None else limit)
        except ValueError:
            return refusal(422, _NO_INTEGER)
        stored, settings, now_s = self._healthy_set(), self.settings.as_read(), self.clock()
        snapshot = self._snapshots.get(now_s, reachable=settings.exchange_reachable)
        if stored is None or snapshot is None:
            return FAILURE
        listed = listed_symbols(whitelist) | listed_symbols(",".join(settings.ai_force_include))
        pairs = scan(snapshot, listed, effective_limit(asked, settings), settings, stored)
        folder = settings.folder or Path("_data")
        return json_answer(
            {
                "generated_at": now_s,
                "count": len(pairs),
                "pairs": pairs,
                "executions_path": str(folder / "pnl" / f"executions.{settings.network}.jsonl"),
                "predictions": prediction_summary(stored, settings, now_s),
            }
        )

    def predictions(self, headers: Mapping[str, str]) -> Answer:
        """Answer ``GET /predictions``."""
        refused = self._refused(headers)
        if refused is not None:
            return refused
        try:
            return json_answer(self._store.current.as_json())
        except UnreadableStoreError:
            return FAILURE

    def push(self, headers: Mapping[str, str], body: bytes, fault: str | None = None) -> Answer:
        """Answer ``POST /predictions``; ``fault`` is what will befall the answer, for the log."""
        content, refused = decode_body(headers, body)
        refused = refused or self._refused(headers) or check_shape(content)
        answer = refused or self._replace(content)
        # A set that could not be written down is there all the same.
        stored = None if refused else len(self._store.current.pairs or {})
        self.pushes.add(self.clock(), body, answer.status, stored, fault)
        return answer

    def change(self, changes: Mapping[str, object]) -> None:
        """Change settings while it runs, as an edit of its settings file does.

        Raises
        ------
        SettingsError
            If one cannot be changed, or its value is not valid.
        """
        fixed = sorted(set(changes) - LIVE)
        if fixed:
            raise SettingsError(f"sandbox.{fixed[0]}: cannot be changed while it runs; {suggest(fixed[0], LIVE)}")
        self.settings = parse_settings(SandboxSettings, self.settings.model_dump() | dict(changes), "sandbox")

    def restart(self) -> None:
        """Forget what is in memory; what the file says is read through the rules of a push."""
        self._store.reload()

    def stored(self) -> dict[str, Any] | None:
        """Return what is stored, as ``GET /predictions`` shows it; ``None`` where the file is not readable."""
        try:
            return self._store.current.as_json()
        except UnreadableStoreError:
            return None

    def _refused(self, headers: Mapping[str, str]) -> Answer | None:
        denied = denial(self.settings, headers)
        return refusal(denied.status, denied.detail) if denied else None

    def _healthy_set(self) -> PredictionSet | None:
        """Return the set; ``None`` where it makes routes fail that only sum it up."""
        try:
            stored = self._store.current
        except UnreadableStoreError:
            return None
        finite = math.isfinite(stored.generated_at or 0.0) and is_finite(dict(stored.pairs or {}))
        return stored if finite else None

    def _replace(self, content: dict[str, Any]) -> Answer:
        try:
            stored = self._store.replace(content)
        except (OSError, ValueError):
            return FAILURE
        return json_answer({"status": "ok", "symbols": len(stored.pairs or {})})


def market_of(settings: SandboxSettings) -> SnapshotSource:
    """Return the market that the settings name.

    Raises
    ------
    GuardianDataError
        If there are no candles.
    """
    if settings.data is not None:
        return CandleMarket(settings.data, settings.symbols, settings.seed)
    return SyntheticMarket(settings.symbols or DEFAULT_SYMBOLS, settings.seed)
