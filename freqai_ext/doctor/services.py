"""Checks that the services of the configuration answer: Guardian, and those of the news."""

import asyncio
from collections.abc import Iterator

from freqai_ext.config import SECTION, ExtSettings, load_ext_settings
from freqai_ext.doctor.context import Context
from freqai_ext.doctor.finding import CheckSkippedError, Finding, Level, failure, ok, warning
from freqai_ext.guardian import GuardianClient, GuardianSettings, Inspection, inspect

_WITHIN_S = 15.0


def check_services(context: Context) -> Iterator[Finding]:
    """Guardian and the services of news answer, where the configuration or the strategy uses them. Only reads."""
    named = context.config.get(SECTION) or {}
    wanted = [
        check
        for section, strategy, check in (
            ("guardian", "GuardianMixin", _guardian),
            ("news", "GraphitiHybridStrategy", _news),
        )
        if named.get(section) or _derives(context, strategy)
    ]
    if not wanted:
        yield ok(f"neither {SECTION}.guardian nor {SECTION}.news is used")
        return
    if not context.section_is_valid:
        raise CheckSkippedError(f"needs a valid section '{SECTION}'")
    settings = load_ext_settings(context.config)
    for check in wanted:
        yield from check(settings)


def _derives(context: Context, name: str) -> bool:
    strategy = context.loaded_strategy
    return strategy is not None and any(base.__name__ == name for base in type(strategy).__mro__)


def _guardian(settings: ExtSettings) -> Iterator[Finding]:
    guardian = settings.guardian
    if not guardian.publish and not guardian.features.enabled:
        yield ok(f"{SECTION}.guardian: neither pushes nor polls, so that Guardian is not needed")
        return
    found = asyncio.run(_inspected(guardian))
    if found is None or found.unreachable:
        reason = found.unreachable if found else f"no answer within {_WITHIN_S:g} s"
        yield warning(
            f"{SECTION}.guardian.url: {guardian.url}: {reason}; the bot starts without Guardian and tries again",
            f"start Guardian, or correct {SECTION}.guardian.url; 'freqai-ext guardian check' tries all that is used",
        )
        return
    for fault in found.faults:
        yield failure(f"Guardian at {guardian.url}: {fault}")
    for text in found.warnings:
        yield warning(f"Guardian: {text}")
    if found.passed and found.health is not None:
        yield ok(f"Guardian answers at {guardian.url}, on {found.health.network or 'an unknown network'}")


async def _inspected(settings: GuardianSettings) -> Inspection | None:
    client = GuardianClient(settings)
    try:
        return await asyncio.wait_for(inspect(client, settings), _WITHIN_S)
    except TimeoutError:
        return None
    finally:
        await client.aclose()


def _news(settings: ExtSettings) -> Iterator[Finding]:
    """Report what is wrong as warnings: the bot starts without these services, and its policy decides meanwhile."""
    from freqai_ext.news.doctor import diagnose_news

    for finding in asyncio.run(diagnose_news(settings.news)).findings:
        level = Level.WARNING if finding.level == "failure" else Level(finding.level)
        remedy = f"until then {SECTION}.news.policy '{settings.news.policy}' decides" if level is Level.WARNING else ""
        yield Finding(level, f"{finding.service}: {finding.message}", remedy)
