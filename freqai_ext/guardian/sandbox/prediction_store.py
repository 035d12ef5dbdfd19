"""Where Guardian keeps its set of predictions: in memory, and in a file that is written in place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqai_ext.guardian.sandbox.reading import PredictionSet, read_file, read_push


class UnreadableStoreError(Exception):
    """The file holds JSON that is no object, which makes every reading route fail."""


class PredictionStore:
    """The set and its file: contract, sections 6, 7 and 11.

    Parameters
    ----------
    path
        The file; with ``None`` its content is kept in memory.
    clock
        UTC seconds.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._text: str | None = None
        self._current: PredictionSet | None = None
        self.reload()

    @property
    def current(self) -> PredictionSet:
        """The set.

        Raises
        ------
        UnreadableStoreError
            If the file holds JSON that is no object.
        """
        if self._current is None:
            raise UnreadableStoreError
        return self._current

    def replace(self, body: dict[str, Any]) -> PredictionSet:
        """Put what ``body`` says in place of the set, and of the file's content.

        Raises
        ------
        OSError, ValueError
            If it cannot be written; it is in memory then.
        """
        self._current = read_push(body, self._clock())
        text = json.dumps(self._current.as_json(), indent=2, sort_keys=True, ensure_ascii=False)
        if self._path is None:
            self._text = text
        else:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # In place, as the original does: who reads at the wrong moment sees half of it.
            self._path.write_text(text, encoding="utf-8")
        return self._current

    def reload(self) -> None:
        """Forget the set and read the file, as after a restart."""
        now_s = self._clock()
        text = self._stored()
        if text is None:
            self._current = PredictionSet()
            return
        try:
            content = json.loads(text)
        except ValueError:
            self._current = PredictionSet(generated_at=now_s)
            return
        self._current = read_file(content, now_s) if isinstance(content, dict) else None

    def _stored(self) -> str | None:
        if self._path is None:
            return self._text
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
