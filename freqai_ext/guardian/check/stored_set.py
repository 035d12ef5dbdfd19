"""The set that Guardian holds before a check, and how it is put back afterwards: contract, sections 6 and 7."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from freqai_ext.errors import GuardianAnswerError, GuardianError, GuardianUnavailableError
from freqai_ext.guardian.check.probe import Probe, Reply
from freqai_ext.guardian.symbols import canonical_symbol

SOURCE: Final = "freqai-ext check"

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.3

_HEAD: Final = ("generated_at", "source", "horizon_minutes", "window_minutes", "meta")
_ENTRY: Final = ("probability", "ev_bps", "confidence", "score", "horizon_minutes", "window_minutes", "generated_at")


class ForeignPushError(Exception):
    """Somebody else has pushed in between: what Guardian holds is no longer the business of the check."""


class StoredSet:
    """Guardian's set during a check: every push holds what was there before, as far as it is not about erasing.

    So Guardian goes by the same opinions of its own pairs while the check pushes others, of coins that do not exist.

    Parameters
    ----------
    probe
        The connection.

    Raises
    ------
    GuardianAnswerError
        If the set cannot be read, and so could not be put back.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._before = self._read()
        self._seen_at: object = self._before.get("updated_at")
        self._knows_what_is_stored = True
        made_at = self._before.get("generated_at")
        stored: dict[str, Any] = self._before["pairs"]
        self.entries = {_name(key, entry): _entry(entry, made_at) for key, entry in stored.items()}
        self.touched = False

    @property
    def updated_at(self) -> object:
        """When the last push came, by Guardian's clock."""
        return self._seen_at

    def push(self, entries: Mapping[str, Any], **head: Any) -> tuple[Reply, dict[str, Any]]:
        """Push ``entries`` beside those of before; return the answer and the pairs that are stored then.

        Raises
        ------
        ForeignPushError
            If somebody else has pushed since.
        """
        named = {"source": SOURCE} | self._head("generated_at", "horizon_minutes", "window_minutes") | head
        return self.send(json.dumps({**named, "predictions": {**self.entries, **entries}}).encode())

    def send(self, body: bytes, *, content_type: str | None = "application/json") -> tuple[Reply, dict[str, Any]]:
        """Push ``body`` as it is; see :meth:`push`."""
        self._expect_no_other()
        # Until it is seen what became of it: a push whose answer is lost may have been heard.
        self.touched, self._knows_what_is_stored = True, False
        reply = self._probe.post(body, content_type=content_type)
        return reply, self._look()

    def put_back(self) -> str:
        """Push what was there before, and say what cannot be as it was.

        Raises
        ------
        ForeignPushError
            If somebody else has pushed since, whose set is left alone.
        GuardianError
            If Guardian does not take it, three times over.
        """
        self._expect_no_other()
        for attempt in range(_ATTEMPTS):
            try:
                self._post_back()
                break
            except GuardianError:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE_S)
        if self._before.get("updated_at") is None:
            return "nothing was stored before, and nothing is now; updated_at tells that there was a push"
        pairs = f"{len(self.entries)} pairs" if len(self.entries) != 1 else "1 pair"
        return f"the set from before is back, {pairs}; only updated_at is new"

    def _post_back(self) -> None:
        reply = self._probe.post(self.body())
        if reply.status != 200 or reply.fields.get("symbols") != len(self.entries):
            raise GuardianAnswerError(f"POST /predictions: answered {reply}, not that {len(self.entries)} are stored")
        self._look()

    def body(self) -> bytes:
        """Return the push that puts the set back."""
        return json.dumps({**self._head(*_HEAD), "predictions": self.entries}).encode()

    def _head(self, *names: str) -> dict[str, Any]:
        return {name: self._before[name] for name in names if self._before.get(name) is not None}

    def _expect_no_other(self) -> None:
        if self._knows_what_is_stored and self._read().get("updated_at") != self._seen_at:
            raise ForeignPushError

    def _look(self) -> dict[str, Any]:
        try:
            now = self._read()
        except GuardianAnswerError:
            return {}
        self._seen_at, self._knows_what_is_stored = now.get("updated_at"), True
        pairs: dict[str, Any] = now["pairs"]
        return pairs

    def _read(self) -> dict[str, Any]:
        reply = self._probe.get("/predictions")
        content = reply.fields
        if reply.status == 500:
            raise GuardianAnswerError("GET /predictions: answered 500; the set cannot be read, nor be put back")
        if reply.status != 200 or not isinstance(content.get("pairs"), dict):
            raise GuardianUnavailableError(f"GET /predictions: answered {reply}, not the stored set")
        return content


def _name(canonical: str, stored: object) -> str:
    """Return the symbol as it was sent, where it still is known."""
    sent = stored.get("symbol") if isinstance(stored, dict) else None
    return sent if isinstance(sent, str) and canonical_symbol(sent) == canonical else canonical


def _entry(stored: object, made_at: object) -> dict[str, Any]:
    """Return what to push so that Guardian stores an entry of a set made at ``made_at`` as it was."""
    if not isinstance(stored, dict):
        return {}
    meta = stored.get("meta")
    # What stands in an entry besides its numbers becomes its meta, and only so.
    entry = {key: value for key, value in meta.items() if key not in _ENTRY} if isinstance(meta, dict) else {}
    for key in _ENTRY:
        if stored.get(key) is not None:
            # The number 0 would count as missing, its text does not.
            entry[key] = "0.0" if stored[key] == 0 else stored[key]
    if entry.get("generated_at") == made_at:
        # An entry's own time becomes part of its meta, too.
        del entry["generated_at"]
    return entry
