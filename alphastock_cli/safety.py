"""What foreign text may do to a terminal, a log or a spreadsheet: nothing.

Standard library only: every error message passes through here. No policy about what text means.
"""

from __future__ import annotations

import re
import unicodedata

_MARK = "\N{MIDDLE DOT}"
# CSI and the string sequences (OSC, DCS, SOS, PM, APC) in their 7-bit and 8-bit forms, then any
# other escape; of a string sequence that does not end only the beginning, or it would eat the rest
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# the wide forms are formulas too in some editions of a spreadsheet program
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # fmt: skip
# control, format (zero-width, bidirectional, tags), surrogate, private; line and paragraph ends
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# letters and marks that look like nothing: fillers, joiner, blank Braille, variation selectors
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
)


def safe_text(text: str, *, limit: int = 200) -> str:
    r"""Return `text` fit for a terminal, a log line or a table cell: one line, inert, bounded.

    An escape sequence, and every control, format, private or invisible character, becomes a
    middle dot, so that one sees that something was there; the rest is in normal form C and cut to
    `limit` characters with an ellipsis.

    >>> safe_text("SBIN\x1b[31m red\x07")
    'SBIN· red·'
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    rough = _ESCAPES.sub(_MARK, text[: limit * 8])
    clean = "".join(
        _MARK if char in _BLANK or unicodedata.category(char) in _HIDDEN else char
        for char in unicodedata.normalize("NFC", rough)
    )
    if len(clean) <= limit and len(text) <= limit * 8:
        return clean
    return clean[: max(0, limit - 1)] + "…"


def escape_csv_cell(text: str) -> str:
    """Return `text` so that a spreadsheet shows it instead of computing it.

    A text that begins like a formula gets an apostrophe in front. Numbers do not come here.

    >>> escape_csv_cell("=HYPERLINK(1)"), escape_csv_cell("-1"), escape_csv_cell("M&M")
    ("'=HYPERLINK(1)", "'-1", 'M&M')
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
