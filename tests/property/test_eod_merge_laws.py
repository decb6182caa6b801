"""Laws of joining sources: the order of loading never matters, nothing known gets lost."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.actions.eod_merge import RANK, fold
from alphastock_cli.domain.frames import EQUITIES_DAY, conform
from alphastock_cli.store.layout import KEYS
from alphastock_cli.store.merge import merge

KEY = KEYS["equities_day"]
_PRICES = ("previous_close", "open", "high", "low", "close", "volume", "turnover")
# what each form prints at all, besides the keys
PRINTS = {
    "nse_sec_bhavdata_full": (*_PRICES, "last", "average_price", "trades", "delivery_quantity"),
    "nse_udiff_cm": (*_PRICES, "last", "trades", "name", "isin"),
    "nse_bhavcopy_old": (*_PRICES, "last", "trades", "isin"),
    "nse_pd_report": (*_PRICES, "trades"),
}
LAKHS = {"nse_sec_bhavdata_full"}

truths = st.lists(
    st.fixed_dictionaries(
        {
            "date": st.sampled_from([date(2026, 8, 12), date(2026, 8, 13)]),
            "symbol": st.sampled_from(["ALPHA", "BETA", "M&M"]),
            "series": st.sampled_from(["EQ", ""]),
            "close": st.integers(1, 10**6).map(lambda paise: paise / 100),
            "volume": st.integers(0, 10**9),
            "turnover": st.integers(0, 10**13).map(lambda paise: paise / 100),
        }
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: (row["date"], row["symbol"], row["series"]),
)


def printed(truth: list[dict], form: str) -> pl.DataFrame:
    """Return what a form prints of the truth: its columns, its precision."""
    rows = []
    for row in truth:
        full = {
            **row, **dict.fromkeys(_PRICES[:4], row["close"]), "last": row["close"],
            "average_price": row["close"], "trades": 1, "delivery_quantity": row["volume"],
            "name": f"{row['symbol']} LIMITED", "isin": "INE000A01011",
        }  # fmt: skip
        if form in LAKHS:
            full["turnover"] = round(row["turnover"] / 100_000, 2) * 100_000
        kept = {name: full[name] for name in (*PRINTS[form], "date", "symbol", "series")}
        rows.append({**kept, "exchange": "NSE", "source": form})
    return conform(pl.DataFrame(rows), EQUITIES_DAY, what=form)


def load(stored: pl.DataFrame, *frames: pl.DataFrame) -> pl.DataFrame:
    folded = fold(frames, stored, dataset="equities_day")
    return merge(stored, folded.frame, KEY).frame.sort(KEY)


EMPTY = pl.DataFrame(schema=EQUITIES_DAY)


@settings(max_examples=40, deadline=None)
@given(truths, st.permutations(sorted(PRINTS)), st.integers(1, 4))
def test_any_order_of_loads_equals_all_at_once(
    truth: list[dict], forms: list[str], count: int
) -> None:
    frames = [printed(truth, form) for form in forms[:count]]
    together = fold(frames, EMPTY, dataset="equities_day")
    assert together.differences == 0, "prints of one truth agree to the coarser one's precision"
    one_by_one = EMPTY
    for frame in frames:
        one_by_one = load(one_by_one, frame)
    assert one_by_one.equals(together.frame.sort(KEY))
    best = min(forms[:count], key=RANK.index)
    assert one_by_one["source"].unique().to_list() == [best]


@settings(max_examples=40, deadline=None)
@given(truths, truths, st.permutations(sorted(PRINTS)))
def test_two_sources_commute_even_where_they_contradict(
    first: list[dict], second: list[dict], forms: list[str]
) -> None:
    a, b = printed(first, forms[0]), printed(second, forms[1])
    both = load(EMPTY, a, b)
    assert load(load(EMPTY, a), b).equals(both)
    assert load(load(EMPTY, b), a).equals(both)


@settings(max_examples=40, deadline=None)
@given(truths, truths, st.permutations(sorted(PRINTS)))
def test_loading_again_changes_nothing(
    first: list[dict], second: list[dict], forms: list[str]
) -> None:
    frames = [printed(first, forms[0]), printed(second, forms[1])]
    once = load(EMPTY, *frames)
    folded = fold(frames, once, dataset="equities_day")
    again = merge(once, folded.frame, KEY)
    assert (again.added, again.changed) == (0, 0)
    assert again.frame.sort(KEY).equals(once)


@settings(max_examples=40, deadline=None)
@given(truths, truths)
def test_rows_of_other_keys_are_left_alone(first: list[dict], second: list[dict]) -> None:
    held = load(EMPTY, printed(first, "nse_udiff_cm"))
    new = printed(second, "nse_pd_report")
    folded = fold([new], held, dataset="equities_day")
    assert folded.frame.select(KEY).sort(KEY).equals(new.select(KEY).sort(KEY))
