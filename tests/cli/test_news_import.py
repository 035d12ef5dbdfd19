"""``freqai-ext news import``."""

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from freqai_ext.cli import _news_import
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.store import NewsStore

SAMPLES = Path(__file__).parents[1] / "news" / "archives" / "samples"


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command("import")(_news_import.import_)
    app.command("other")(lambda: None)

    def run(*arguments):
        words = ["import", *map(str, arguments), "--database", str(tmp_path / "news.sqlite")]
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    return run


def assets_in(tmp_path):
    store = NewsStore.recorded(tmp_path / "news.sqlite")
    try:
        return {article.title: article.assets for article in store.articles()}
    finally:
        store.close()


def test_the_summary_says_format_assumptions_and_what_was_left_out_of_each_file(run):
    result = run(SAMPLES / "kaggle.csv", SAMPLES / "cryptopanic_page.json", SAMPLES / "semicolons.csv")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert f"{SAMPLES / 'kaggle.csv'}: csv in CSV" in lines
    assert "1 known only from the latest moment that they can mean: a date without a time" in lines
    assert "1 known only from the latest moment that they can mean: a time without a zone" in lines
    assert "passed over, since known only after publication: sentiment (2)" in lines
    assert "2 without assets of the vendor's, found by their titles" in lines
    assert f"{SAMPLES / 'cryptopanic_page.json'}: cryptopanic in JSON" in lines
    assert "1 without any asset, which nothing judges" in lines
    assert any(line.startswith("1 left out: published_at has day and month that may be swapped") for line in lines)
    assert "2 articles stored, 0 known before, of 2 records, seen 2025-03-01 12:15 to 2025-03-01 13:10" in lines


def test_the_report_of_several_files_as_json_has_totals_and_each_file(run, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text("<html></html>")
    result = run(SAMPLES / "alpaca.json", bad, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["added"], report["duplicates"]) == (2, 0)
    assert report["files"][0]["format"] == "alpaca in JSON"
    assert "is a web page" in report["files"][1]["refused"]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"[]", b"no json\n", b'{"title": "t"}\n', b"title,date\n", b'{"results": []}']
)
def test_a_file_of_which_nothing_is_stored_ends_with_1(run, tmp_path, content):
    path = tmp_path / "archive.jsonl"
    path.write_bytes(content)
    result = run(path)
    assert result.exit_code == 1
    assert isinstance(result.exception, NewsDataError) or f"{path}: nothing of it is stored" in result.output


def test_what_is_known_already_ends_with_0(run):
    assert run(SAMPLES / "alpaca.json").exit_code == 0
    again = run(SAMPLES / "alpaca.json")
    assert again.exit_code == 0
    assert "0 articles stored, 2 known before" in again.output


def test_a_pipe_ends_at_once(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = run(tmp_path / "pipe")
    assert isinstance(result.exception, NewsDataError)
    assert "it is a pipe, and only regular files are read" in str(result.exception)


def test_columns_zone_order_and_limits_can_be_said(run, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("Betreff,Tag,Coin\nA,01/03/2025 12:00:00,ETH-USD\nB,02/03/2025 12:00:00,SOL\n")
    words = ["--column", "title=Betreff", "--column", "published_at=Tag"]
    said = [*words, "--timezone", "Europe/Berlin", "--date-order", "dmy", "--latency-s", "0"]
    with_limit = run(path, *said, "--limit", "max_articles=1")
    assert "holds more than 1 articles" in str(with_limit.exception)
    result = run(path, *said)
    assert "seen 2025-03-01 11:00 to 2025-03-02 11:00" in result.output
    assert "latest moment" not in result.output
    assert assets_in(tmp_path) == {"A": ("ETH",), "B": ("SOL",)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--timezone", "Mars/Olympus"), "--timezone: 'Mars/Olympus' is no time zone; write its name, such as UTC"),
        (("--timezone", "../../etc/passwd"), "--timezone: .* is no time zone"),
        (("--column", "title"), "--column: 'title' is no NAME=VALUE; write it like title=Headline"),
        (("--limit", "max_articels=1"), r"--limit\.max_articels: unknown setting; did you mean 'max_articles'\?"),
        (("--limit", "max_articles=many"), r"--limit\.max_articles: 'many' is not valid"),
        (("--format", "rrs"), "--format: 'rrs' is no format; known: alpaca, .*, rss, tiingo"),
    ],
)
def test_an_option_that_is_wrong_is_named_with_the_remedy(run, words, message):
    result = run(SAMPLES / "alpaca.json", *words)
    assert isinstance(result.exception, SettingsError)
    with pytest.raises(SettingsError, match=message):
        raise result.exception


def test_limits_and_names_come_from_the_configuration(run, tmp_path):
    config = tmp_path / "config.json"
    news = {"imports": {"max_articles": 1}, "names": {"FOO": "Foo Network"}}
    config.write_text(json.dumps({"freqai_ext": {"news": news}}))
    path = tmp_path / "archive.jsonl"
    path.write_text('{"title": "Foo Network opens", "published_at": "2025-03-01T12:00:00Z"}\n')
    assert run(path, "-c", config, "--userdir", tmp_path).exit_code == 0
    assert assets_in(tmp_path) == {"Foo Network opens": ("FOO",)}
    path.write_text(path.read_text() * 2)
    assert "holds more than 1 articles" in str(run(path, "-c", config, "--userdir", tmp_path).exception)
