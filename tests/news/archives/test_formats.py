"""Files of vendors, as their public interfaces give them, are stored as they are."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.archive import ImportOptions, import_archive
from freqai_ext.news.archives.detection import FORMATS
from freqai_ext.news.store import NewsStore

SAMPLES = Path(__file__).parent / "samples"
NOON_S = datetime(2025, 3, 1, 12, tzinfo=UTC).timestamp()
HOUR_S = 3_600.0

# Format, and of each article the hours after noon at which it was known, its assets and its title's beginning.
EXPECTED = {
    "alpaca.json": ("alpaca", [(0.5, ("BTC",), "Bitcoin's miners"), (3.0, (), "Chipmaker")]),
    "alphavantage.json": ("alphavantage", [(12.0, ("SOL",), "Tokens climb")]),
    "atom.xml": ("feed", [(1.0, ("AVAX",), "Avalanche Foundation"), (3.0, ("XMR",), "Monero")]),
    "benzinga.json": ("benzinga", [(0.25, ("DOGE", "BTC"), "Dogecoin Rises")]),
    "coindesk.json": ("coindesk", [(1 / 12, ("XRP",), "A trust files")]),
    "cryptocompare.json": ("cryptocompare", [(0.0, ("BTC",), "Miners move")]),
    "cryptopanic.jsonl": ("cryptopanic", [(0.0, ("XRP",), "XRP case"), (2.0, ("DOGE", "LTC"), "Dogecoin and")]),
    "cryptopanic_array.json": ("cryptopanic", [(0.0, ("ETH",), "Ether staking")]),
    "cryptopanic_page.json": ("cryptopanic", [(1 / 12, ("BTC",), "Bitcoin ETF"), (1.0, (), "What a week")]),
    "cryptopanic_v2.json": ("cryptopanic", [(0.123456 / HOUR_S + 1 / 6, ("SOL",), "Solana upgrade")]),
    "finnhub.json": ("finnhub", [(0.0, ("UNI",), "Uniswap adds")]),
    "gdelt_artlist.csv": ("gdelt", [(0.25, ("BTC",), "Bitcoin , again")]),
    "gdelt_artlist.json": ("gdelt", [(0.25, ("ETH",), "Ethereum"), (0.5, (), "Click the link near")]),
    "kaggle.csv": ("csv", [(12.0, ("BTC",), "Bitcoin rises"), (24.0, ("SOL",), "Solana falls")]),
    "messari.json": ("messari", [(0.0, ("BTC",), "Why it fell")]),
    "newsapi.json": ("newsapi", [(0.0, ("HBAR",), "Hedera joins")]),
    "plain_array.json": ("freqai-ext", [(0.0, ("BTC",), "Plain news"), (1.0, (), "More of it")]),
    "polygon.json": ("polygon", [(0.0, ("BTC",), "Crypto stocks")]),
    "rss1.rdf": ("feed", [(0.0, ("XTZ",), "Tezos")]),
    "rss2.xml": (
        "feed",
        [(0.0, ("LINK",), "Chainlink & banks"), (1.0, ("ADA",), "Cardano"), (12.0, ("LTC",), "A zone")],
    ),
    "tiingo.json": ("tiingo", [(0.5 / HOUR_S + 1 / 3, ("BTC",), "Coins and chips")]),
    "unknown_vendor.json": ("json", [(0.0, ("TON",), "Toncoin in")]),
}


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


def stored(store):
    return [(article.first_seen_at_s, article.assets, article.title) for article in store.articles()]


def test_every_sample_is_looked_at():
    assert {path.name for path in SAMPLES.iterdir()} == {*EXPECTED, "semicolons.csv"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_vendors_file_is_stored_as_it_is(store, name):
    format, articles = EXPECTED[name]
    report = import_archive(store, SAMPLES / name, latency_s=0.0)
    assert report.format.split(" in ")[0] == format
    assert (report.added, report.duplicates, report.left_out) == (len(articles), 0, {})
    for (at_s, assets, title), (hours, wanted, begins) in zip(stored(store), articles, strict=True):
        assert at_s == pytest.approx(NOON_S + hours * HOUR_S, abs=1e-3), title
        assert assets == wanted
        assert title.startswith(begins)
    assert report.without_asset == sum(not wanted for _, wanted, _ in articles)


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_of_votes_scores_and_prices_is_in_the_file_of_the_store(store, tmp_path, name):
    assert b"7770" in b"".join(path.read_bytes() for path in SAMPLES.iterdir())
    import_archive(store, SAMPLES / name)
    store.close()
    assert all(b"7770" not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_second_import_adds_nothing_and_another_name_or_packing_changes_nothing(store, tmp_path, name):
    first = import_archive(store, SAMPLES / name)
    copy = tmp_path / "copy.dat"
    copy.write_bytes(gzip.compress((SAMPLES / name).read_bytes()))
    again = import_archive(store, copy)
    assert (again.added, again.duplicates, again.format) == (0, first.added, first.format)


def test_numbers_that_two_vendors_give_to_different_articles_do_not_hide_one_another(store, tmp_path):
    pages = [
        '{"news": [{"id": 7, "headline": "Bitcoin up", "created_at": "2025-03-01T12:00:00Z", "symbols": []}]}',
        '[{"id": 7, "title": "Ether up", "created": "Sat, 01 Mar 2025 12:00:00 GMT", "stocks": []}]',
        "id,title,date\n7,Litecoin up,2025-03-01\n",
        "id,title,date\n7,Monero up,2025-03-01\n",
    ]
    for number, page in enumerate(pages):
        path = tmp_path / f"{number}.txt"
        path.write_text(page)
        assert import_archive(store, path).added == 1
    assert {assets for _, assets, _ in stored(store)} == {("BTC",), ("ETH",), ("LTC",), ("XMR",)}


def test_days_and_months_that_may_be_swapped_are_refused_until_the_order_is_said(store):
    report = import_archive(store, SAMPLES / "semicolons.csv", latency_s=0.0)
    assert (report.added, list(report.left_out.values())) == (1, [1])
    assert "day and month that may be swapped" in next(iter(report.left_out))
    options = ImportOptions(date_order="dmy")
    assert import_archive(store, SAMPLES / "semicolons.csv", latency_s=0.0, options=options).added == 1
    # Without seconds, so that it may have been at the end of the minute; CET is an hour ahead of UTC.
    known_s = datetime(2025, 3, 1, 11, 1, tzinfo=UTC).timestamp()
    assert stored(store)[0] == (known_s, ("BTC", "ETH"), "Bank; and bitcoin")


def test_columns_can_be_named(store, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("Schlagzeile,Wann,title\nBitcoin steigt,2025-03-01T12:00:00Z,nicht dies\n")
    with pytest.raises(NewsDataError, match=r"odd\.csv: none of its columns .*'Wann'.*--column title=NAME"):
        import_archive(store, path)
    options = ImportOptions(columns={"title": "Schlagzeile", "published_at": "Wann"})
    assert import_archive(store, path, latency_s=0.0, options=options).format == "csv in CSV"
    assert stored(store) == [(NOON_S, ("BTC",), "Bitcoin steigt")]
    with pytest.raises(SettingsError, match=r"--column: title=Schlagzeil: .* has no 'Schlagzeil'; did you mean"):
        import_archive(store, path, options=ImportOptions(columns={"title": "Schlagzeil"}))
    with pytest.raises(SettingsError, match="--column: 'titel' is nothing that a column can be; known: title, text"):
        import_archive(store, path, options=ImportOptions(columns={"titel": "Schlagzeile"}))


def test_a_date_and_a_time_in_two_columns_are_one_time(store, tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("Date,Time,Headline\n2025-03-01,12:00:00,Bitcoin up\n2025-03-01,12:00:00 GMT,Ether up\n")
    import_archive(store, path, latency_s=0.0, options=ImportOptions(zone=UTC))
    assert [at_s for at_s, _, _ in stored(store)] == [NOON_S, NOON_S]


def test_the_latest_of_several_times_counts(store, tmp_path):
    path = tmp_path / "several.csv"
    path.write_text(
        "title,timestamp,date,updated\n"
        "the same twice,1740830400,2025-03-01,\n"
        "dated a week later,1740830400,2025-03-08T12:00:00Z,\n"
        "changed later,1740830400,2025-03-01,2025-03-02T12:00:00Z\n"
    )
    import_archive(store, path, latency_s=0.0)
    days = {title: (at_s - NOON_S) / 86_400.0 for at_s, _, title in stored(store)}
    assert days == {"the same twice": 0.0, "dated a week later": 7.0, "changed later": 1.0}


def test_a_time_of_nobody_knows_what_is_refused_in_every_format(store, tmp_path):
    path = tmp_path / "unknown.csv"
    path.write_text("title,date,review_date\nBitcoin up,2025-03-01T12:00:00Z,2025-03-05\n")
    with pytest.raises(NewsDataError, match=r"line 1 has the time 'review_date', .*--ignore-fields review_date"):
        import_archive(store, path)
    assert import_archive(store, path, ignore_fields=["review_date"]).added == 1
    path = tmp_path / "nested.jsonl"
    path.write_text(
        '{"title": "t", "published_at": "2025-03-01T12:00:00Z", "meta": {"updated_at": "2025-03-05T12:00:00Z"}}'
    )
    with pytest.raises(NewsDataError, match=r"the time 'meta\.updated_at', .*--ignore-fields meta$"):
        import_archive(store, path)


@pytest.mark.parametrize("word", ["updated", "modified", "edited", "lastModified", "dateUpdated"])
def test_a_change_under_another_name_is_refused_or_makes_the_piece_known_later(store, tmp_path, word):
    path = tmp_path / "changed.jsonl"
    path.write_text(f'{{"title": "t", "published_at": "2025-03-01T12:00:00Z", "{word}": "2025-03-05T12:00:00Z"}}')
    with pytest.raises(NewsDataError, match=f"the time '{word}'"):
        import_archive(store, path)
    table = tmp_path / "changed.csv"
    table.write_text(f"title,date,{word}\nt,2025-03-01T12:00:00Z,2025-03-05T12:00:00Z\n")
    import_archive(store, table, latency_s=0.0)
    assert stored(store)[0][0] == NOON_S + 4 * 86_400.0


def test_the_format_can_be_named_and_one_that_is_none_is_refused(store, tmp_path):
    path = tmp_path / "archive.jsonl"
    path.write_text('no json\n{"title": "Bitcoin up", "published_at": "2025-03-01T12:00:00Z"}\n')
    report = import_archive(store, path, options=ImportOptions(format="freqai-ext"))
    assert (report.added, report.left_out) == (1, {"not JSON in UTF-8": 1})
    with pytest.raises(SettingsError, match=r"--format: 'cryptopanik' is no format; did you mean 'cryptopanic'\?"):
        import_archive(store, path, options=ImportOptions(format="cryptopanik"))
    assert {"cryptopanic", "alpaca", "benzinga", "gdelt", "csv", "json", "rss", "atom"} <= set(FORMATS)


def test_a_table_in_utf_16_is_read(store, tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes("Title\tDate\nBitcoin für alle\t2025-03-01T12:00:00Z\n".encode("utf-16"))
    import_archive(store, path, latency_s=0.0)
    assert stored(store) == [(NOON_S, ("BTC",), "Bitcoin für alle")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><title>Bitcoin</title></html>", "is a web page and no feed"),
        (b"<settings><a>1</a></settings>", "neither RSS nor Atom"),
        (b"<rss version='2.0'><channel><item><title>&#xfffffff;</title>", "cannot be read as a feed"),
        (b"PK\x03\x04....", "is a zip archive; unpack or convert it first"),
        (b"BZh91AY", "packed by bzip2"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (
            b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
            b"<rss version='2.0'><channel><item><title>&b;</title></item></channel></rss>",
            "declares an entity",
        ),
        (
            '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
            "<rss version='2.0'><channel><item><title>&x;</title></item></channel></rss>".encode("utf-16"),
            "declares an entity",
        ),
    ],
)
def test_what_is_no_archive_is_refused_with_the_reason(store, tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NewsDataError, match=message):
        import_archive(store, path)
    assert store.articles() == ()


def test_an_external_entity_or_an_address_is_never_fetched(store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("not to be read")
    path = tmp_path / "feed.xml"
    path.write_text(
        f'<!DOCTYPE rss SYSTEM "{secret.as_uri()}"><rss version="2.0"><channel><item><title>A &x; B</title>'
        "<pubDate>Sat, 01 Mar 2025 12:00:00 GMT</pubDate></item></channel></rss>"
    )
    import_archive(store, path)
    assert all("not to be read" not in title for _, _, title in stored(store))


def test_votes_of_a_page_are_found_by_the_audit_under_the_ids_of_the_store(store, tmp_path):
    from freqai_ext.news._posthoc import _known, read_aftermath

    import_archive(store, SAMPLES / "cryptopanic_page.json")
    aftermath = read_aftermath(SAMPLES / "cryptopanic_page.json")
    ids = [article.id for article in store.articles()]
    assert [known.positive for known in _known(ids, aftermath)] == [777_002.0, 0.0]


def test_a_page_in_one_line_longer_than_lines_may_be_is_read_as_a_document(store, tmp_path):
    posts = [
        {"title": f"Bitcoin {number}", "published_at": "2025-03-01T12:00:00Z", "kind": "news", "domain": "example.com",
         "id": number, "metadata": {"description": "x" * 5_000}}
        for number in range(300)
    ]  # fmt: skip
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"results": posts}))
    assert path.stat().st_size > 1_000_000
    assert import_archive(store, path).added == 300


def test_objects_by_their_ids_are_records(store, tmp_path):
    path = tmp_path / "by_id.json"
    path.write_text(json.dumps({str(n): {"headline": f"Ether {n}", "date": "2025-03-01T12:00:00Z"} for n in range(3)}))
    assert import_archive(store, path).added == 3


def test_a_bare_page_of_cryptopanic_is_its_own(store, tmp_path):
    post = {"title": "It rises", "published_at": "2025-03-01T12:00:00Z", "currencies": [{"code": "BTC"}]}
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"results": [post | {"id": 1, "votes": {"positive": 1}}]}))
    assert import_archive(store, path).format == "cryptopanic in JSON lines"
    # With tickers alone it is our own format, in which what was known only afterwards is refused.
    path.write_text(json.dumps({"results": [post | {"currencies": ["BTC"], "votes": {"positive": 1}}]}))
    with pytest.raises(NewsDataError, match="has the field 'votes'"):
        import_archive(store, path)


def test_a_table_with_objects_in_its_cells_is_read(store, tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text(
        "title,published_at,currencies\nIt rises,2025-03-01T12:00:00Z,\"[{'code': 'ETH', 'title': 'x'}]\"\n"
    )
    import_archive(store, path, latency_s=0.0)
    assert stored(store) == [(NOON_S, ("ETH",), "It rises")]


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_objects_within_objects_end_no_import(store, tmp_path, depth):
    path = tmp_path / "deep.jsonl"
    deep = '{"a":' * depth + "1" + "}" * depth
    path.write_text(
        f'{{"title": "t", "published_at": "2025-03-01T12:00:00Z", "seen_ts": {deep}}}\n'
        '{"title": "Bitcoin up", "published_at": "2025-03-01T12:00:00Z"}\n'
    )
    report = import_archive(store, path, ignore_fields=["seen_ts"])
    assert report.added == (2 if depth == 900 else 1)
    if depth == 900:
        with pytest.raises(NewsDataError, match="the time 'seen_ts'"):
            import_archive(store, path)
