"""Messages that are said once."""

import logging

from freqai_ext.cli._say_once import say_once


def test_a_message_is_said_once_while_the_context_lasts(caplog):
    logger = logging.getLogger("reader")
    with say_once("reader"):
        for pair in ("BTC", "ETH", "BTC"):
            logger.warning("%s starts late", pair)
    logger.warning("BTC starts late")
    assert [record.getMessage() for record in caplog.records] == [
        "BTC starts late",
        "ETH starts late",
        "BTC starts late",
    ]
