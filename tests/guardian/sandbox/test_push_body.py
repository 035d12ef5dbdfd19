"""Which bodies are refused, and with what: contract, section 6, status codes."""

import gzip
import json

import pytest

from freqai_ext.guardian.sandbox.push_body import check_shape, decode_body

JSON = {"content-type": "application/json"}


def status_of(body, headers=JSON):
    content, refused = decode_body(headers, body)
    refused = refused or check_shape(content)
    return 200 if refused is None else refused.status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 200),
        (b"\xef\xbb\xbf{}", 200),
        (b'{"a": NaN, "b": 1e400}', 200),
        (b"[]", 400),
        (b'[["predictions", {}]]', 400),
        (b"[{}]", 400),
        (b'""', 400),
        (b"null", 422),
        (b"", 422),
        (b'"text"', 422),
        (b"7", 422),
        (b"true", 422),
        (b"{", 422),
        (gzip.compress(b"{}", mtime=0), 400),
        (b'{"a": "\xff"}', 400),
        (b"[" * 200_000, 400),
    ],
)
def test_only_an_object_is_accepted(body, status):
    assert status_of(body) == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 200),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.freqai+json", 200),
        ("text/plain", 422),
        ("text/json", 422),
        ("application/x-www-form-urlencoded", 422),
    ],
)
def test_the_content_type_decides_whether_it_is_read(content_type, status):
    assert status_of(b"{}", {} if content_type is None else {"content-type": content_type}) == status


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "payload must be an object"),
        (b"null", [{"loc": ["body"], "msg": "field required", "type": "value_error.missing"}]),
        (b"7", [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}]),
    ],
)
def test_a_refusal_says_why_as_the_original_does(body, detail):
    content, _ = decode_body(JSON, body)
    assert json.loads(check_shape(content).body) == {"detail": detail}


def test_malformed_json_names_the_position():
    _, refused = decode_body(JSON, b'{"a": ')
    (fault,) = json.loads(refused.body)["detail"]
    assert (fault["type"], fault["loc"]) == ("json_invalid", ["body", 6])
