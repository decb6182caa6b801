"""Replies made wrong on purpose: instead of the call, or after it was done.

Orders, candles and ticks are spoilt where they are made; here only the reply as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from alphastock_cli.sandbox.fault_names import BROKEN, REFUSED
from alphastock_cli.sandbox.faults import Fault, Faults
from alphastock_cli.sandbox.replies import CallError, Reply, failure

ELSEWHERE = "/sandbox/elsewhere"
_HTML = "text/html; charset=utf-8"
_NUMBER = re.compile(rb"(?<=[:,\[])-?\d+(?:\.\d+)?(?=[,\]}])")
_DEEP, _DIGITS = 100_000, 5_000


def instead(faults: Faults, path: str) -> Reply | None:
    """Return the reply that a call gets instead of being done; None where it is done."""
    fault = faults.first(REFUSED, path)
    if fault is None:
        return None
    if fault.name in {"timeout", "close", "reset"}:
        manner = {"timeout": "hang", "close": "close", "reset": "reset"}[fault.name]
        return Reply(manner=manner, seconds=fault.lasts)  # type: ignore[arg-type]
    if fault.name == "redirect":
        return Reply(status=302, kind=_HTML, headers={"Location": ELSEWHERE})
    if fault.name in {"html-429", "502", "504"}:
        return _page(int(fault.name.rpartition("-")[2]))
    reply = failure(_ERRORS[fault.name])
    if fault.name == "429" and fault.seconds is not None:
        reply = reply.but(headers={"Retry-After": f"{fault.seconds:.0f}"})
    return reply


_ERRORS = {
    "429": CallError(429, "NetworkException", "Too many requests"),
    "500": CallError(500, "GeneralException", "Something unexpected went wrong"),
    "503": CallError(503, "NetworkException", "Couldn't connect to the OMS. Please try again."),
    "403": CallError(403, "TokenException", "Incorrect `api_key` or `access_token`."),
    "permission": CallError(403, "PermissionException", "Insufficient permission for that call."),
    "200-error": CallError(200, "NetworkException", "Too many requests"),
}


def broken(faults: Faults, path: str, reply: Reply) -> Reply:
    """Return the reply of a call that was done, wrong in every way that is in force."""
    for name in BROKEN:
        fault = faults.roll(name, path)
        if fault is not None:
            reply = _WAYS[name](reply, fault)
    return reply


def _page(status: int) -> Reply:
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Reply(status=status, kind=_HTML, body=body.encode())


def _value(reply: Reply, text: bytes) -> Reply:
    """Put a word in place of the first number of the body, which keeps what is before it."""
    body, count = _NUMBER.subn(text, reply.body, count=1)
    return reply.but(body=body if count else b'{"status":"success","data":{"value":' + text + b"}}")


def _objects(change: Callable[[dict[str, Any]], Any]) -> Callable[[Reply, Fault], Reply]:
    """Return a way that changes every object below `data`, where the body is JSON."""

    def walk(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return change({key: walk(item) for key, item in value.items()})
        return [walk(item) for item in value] if isinstance(value, list) else value

    def way(reply: Reply, _: Fault) -> Reply:
        try:
            body = json.loads(reply.body)
        except ValueError:
            return reply
        body["data"] = walk(body.get("data"))
        return reply.but(body=json.dumps(body).encode())

    return way


def _without_a_key(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in list(item)[1:]} if len(item) > 1 else item


def _wrong_types(item: dict[str, Any]) -> dict[str, Any]:
    def turned(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, bool) or value is None:
            return []
        if isinstance(value, int | float):
            return f"about {value}"
        return 7 if isinstance(value, str) else value

    return {key: turned(value) for key, value in item.items()}


def _twice(reply: Reply, _: Fault) -> Reply:
    body = re.sub(rb'"(\w+)":("[^"]*"|-?[\d.]+)', rb'"\1":\2,"\1":null', reply.body)
    return reply.but(body=body)


def _no_data(reply: Reply, _: Fault) -> Reply:
    return reply.but(body=b'{"status":"success"}')


def _skewed(sign: int) -> Callable[[Reply, Fault], Reply]:
    def way(reply: Reply, fault: Fault) -> Reply:
        return reply.but(headers=reply.headers | {"x-date-offset": f"{sign * fault.lasts:.0f}"})

    return way


def _long_headers(reply: Reply, _: Fault) -> Reply:
    return reply.but(headers=reply.headers | {f"X-Long-{i}": "x" * 1000 for i in range(128)})


_WAYS: dict[str, Callable[[Reply, Fault], Reply]] = {
    "lost-reply": lambda r, _: r.but(manner="reset"),
    "late-reply": lambda r, f: r.but(delay=f.lasts),
    "slow": lambda r, f: r.but(manner="slow", seconds=f.lasts),
    "truncate": lambda r, _: r.but(manner="half"),
    "wrong-length": lambda r, _: r.but(headers=r.headers | {"x-more-length": "64"}, manner="half"),
    "bad-gzip": lambda r, _: r.but(headers=r.headers | {"Content-Encoding": "gzip"}),
    "huge": lambda r, _: r.but(manner="endless"),
    "huge-headers": _long_headers,
    "bad-json": lambda r, _: r.but(body=r.body[: len(r.body) // 2]),
    "not-dict": lambda r, _: r.but(body=b'["success", []]'),
    "null": lambda r, _: r.but(body=b"null"),
    "missing-data": _no_data,
    "missing-keys": _objects(_without_a_key),
    "wrong-types": _objects(_wrong_types),
    "duplicate-keys": _twice,
    "nan": lambda r, _: _value(r, b"NaN"),
    "infinity": lambda r, _: _value(r, b"Infinity"),
    "1e400": lambda r, _: _value(r, b"1e400"),
    "long-number": lambda r, _: _value(r, b"9" * _DIGITS),
    "deep": lambda r, _: r.but(body=b"[" * _DEEP + b"]" * _DEEP),
    "html": lambda r, _: _page(200),  # noqa: ARG005 - whatever the reply was
    "no-type": lambda r, _: r.but(kind=""),
    "clock-skew": _skewed(1),
    "clock-behind": _skewed(-1),
}
