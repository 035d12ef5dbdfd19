"""What is looked at before the bot starts: Guardian, and the bot, whose state decides what Guardian may hold."""

import asyncio
import inspect as stack
import logging
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import ref

from freqtrade.enums import State
from freqtrade.strategy import IStrategy

from freqai_ext.errors import SettingsError
from freqai_ext.guardian import GuardianClient, GuardianSettings, Inspection, inspect

logger = logging.getLogger(__name__)

_WITHIN_S = 8.0


def bot_suspension(strategy: IStrategy) -> Callable[[], str | None]:
    """Return a function that says why the bot of ``strategy`` is not at work, ``None`` while it is.

    To be called from ``bot_start``. Freqtrade calls no hook of a strategy when the bot is stopped, paused, or about to
    reload, and gives it no handle on the bot; but it is the bot that calls ``bot_start``, so it is found among the
    callers. Only its public ``state`` is read, which REST API, Telegram and FreqUI set at once, from their own threads.
    """
    from freqtrade.freqtradebot import FreqtradeBot

    frame = stack.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, FreqtradeBot) and getattr(caller, "strategy", None) is strategy:
            # After a reload this bot must be free to go.
            bot = ref(caller)
            return lambda: _suspension(bot())
        frame = frame.f_back
    logger.warning("%s: started by no bot; that it stops is noticed when its forecasts expire", type(strategy).__name__)
    return lambda: None


def _suspension(bot: Any) -> str | None:
    if bot is None or bot.state == State.RUNNING:
        return None
    return f"the bot is {'reloading' if bot.state == State.RELOAD_CONFIG else bot.state.name.lower()}"


def check_guardian(settings: GuardianSettings) -> None:
    """Say what Guardian answers; that it does not is a state that passes.

    Raises
    ------
    SettingsError
        Where Guardian answers and its settings and ours do not go together: the network, a token that it refuses, or
        one that it does not ask for.
    """
    found = asyncio.run(_inspected(settings))
    if found is None or found.unreachable:
        reason = found.unreachable if found else f"no answer within {_WITHIN_S:g} s"
        logger.warning("%s: %s; the bot starts without it, and it is tried again", settings.url, reason)
        return
    faults = found.faults if found.unlocked is None else (found.unlocked, *found.faults)
    for warning in found.warnings:
        if warning not in faults:
            logger.warning("%s: %s", settings.url, warning)
    if faults:
        raise SettingsError("\n".join(faults))


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
