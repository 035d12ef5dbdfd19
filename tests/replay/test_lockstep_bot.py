"""What the child process of a simulation counts."""

from datetime import UTC, datetime

import pytest
from freqtrade.persistence import Trade, init_db
from sqlalchemy import event

from freqai_ext.replay.lockstep_bot import count_trades


def _trade(is_open):
    return Trade(
        pair="BTC/USDT",
        exchange="binance",
        fee_open=0.001,
        fee_close=0.001,
        open_rate=1.0,
        stake_amount=10.0,
        amount=10.0,
        open_date=datetime(2025, 1, 6, tzinfo=UTC),
        is_open=is_open,
    )


@pytest.fixture
def database(tmp_path):
    init_db(f"sqlite:///{tmp_path / 'trades.sqlite'}")
    yield Trade.session
    Trade.session.rollback()
    Trade.session.remove()
    Trade.session.get_bind().dispose()
    del Trade.session


@pytest.mark.filterwarnings("default")
def test_trades_are_counted_after_a_write_was_interrupted(database):
    database.add_all([_trade(True), _trade(False), _trade(False)])
    database.commit()

    def interrupt(*_):
        raise KeyboardInterrupt

    engine = database.get_bind()
    event.listen(engine, "before_cursor_execute", interrupt)
    database.add(_trade(True))
    with pytest.raises(KeyboardInterrupt):
        database.flush()
    event.remove(engine, "before_cursor_execute", interrupt)

    assert count_trades() == (3, 2)
