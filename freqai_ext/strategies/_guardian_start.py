"""The look at Guardian before the bot starts."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from freqai_ext.errors import SettingsError
from freqai_ext.guardian import GuardianClient, GuardianSettings, Inspection, inspect

logger = logging.getLogger(__name__)

_WITHIN_S = 8.0


def check_guardian(settings: GuardianSettings) -> None:
    """Say what Guardian answers; that it does not, or refuses a token that can be rotated, is a state that passes.

    Raises
    ------
    SettingsError
        Where Guardian answers and nothing may be sent to it: the wrong network, a fixed token that it refuses.
    """
    found = asyncio.run(_inspected(settings))
    # A token that stands in a file may be about to be rotated.
    rotating = found is not None and found.denied and settings.token_file is not None
    if found is None or found.unreachable or rotating:
        reason = (found.unreachable or "; ".join(found.faults)) if found else f"no answer within {_WITHIN_S:g} s"
        logger.warning("%s: %s; the bot starts without it, and it is tried again", settings.url, reason)
        return
    for warning in found.warnings:
        logger.warning("%s: %s", settings.url, warning)
    if found.faults:
        raise SettingsError("\n".join(found.faults))


async def _inspected(settings: GuardianSettings) -> Inspection | None:
    client = GuardianClient(settings)
    try:
        return await _within(inspect(client, settings))
    finally:
        await client.aclose()


async def _within(inspection: Coroutine[Any, Any, Inspection]) -> Inspection | None:
    try:
        return await asyncio.wait_for(inspection, _WITHIN_S)
    except TimeoutError:
        return None
