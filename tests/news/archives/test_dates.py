"""What is assumed of an archive's dates makes nothing known too early, is counted, kept and found by the audit."""

import json
import sqlite3
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freqai_ext._services.written_time import NO_SECONDS, NO_TIME, NO_ZONE
from freqai_ext.news._archive_line import MIDNIGHT, MIDNIGHT_MEANT
from freqai_ext.news.archive import ImportOptions, import_archive
from freqai_ext.news.audit import audit
from freqai_ext.news.records import Article
from freqai_ext.news.store import NewsStore

DAY_S = 86_400.0
DAY = datetime(2025, 3, 1, tzinfo=UTC)
END_S = DAY.timestamp() + DAY_S
LAST_ZONE_S = 43_200.0


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


@pytest.fixture
def write(tmp_path):
    def write(*times, **others):
        path = tmp_path / "archive.jsonl"
        lines = [{"id": f"a{n}", "published_at": at, "title": f"Bitcoin {n}"} | others for n, at in enumerate(times)]
        path.write_text("\n".join(map(json.dumps, lines)))
        return path

    return write


def rules_of(store):
    return {finding.rule: (finding.severity, finding.count) for finding in audit(store).findings}


@pytest.mark.parametrize("written", ["2025-03-01", "20250301", 20250301, "2025-W09-6", "2025-060", "Sat, 01 Mar 2025"])
def test_a_date_without_a_time_is_known_at_the_end_of_its_day_and_said_to_be_assumed(store, write, written):
    path = write(written)
    report = import_archive(store, path, latency_s=0.0)
    assert report.assumed == {NO_TIME: 1}
    article = store.articles()[0]
    assert (article.first_seen_at_s, article.date_assumed) == (END_S + LAST_ZONE_S, NO_TIME)
    assert rules_of(store) == {"assumed-dates": ("doubt", 1)}
    assert f"1 {NO_TIME}" in audit(store).findings[0].text


@pytest.mark.parametrize(("zone", "hours"), [(UTC, 0.0), (ZoneInfo("America/New_York"), 5.0)])
def test_a_zone_that_is_declared_ends_the_day(store, write, zone, hours):
    import_archive(store, write("2025-03-01"), latency_s=0.0, options=ImportOptions(zone=zone))
    assert store.articles()[0].first_seen_at_s == END_S + 3_600.0 * hours


def test_a_time_without_a_zone_is_the_last_zones_until_one_is_declared(store, write):
    path = write("2025-03-01T12:00:00", "2025-03-01 12:00")
    report = import_archive(store, path, latency_s=0.0)
    assert report.assumed == {NO_ZONE: 2, NO_SECONDS: 1}
    assert [article.first_seen_at_s for article in store.articles()] == [END_S, END_S + 60.0]
    assert [article.date_assumed for article in store.articles()] == [NO_ZONE, f"{NO_SECONDS}; {NO_ZONE}"]


def test_the_vendors_own_times_are_read_alike(store, write):
    import_archive(store, write("2025-03-01T12:00:00Z", updated_at="2025-03-01"), latency_s=0.0)
    assert store.articles()[0].first_seen_at_s == END_S + LAST_ZONE_S


def test_a_day_that_is_not_over_is_known_when_it_is_imported(store, write):
    now_s = DAY.timestamp() + 36_000.0
    report = import_archive(store, write("2025-03-01", "2025-03-03"), latency_s=0.0, clock=lambda: now_s)
    assert report.left_out == {"published_at is in the future": 1}
    assert store.articles()[0].first_seen_at_s == now_s


FORMS = ("%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%Y-%j", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%a, %d %b %Y %H:%M:%S %z",
         "%a, %d %b %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%SZ", "%B %d, %Y")  # fmt: skip


@given(
    instants=st.lists(st.integers(1_300_000_000, 1_780_000_000), min_size=1, max_size=12),
    form=st.sampled_from(FORMS),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_article_is_known_before_it_was_published_in_whatever_form_and_zone(tmp_path, instants, form, zone):
    local = UTC if form.endswith("SZ") else ZoneInfo(zone)
    path = tmp_path / "planted.jsonl"
    lines = [
        {"id": str(at_s), "title": "t", "published_at": datetime.fromtimestamp(at_s, local).strftime(form)}
        for at_s in instants
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "planted.sqlite").unlink(missing_ok=True)
    store = NewsStore(tmp_path / "planted.sqlite")
    import_archive(store, path, latency_s=0.0)
    early = [article for article in store.articles() if article.first_seen_at_s < float(article.id)]
    counted = len(store.articles())
    store.close()
    for leftover in tmp_path.glob("planted.sqlite*"):
        leftover.unlink()
    assert (early, counted) == ([], len(set(instants)))


@pytest.mark.parametrize("time", ["T00:00:00Z", "T00:00:00.000+00:00", " 00:00:00", "T00:00:00-05:00"])
def test_many_times_of_midnight_are_dates_that_a_program_has_given_a_time(store, write, time):
    path = write(*(f"2025-02-{day:02}{time}" for day in range(1, 13)), "2025-02-13T09:30:00Z")
    report = import_archive(store, path, latency_s=0.0)
    assert report.assumed[MIDNIGHT] == 12
    known = {article.id: article for article in store.articles()}
    assert known.pop("a12").date_assumed in (None, NO_ZONE)
    for number in range(12):
        article = known[f"a{number}"]
        assert MIDNIGHT in article.date_assumed
        assert article.first_seen_at_s >= datetime(2025, 2, number + 2, tzinfo=UTC).timestamp() + LAST_ZONE_S
    assert rules_of(store) == {"assumed-dates": ("doubt", 12)}


def test_few_times_of_midnight_are_what_they_say(store, write):
    path = write(*(f"2025-02-{day:02}T00:00:00Z" for day in range(1, 10)))
    report = import_archive(store, path, latency_s=0.0)
    assert report.assumed == {}
    assert store.articles()[0].first_seen_at_s == datetime(2025, 2, 1, tzinfo=UTC).timestamp()


def test_midnight_that_is_said_to_be_the_time_is_kept_as_said(store, write):
    path = write(*(f"2025-02-{day:02}T00:00:00Z" for day in range(1, 13)))
    report = import_archive(store, path, latency_s=0.0, options=ImportOptions(midnight_is_a_time=True))
    assert report.assumed == {MIDNIGHT_MEANT: 12}
    assert store.articles()[0].first_seen_at_s == datetime(2025, 2, 1, tzinfo=UTC).timestamp()
    assert rules_of(store) == {"assumed-dates": ("doubt", 12)}


@pytest.fixture
def old_file(tmp_path):
    """Return the file of a store from before assumptions were kept, with dates that were stored as midnight."""
    path = tmp_path / "old.sqlite"
    NewsStore(path).close()
    database = sqlite3.connect(path)
    database.execute("ALTER TABLE news_articles DROP COLUMN date_assumed")
    for day in range(12):
        at_s = DAY.timestamp() + day * DAY_S
        columns = "id, title, text, url, text_sha256, assets, published_at_s, first_seen_at_s"
        values = (f"a{day}", f"t{day}", "", "", str(day), '["BTC"]', at_s, at_s + 600.0)
        database.execute(f"INSERT INTO news_articles ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    database.commit()
    database.close()
    return path


def test_the_audit_finds_dates_that_an_older_import_took_for_midnight(old_file):
    recorded = NewsStore.recorded(old_file)
    report = audit(recorded)
    recorded.close()
    finding = report.findings[0]
    assert (finding.severity, finding.rule, finding.count, report.passed) == ("leak", "midnight-times", 12, False)
    assert "up to a day too early; import the archive again" in finding.text


def test_an_older_file_gets_the_column_when_it_is_written(old_file):
    store = NewsStore(old_file)
    assert [article.date_assumed for article in store.articles()] == [None] * 12
    store.close()


def test_the_audit_doubts_times_that_gather_at_one_moment_of_many_days(store, write):
    path = write(*(f"2025-02-{day:02}T05:00:00Z" for day in range(1, 13)), "2025-02-13T09:30:00Z")
    import_archive(store, path, latency_s=600.0)
    assert rules_of(store) == {"clustered-times": ("doubt", 12)}
    assert "at exactly 05:00 UTC" in audit(store).findings[0].text


def test_dates_of_what_a_bot_has_fetched_itself_are_no_matter_of_an_archive(store):
    day_s = DAY.timestamp()
    store.add_articles(
        Article(f"f{day}", f"t{day}", "", "", ("BTC",), day_s + day * DAY_S, day_s + day * DAY_S + 9_000.0 + 61.7 * day)
        for day in range(12)
    )
    assert rules_of(store) == {}


def test_times_that_are_spread_are_not_doubted(store, write):
    path = write(*(f"2025-02-{1 + hour // 24:02}T{hour % 24:02}:00:00Z" for hour in range(400)))
    import_archive(store, path)
    assert rules_of(store) == {}


def test_an_archive_whose_zone_is_declared_later_is_known_again(store, write):
    path = write("2025-03-01T12:00:00", "2025-03-01", id=None)
    assert import_archive(store, path).added == 2
    again = import_archive(store, path, options=ImportOptions(zone=UTC))
    assert (again.added, again.duplicates) == (0, 2)
