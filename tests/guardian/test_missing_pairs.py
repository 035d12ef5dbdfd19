from freqai_ext.guardian._missing_pairs import MissingPairs

START_S = 1_760_000_000.0
HOUR_S = 3_600.0


def test_what_stays_missing_is_asked_for_once_an_hour():
    pairs = MissingPairs()
    assert pairs.worth_asking({"BUSDT", "AUSDT"}, START_S) == ("AUSDT", "BUSDT")
    pairs.asked_alone(["AUSDT", "BUSDT"], {"AUSDT"}, START_S)
    assert pairs.worth_asking({"BUSDT", "AUSDT"}, START_S + HOUR_S - 1.0) == ("AUSDT",)
    assert pairs.worth_asking({"BUSDT", "AUSDT"}, START_S + HOUR_S) == ("AUSDT", "BUSDT")


def test_a_pair_that_came_in_between_is_asked_for_at_once():
    pairs = MissingPairs()
    pairs.asked_alone(["AUSDT"], (), START_S)
    pairs.came(["AUSDT"])
    assert pairs.worth_asking(["AUSDT"], START_S + 1.0) == ("AUSDT",)


def test_a_clock_that_is_set_back_puts_nothing_off():
    pairs = MissingPairs()
    pairs.asked_alone(["AUSDT"], (), START_S)
    assert pairs.worth_asking(["AUSDT"], START_S - 1.0) == ("AUSDT",)
