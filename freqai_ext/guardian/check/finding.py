"""What a check found."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["holds", "does not hold", "not tried"]


@dataclass(frozen=True)
class Finding:
    """One item of the contract.

    Attributes
    ----------
    section
        Of the contract, such as ``"6"``.
    what
        What the contract says.
    verdict
        Whether it holds here.
    observed
        What was seen, or why it was not tried.
    """

    section: str
    what: str
    verdict: Verdict
    observed: str


@dataclass(frozen=True)
class CheckReport:
    """All that was found.

    Attributes
    ----------
    url
        Guardian's address.
    findings
        In the order in which they were tried.
    aftermath
        What became of the set that Guardian held before; ``None`` where it was not touched.
    left_changed
        Whether Guardian holds another set than before because of the check.
    """

    url: str
    findings: tuple[Finding, ...]
    aftermath: str | None
    left_changed: bool

    @property
    def passed(self) -> bool:
        """Whether something was tried, all of it holds, and Guardian is as it was."""
        verdicts = {finding.verdict for finding in self.findings}
        return "holds" in verdicts and "does not hold" not in verdicts and not self.left_changed

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"passed": self.passed}


class Checklist:
    """Collects findings."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found so far."""
        return tuple(self._findings)

    def expect(self, section: str, what: str, holds: bool, observed: object) -> None:
        """Note whether an item holds, and what was seen."""
        self._findings.append(Finding(section, what, "holds" if holds else "does not hold", str(observed)))

    def skip(self, section: str, what: str, why: str) -> None:
        """Note that an item was not tried."""
        self._findings.append(Finding(section, what, "not tried", why))
