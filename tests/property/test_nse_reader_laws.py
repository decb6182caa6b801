"""Laws of the readers: whatever the bytes, a batch comes back, and no row gets lost on the way."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.frames import DATASETS, REJECTS
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse.source import read_file
from tests.unit import nse_texts as texts

FORMS = [texts.SEC, texts.OLD, texts.udiff(), texts.PD, texts.IND, texts.BSE, texts.BSE_DATED,
         texts.FO]  # fmt: skip
COLUMNS = [name.strip() for name in texts.SEC_HEADER.split(",")]
OF_CONTRACTS = texts.FO_HEADER.split(",")

cells = st.one_of(
    st.sampled_from(
        ["", "-", "0", "-1", "1e5", "1e999", "nan", "inf", "1,5", "M&M", "31-Feb-2026", "=1+1",
         "13-AUG-2026", "\x1b[2J", "..", "99999999999999999999", "\u202eALPHA", '"', "EQ"]
    ),
    st.text(max_size=8).filter(lambda text: not set(text) & set("\n\r,")),
    st.floats().map(str),
)  # fmt: skip
lines = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), cells, max_size=4), min_size=1, max_size=6
)
words = st.one_of(
    cells,
    st.sampled_from(["XX", "CE", "PE", "FUTIDX", "FUTSTK", "OPTSTK", "25-Mar-2021", "18-MAR-2021",
                     "14-MAR-2021", "1.5", "75"]),
)  # fmt: skip
contracts = st.lists(
    st.dictionaries(st.sampled_from(OF_CONTRACTS), words, max_size=4), min_size=1, max_size=6
)


def sound(batch: EodBatch) -> EodBatch:
    """Check what holds for every batch."""
    assert batch.rejects is not None
    assert batch.rejects.schema == REJECTS
    assert batch.rejects["reason"].null_count() == 0
    assert batch.frames or batch.rejects.height
    for dataset, frame in batch.frames.items():
        assert frame.schema == DATASETS[dataset]
        assert frame.height
        floats = [name for name, kind in frame.schema.items() if kind == pl.Float64]
        assert all(frame[name].drop_nulls().is_finite().all() for name in floats)
        traded = (
            frame if "contracts" not in frame.columns else frame.filter(pl.col("contracts") > 0)
        )
        assert traded["close"].null_count() == 0
        assert frame["symbol"].str.contains(r"^[\x20-\x7e]+$").all()
    shown = str(batch.rejects.to_dicts())
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    return batch


@settings(max_examples=150, deadline=None)
@given(lines)
def test_every_line_is_a_row_a_reject_or_a_repeat(changes: list[dict[str, str]]) -> None:
    data = texts.sec_file(*(texts.sec_row(**change) for change in changes))
    assert told(sound(read_file("x.csv", data))) == len(changes)


@settings(max_examples=150, deadline=None)
@given(contracts)
def test_every_line_of_contracts_too(changes: list[dict[str, str]]) -> None:
    data = texts.fo_file(*(texts.fo_row(**change) for change in changes))
    batch = sound(read_file("x.csv", data))
    assert told(batch) == len(changes)
    for frame in batch.frames.values():
        assert (frame["expiry"] >= frame["date"]).all()
        untraded = frame.filter(contracts=0)
        assert untraded.select("open", "high", "low").null_count().row(0) == (untraded.height,) * 3


def told(batch: EodBatch) -> int:
    """Return of how many lines a batch speaks."""
    assert batch.rejects is not None
    rows = sum(frame.height for frame in batch.frames.values())
    repeats = sum(int(note.split(": ")[1]) for note in batch.notes if "repeats" in note)
    # rows of a day the exchange was closed are told together, with their number
    closed = batch.rejects.filter(pl.col("reason").str.starts_with("not a trading day"))
    counts = closed["reason"].str.extract(r"(\d+) rows$").cast(pl.Int64).sum()
    others = batch.rejects.height - closed.height
    return int(rows + repeats + counts + others)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.data())
def test_damaged_files_give_a_batch(text: str, data: st.DataObject) -> None:
    damaged = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    sound(read_file("pd_2026-08-13.csv", bytes(damaged)))
    sound(read_file("x.csv", bytes(damaged[:cut])))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch(data: bytes) -> None:
    assert sound(read_file("x.csv", data)).frames == {}
    assert sound(read_file("x.csv", b"PAR1" + data + b"PAR1")).frames == {}
