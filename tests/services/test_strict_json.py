import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext._services.strict_json import (
    count_or_none,
    decode,
    expect_list,
    expect_object,
    list_or_empty,
    number_or_none,
    object_or_empty,
    text_or_none,
)
from freqai_ext.errors import GuardianAnswerError, NewsAnswerError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=50)
def test_json_is_read_as_it_was_written(value):
    assert decode(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_any_bytes_are_a_value_or_a_typed_error(content):
    with suppress(NewsAnswerError):
        decode(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the answer is not JSON"),
        (b"<html>", "the answer is not JSON"),
        (b'{"n": NaN}', "the answer is not JSON"),
        (b"[-Infinity]", "the answer is not JSON"),
        (b'"\xff"', "the answer is not JSON"),
        (b'"\\ud800"', "the answer is not JSON"),
        (b"[" * 5000 + b"]" * 5000, "the answer is not JSON"),
        (b"[" * 100 + b"]" * 100, "the answer nests deeper than 32 levels"),
    ],
)
def test_what_cannot_be_trusted_is_an_error_that_says_where(content, message):
    with pytest.raises(NewsAnswerError, match=f"^GET http://h/x: {message}.*; see whether the address is that"):
        decode(content, "GET http://h/x: the answer")


def test_a_wrong_outer_shape_is_told_by_its_type_and_never_by_its_contents():
    with pytest.raises(NewsAnswerError, match=r"^the answer is a list, not an object; ") as caught:
        expect_object(["s3cret"])
    assert "s3cret" not in str(caught.value)
    with pytest.raises(NewsAnswerError, match=r"^'facts' is null or missing, not a list; "):
        expect_list(None, "'facts'")
    with pytest.raises(GuardianAnswerError):
        expect_list(True, error=GuardianAnswerError)
    with pytest.raises(GuardianAnswerError):
        decode(b"", error=GuardianAnswerError)
    assert expect_object({"a": 1}) == {"a": 1}
    assert expect_list([1]) == [1]


@pytest.mark.parametrize("value", [True, "1", None, [], {}, 10**400, float("nan"), float("inf")])
def test_what_is_no_finite_number_is_none(value):
    assert number_or_none(value) is None


def test_odd_values_become_none_or_empty():
    assert number_or_none(3) == 3.0
    assert [count_or_none(value) for value in (3, 0, -1, True, 2.0, "3")] == [3, 0, None, None, None, None]
    assert [text_or_none(value) for value in ("a", "", 1, None)] == ["a", None, None, None]
    assert (object_or_empty([]), list_or_empty({})) == ({}, [])
