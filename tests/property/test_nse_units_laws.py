"""Laws of evidence: whatever a file of derivatives counts, it is read rightly or refused."""

from __future__ import annotations

import random
from dataclasses import dataclass

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.providers.nse.source import read_file
from tests.unit import derivative_texts as texts

LOTS = (15, 20, 25, 30, 35, 50, 65, 75, 120, 150, 250, 550, 700, 1250, 2025, 5000, 71_475)


@dataclass(frozen=True)
class Convention:
    """What the columns of a made file count."""

    volume_in_units: bool
    interest_in_contracts: bool
    premium_only: bool


CONVENTIONS = st.builds(Convention, st.booleans(), st.booleans(), st.booleans())


@dataclass(frozen=True)
class Truth:
    """A contract's day in contracts, units and rupees of notional value."""

    key: tuple[str, float | None, str | None]
    contracts: int
    interest: int
    turnover: float


def made(seed: int, count: int, as_printed: Convention) -> tuple[bytes, list[Truth]]:
    """Return a file of traded and untraded contracts, and what is true of each."""
    draw = random.Random(seed)
    rows, truths = [], []
    for index in range(count):
        lot = draw.choice(LOTS)
        spot = round(draw.uniform(60, 60_000), 2)
        is_option = draw.random() < 0.7
        strike = round(spot * draw.uniform(0.7, 1.3)) if is_option else 0
        price = round(draw.uniform(0.5, 0.2 * spot), 2) if is_option else spot
        low, high = round(price * draw.uniform(0.9, 1), 2), round(price * draw.uniform(1, 1.1), 2)
        contracts = draw.choice((0, 1, draw.randrange(1, 50), draw.randrange(50, 400_000)))
        interest = draw.choice((0, draw.randrange(1, 100), draw.randrange(100, 300_000)))
        units = contracts * lot
        value = price * units
        name = f"S{index}"
        kind = draw.choice(("CE", "PE")) if is_option else ""
        printed_value = value if as_printed.premium_only else value + strike * units
        row = texts.future(name, lot=lot) | {
            "FinInstrmTp": "STO" if is_option else "STF",
            "StrkPric": f"{strike}.00" if is_option else "", "OptnTp": kind,
            "OpnPric": f"{price:.2f}", "ClsPric": f"{price:.2f}",
            "HghPric": f"{high:.2f}", "LwPric": f"{low:.2f}",
            "OpnIntrst": str(interest * (1 if as_printed.interest_in_contracts else lot)),
            "ChngInOpnIntrst": "0", "TtlTrfVal": f"{printed_value:.2f}",
            "TtlTradgVol": str(units if as_printed.volume_in_units else contracts),
        }  # fmt: skip
        rows.append(
            row if contracts else row | dict.fromkeys(("OpnPric", "HghPric", "LwPric"), "0")
        )
        key = (name, float(strike) if is_option else None, kind or None)
        truths.append(Truth(key, contracts, interest * lot, value + strike * units))
    return texts.udiff_fo(*rows), truths


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), count=st.integers(60, 150), as_printed=CONVENTIONS)
def test_every_convention_is_read_as_it_was_meant(
    seed: int, count: int, as_printed: Convention
) -> None:
    data, truths = made(seed, count, as_printed)
    batch = read_file("x.csv", data)
    assert batch.rejects is not None
    assert batch.rejects["reason"].to_list() == []
    found = {
        (row["symbol"], row.get("strike"), row.get("option_type")): row
        for frame in batch.frames.values()
        for row in frame.iter_rows(named=True)
    }
    assert len(found) == len(truths)
    for truth in truths:
        row = found[truth.key]
        assert (row["contracts"], row["open_interest"]) == (truth.contracts, truth.interest)
        assert abs(row["turnover"] - truth.turnover) <= 0.011 + 1e-12 * truth.turnover


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**9), count=st.integers(1, 12), as_printed=CONVENTIONS, cut=st.booleans()
)
def test_a_small_file_is_read_rightly_or_refused_with_its_numbers(
    *, seed: int, count: int, as_printed: Convention, cut: bool
) -> None:
    data, truths = made(seed, count, as_printed)
    batch = read_file("x.csv", data.replace(b",NSE,STO,", b",NSE,STF,") if cut else data)
    assert batch.rejects is not None
    if not batch.frames:
        reasons = batch.rejects["reason"]
        assert cut or reasons.str.starts_with("unclear w").all()
        return
    true = {truth.key[0]: truth for truth in truths}
    for frame in batch.frames.values():
        for row in frame.iter_rows(named=True):
            truth = true[row["symbol"]]
            assert row["contracts"] == truth.contracts
            assert row["open_interest"] == truth.interest


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), share=st.floats(0.15, 0.85))
def test_a_mixture_of_conventions_is_refused(seed: int, share: float) -> None:
    """Two files glued together: nobody can say what the column counts."""
    count = 80
    one, _ = made(seed, count, Convention(False, False, False))  # noqa: FBT003 - three flags
    two, _ = made(seed, count, Convention(True, False, False))  # noqa: FBT003 - three flags
    cut = 1 + round(share * count)
    lines = [*one.splitlines()[:cut], *two.splitlines()[cut:]]
    batch = read_file("x.csv", b"\n".join(lines))
    traded = [line.split(b",")[24] != b"0" for line in lines[1:]]
    first, second = sum(traded[: cut - 1]), sum(traded[cut - 1 :])
    if min(first, second) > 0.2 * (first + second):
        assert batch.frames == {}
        assert batch.rejects is not None
        (reason,) = batch.rejects["reason"]
        assert reason.startswith("unclear whether TtlTradgVol counts contracts or units: of ")
        told = [int(word) for word in reason.replace(",", "").split() if word.isdigit()]
        assert told[0] == first + second
        assert told[1] <= first
        assert told[2] <= second


CELLS = st.one_of(
    st.sampled_from(["", "-", "0", "-1", "1e5", "1e999", "nan", "inf", "1,5", "GOLD", "\x1b[2J",
                     "11-MAR-2026", "02APR2026", "FUTSTKA26-SEP-2024", "..", '"', "1" * 30]),
    st.text(max_size=12),
)  # fmt: skip
FORMS = (texts.udiff_fo(*texts.UDIFF_FO), texts.mcx(), texts.report(), texts.GOLDM, texts.USD_INR)


@settings(max_examples=150, deadline=None)
@given(form=st.sampled_from(FORMS), row=st.integers(1, 6), cell=st.integers(0, 33), text=CELLS)
def test_whatever_one_cell_holds_no_row_gets_lost(
    form: bytes, row: int, cell: int, text: str
) -> None:
    lines = [line.split("\t" if form is texts.GOLDM else ",") for line in
             form.decode("utf-8-sig").splitlines()]  # fmt: skip
    chosen = lines[min(row, len(lines) - 1)]
    chosen[cell % len(chosen)] = text.replace("\n", " ").replace("\r", " ")
    joined = "\n".join(("\t" if form is texts.GOLDM else ",").join(line) for line in lines)
    batch = read_file("goldm_2024-07-19.csv", joined.encode(errors="replace"))
    assert batch.rejects is not None
    kept = sum(frame.height for frame in batch.frames.values())
    whole = batch.rejects["row"].is_null().any()
    repeats = sum(int(n.split(": ")[1]) for n in batch.notes if n.startswith("a file that repeats"))
    assert whole or kept + batch.rejects.height + repeats == len(lines) - 1
    for name, frame in batch.frames.items():
        assert frame.select(pl.col(pl.Float64).is_nan().any()).row(0) == (False,) * len(
            frame.select(pl.col(pl.Float64)).columns
        ), name
