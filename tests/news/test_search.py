import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.assets import common_name
from freqai_ext.news.search import MAX_URL_CHARACTERS, NewsItem, query_for, unique_items, web_address


@pytest.mark.parametrize(
    ("asset", "name", "query"),
    [
        ("BTC", common_name("BTC", {}), "Bitcoin BTC cryptocurrency news"),
        ("AAVE", common_name("AAVE", {}), "AAVE cryptocurrency news"),
        ("1000PEPE", None, "1000PEPE cryptocurrency news"),
        ("X", "Two\nlines\u202e", "Two lines X cryptocurrency news"),
    ],
)
def test_a_query_names_ticker_and_name_once_each(asset, name, query):
    assert query_for(asset, name) == query


@pytest.mark.parametrize("url", ["https://example.com/a?b=c#d", "http://127.0.0.1:8080/", "https://münchen.example/ä"])
def test_an_address_of_the_web_stays_as_it_is(url):
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user:pw@example.com/",
        "//example.com",
        "https://",
        "https://[",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com/" + "x" * MAX_URL_CHARACTERS,
        "",
        None,
        5,
    ],
)
def test_anything_else_is_no_address(url):
    assert web_address(url) == ""


def test_news_with_the_same_address_or_title_are_one_and_keep_what_either_knows():
    items = unique_items(
        [
            NewsItem("Inflows rise", "https://www.example.com/a/", ""),
            NewsItem("Other", "https://example.com/b", "x", 5.0),
            NewsItem("Different title", "http://example.com/a#top", "text", 7.0),
            NewsItem("INFLOWS RISE", "https://mirror.example/a", "copy", 9.0),
            NewsItem("", "", "without a name"),
            NewsItem("", "", "another without a name"),
        ]
    )
    assert items == (
        NewsItem("Inflows rise", "https://www.example.com/a/", "text", 7.0),
        NewsItem("Other", "https://example.com/b", "x", 5.0),
        NewsItem("", "", "without a name"),
        NewsItem("", "", "another without a name"),
    )


items_strategy = st.lists(
    st.builds(
        NewsItem,
        st.sampled_from(["", "a", "A", "b", "c"]),
        st.sampled_from(["", "http://h/1", "https://h/1/", "http://h/2"]),
        st.sampled_from(["", "x"]),
        st.sampled_from([None, 1.0, 2.0]),
    ),
    max_size=8,
)


@given(items_strategy)
@settings(max_examples=60)
def test_no_name_stays_twice_and_none_is_lost(items):
    kept = unique_items(items)
    titles = [item.title.casefold() for item in kept if item.title]
    assert len(titles) == len(set(titles))
    assert {item.title.casefold() for item in kept} <= {item.title.casefold() for item in items}
    assert bool(kept) == bool(items)
    assert unique_items(kept) == kept
