"""Runs the checks in the order in which they build on each other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from traceback import format_exception
from typing import Any, Final

from freqai_ext._silence import silence
from freqai_ext.doctor.candles import check_candles
from freqai_ext.doctor.classes import check_model, check_strategy
from freqai_ext.doctor.configuration import check_complete_configuration, check_configuration
from freqai_ext.doctor.context import Context, DoctorRequest
from freqai_ext.doctor.features import check_features
from freqai_ext.doctor.finding import CheckSkippedError, Finding, Level, failure
from freqai_ext.doctor.services import check_services
from freqai_ext.doctor.training import check_training
from freqai_ext.doctor.versions import check_versions

Check = Callable[[Context], Iterable[Finding]]

CHECKS: Final[dict[str, Check]] = {
    "versions": check_versions,
    "configuration": check_configuration,
    "strategy": check_strategy,
    "complete configuration": check_complete_configuration,
    "model": check_model,
    "training settings": check_training,
    "candles": check_candles,
    "features": check_features,
    "services": check_services,
}


@dataclass(frozen=True)
class CheckResult:
    """Findings of one check."""

    check: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Diagnosis:
    """Results of all checks, in the order in which they ran."""

    results: tuple[CheckResult, ...]

    @property
    def healthy(self) -> bool:
        """Whether no finding is a failure."""
        return all(finding.level is not Level.FAILURE for result in self.results for finding in result.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnosis in the types of JSON."""
        return {"healthy": self.healthy, **asdict(self)}


def diagnose(request: DoctorRequest) -> Diagnosis:
    """Run all checks.

    A check that builds on a failed one is skipped, and says on what it waits. A check that raises is a failure with
    its traceback; this function does not raise.
    """
    context = Context(request)
    with silence():
        return Diagnosis(tuple(CheckResult(name, tuple(_run(check, context))) for name, check in CHECKS.items()))


def _run(check: Check, context: Context) -> Iterator[Finding]:
    try:
        yield from check(context)
    except CheckSkippedError as reason:
        yield Finding(Level.SKIPPED, str(reason))
    except Exception as error:
        yield failure(f"the check stopped: {type(error).__name__}: {error}", detail="".join(format_exception(error)))
