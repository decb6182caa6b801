"""How often an app may call: windows that slide, each class by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.sandbox.limits import Limiter, Rates, class_of
from alphastock_cli.sandbox.replies import CallError


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/quote", "quote"),
        ("GET", "/quote/ltp", "quote"),
        ("GET", "/instruments/historical/1/day", "historical"),
        ("GET", "/instruments/NSE", "other"),
        ("POST", "/orders/regular", "orders"),
        ("DELETE", "/orders/regular/1", "orders"),
        ("GET", "/orders", "other"),
        ("GET", "/quotes", "other"),
        ("POST", "/margins/orders", "other"),
    ],
)
def test_classes(method: str, path: str, name: str) -> None:
    assert class_of(method, path) == name


def admitted(limiter: Limiter, path: str, at: float, method: str = "GET") -> bool:
    try:
        limiter.admit("app", method, path, at)
    except CallError as error:
        return (error.status, error.kind) != (429, "NetworkException")
    return True


@given(st.lists(st.floats(0, 20), min_size=1, max_size=80).map(sorted))
def test_no_window_of_a_second_is_ever_above_the_limit(times: list[float]) -> None:
    limiter = Limiter()
    let = [at for at in times if admitted(limiter, "/instruments/historical/1/day", at)]
    for at in let:
        assert sum(at - 1 < other <= at for other in let) <= 3
    for at in set(times) - set(let):  # and none was refused without need
        assert sum(at - 1 < other <= at for other in let) >= 3


def test_orders_have_a_minute_and_a_day_as_well() -> None:
    limiter = Limiter(Rates(orders=1000, orders_minute=40, orders_day=60))
    assert sum(admitted(limiter, "/orders/regular", i / 10, "POST") for i in range(50)) == 40
    assert sum(admitted(limiter, "/orders/regular", 100 + i / 10, "POST") for i in range(50)) == 20
    assert limiter.refused["orders_minute"] == 10
    assert limiter.refused["orders_day"] == 30
    assert admitted(limiter, "/orders/regular/1", 200, "DELETE")  # they count new orders


def test_classes_and_apps_do_not_share() -> None:
    limiter = Limiter()
    assert admitted(limiter, "/quote", 0.0)
    assert not admitted(limiter, "/quote/ltp", 0.5)
    assert admitted(limiter, "/user/profile", 0.5)
    limiter.admit("another app", "GET", "/quote", 0.5)
    assert admitted(limiter, "/quote", 1.0)


def test_switched_off_it_counts_all_the_same() -> None:
    limiter = Limiter(Rates(on=False))
    assert all(admitted(limiter, "/quote", 0.0) for _ in range(5))
    assert (limiter.counts["quote"], limiter.refused["quote"]) == (5, 4)
