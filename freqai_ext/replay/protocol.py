"""The outer form of Bybit's v5 REST answers, and numbers as text."""

from collections.abc import Mapping

import orjson

BAD_REQUEST = 10001
EXPIRED = 10002


class ApiError(Exception):
    """A request that Bybit would refuse; becomes an answer with this return code, never leaves the server."""

    def __init__(self, ret_code: int, message: str) -> None:
        super().__init__(message)
        self.ret_code = ret_code
        self.message = message


def answer(result: object, now_ms: int) -> bytes:
    """Return a successful answer; ``result`` may contain :class:`orjson.Fragment`."""
    return orjson.dumps({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms})


def refusal(fault: ApiError, now_ms: int) -> bytes:
    """Return the answer to a request that is refused."""
    return orjson.dumps(
        {"retCode": fault.ret_code, "retMsg": fault.message, "result": {}, "retExtInfo": {}, "time": now_ms}
    )


def integer(params: Mapping[str, str], name: str) -> int | None:
    """Return a parameter as a whole number, or ``None`` where it is not given."""
    text = params.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise ApiError(BAD_REQUEST, f"params error: {name} {text!r} is not a whole number") from None


def limit_of(params: Mapping[str, str], default: int, most: int) -> int:
    """Return the parameter ``limit``, at least 1 and at most ``most``."""
    limit = integer(params, "limit")
    return default if limit is None else max(1, min(limit, most))


def decimal(value: float) -> str:
    """Return the shortest decimal that reads back as ``value``, without an exponent."""
    text = repr(float(value))
    if "e" in text:
        return f"{float(value):.20f}".rstrip("0").rstrip(".")
    return text.removesuffix(".0")
