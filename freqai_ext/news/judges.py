"""Which of the judges of a store is meant: verdicts of two judges on the same news must not mix."""

from collections.abc import Mapping
from typing import Final

from freqai_ext.errors import NewsDataError
from freqai_ext.news.records import RECORDED, JudgeIdentity
from freqai_ext.news.store import NewsStore

_REMEDY: Final = "choose one with --judge NAME or freqai_ext.news.judge"


def choose_judge(store: NewsStore, wanted: str | None) -> str | None:
    """Return the name of the judge whose verdicts a backtest goes by; ``None`` where the store has no verdicts.

    Parameters
    ----------
    wanted
        ``freqai_ext.news.judge``: a name of :meth:`NewsStore.judges`, or the part of it that tells it from the others:
        its kind, its model, or both. ``None`` is the only one there is.

    Raises
    ------
    NewsDataError
        If there are several and none was chosen, or it is not known which one is meant. It lists them.
    """
    judges = store.judges()
    if not judges:
        return None
    if wanted is None:
        if len(judges) == 1:
            return next(iter(judges))
        raise NewsDataError(
            f"{store.path}: verdicts of {len(judges)} judges, which must not mix: {listed(judges)}; {_REMEDY}"
        )
    if wanted in judges:
        return wanted
    found = [name for name in judges if wanted in _parts(name)]
    if len(found) == 1:
        return found[0]
    fault = "none of its judges is" if not found else f"{len(found)} of its judges are"
    raise NewsDataError(f"{store.path}: {fault} {wanted!r}; it has {listed(judges)}; {_REMEDY}")


def listed(judges: Mapping[str, int]) -> str:
    """Return the judges as text, with how many verdicts each made."""
    return ", ".join(f"{name} ({count} verdicts)" for name, count in judges.items())


def _parts(name: str) -> tuple[str, ...]:
    identity = JudgeIdentity.of_name(name)
    if name == RECORDED or identity is None:
        return (name,)
    return (identity.kind, identity.model, f"{identity.kind}:{identity.model}")
