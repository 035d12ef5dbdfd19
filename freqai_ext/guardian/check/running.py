"""Goes through the contract, item by item."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from freqai_ext.errors import GuardianError
from freqai_ext.guardian.check.access import check_access
from freqai_ext.guardian.check.finding import Checklist, CheckReport
from freqai_ext.guardian.check.probe import Probe
from freqai_ext.guardian.check.pushing import check_poison, check_pushing
from freqai_ext.guardian.check.reading import PAIRS, check_features, check_health, check_predictions
from freqai_ext.guardian.check.stored_set import ForeignPushError, StoredSet

_PUSHING = "how a push is read"
_POISON = "a number that is not finite poisons the service"


@dataclass(frozen=True)
class CheckRequest:
    """What to try.

    Attributes
    ----------
    pairs
        As ``"BTCUSDT"``; Guardian is asked for their features.
    network
        The one that Guardian must be on; ``None`` for either.
    push
        Try pushes, too. Guardian's set is put back afterwards; a bot that trades acts on what it finds meanwhile.
    poison
        Try a number that is not finite, too, which makes Guardian fail for a moment.
    """

    pairs: Sequence[str] = PAIRS
    network: Literal["mainnet", "testnet"] | None = None
    push: bool = False
    poison: bool = False


def check_guardian(probe: Probe, request: CheckRequest) -> CheckReport:
    """Try what the contract says, and report what holds.

    Raises
    ------
    GuardianError
        If Guardian cannot be reached to begin with. What happens later is in the report.
    """
    checklist = Checklist()
    entered = probe.get("/health").status == 200
    steps: list[Callable[[], None]] = [lambda: check_access(probe, checklist)]
    if entered:
        steps.append(lambda: check_health(probe, checklist, request.network))
        steps.append(lambda: check_predictions(probe, checklist))
        steps.append(lambda: check_features(probe, checklist, request.pairs))
    for step in steps:
        try:
            step()
        except GuardianError as error:
            checklist.expect("1", "every request is answered", False, error)
    if not entered:
        checklist.skip("3-8", "all others", "Guardian lets nobody in, or fails; see above")
        return CheckReport(probe.url, checklist.findings, None, False)
    aftermath, left_changed = None, False
    if request.push:
        aftermath, left_changed = _try_pushes(probe, checklist, request)
    else:
        checklist.skip("6", _PUSHING, "it changes the stored set; try it with --push")
    if not (request.push and request.poison):
        checklist.skip("6", _POISON, "it makes Guardian fail for a moment; try it with --push --poison")
    return CheckReport(probe.url, checklist.findings, aftermath, left_changed)


def _try_pushes(probe: Probe, checklist: Checklist, request: CheckRequest) -> tuple[str | None, bool]:
    """Return what became of the stored set, and whether it is left changed."""
    try:
        stored = StoredSet(probe)
    except GuardianError as error:
        checklist.expect("6", "the stored set can be read, so as to be put back", False, error)
        checklist.skip("6", _PUSHING, str(error))
        return None, False
    interrupted = True
    try:
        check_pushing(stored, checklist)
        if request.poison:
            check_poison(stored, checklist, lambda path: probe.get(path).status)
        interrupted = False
    except ForeignPushError:
        checklist.skip("6", "the rest of how a push is read", "somebody else pushed in between")
    except GuardianError as error:
        checklist.expect("6", "every push is answered", False, error)
    finally:
        outcome = put_back(stored)
    if interrupted and outcome[1]:
        checklist.expect("6", "the set from before is put back", False, outcome[0])
    return outcome


def put_back(stored: StoredSet) -> tuple[str | None, bool]:
    """Put back what Guardian held; return what became of it, and whether Guardian is left changed.

    Where that fails, the body that would do it is written to a file, which is named.
    """
    if not stored.touched:
        return None, False
    try:
        return stored.put_back(), False
    except ForeignPushError:
        return "somebody else pushed in between; their set was left as it is", False
    except GuardianError as error:
        with tempfile.NamedTemporaryFile("wb", suffix=".json", prefix="guardian-set-", delete=False) as file:
            file.write(stored.body())
        return f"the set from before could NOT be put back ({error}); POST {file.name} to /predictions", True
