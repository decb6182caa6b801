"""What foreign text may do to a terminal, a spreadsheet or a file name: nothing.

Standard library only: every error message passes through here. No policy about what text means.
"""

from __future__ import annotations

import re
import unicodedata

# CSI and OSC sequences in their 7-bit and 8-bit forms, then any other escape
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|\x1b."
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# format characters: zero-width, bidirectional overrides, tags; surrogates and private use besides
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co"})


def safe_text(text: str, *, limit: int = 200) -> str:
    r"""Return `text` fit for a terminal, a log line or a table cell.

    Escape sequences vanish, every other control, format or private character becomes a middle
    dot, the rest is in normal form C and cut to `limit` characters with an ellipsis.

    >>> safe_text("SBIN\x1b[31m red\x07")
    'SBIN red·'
    """
    rough = _ESCAPES.sub("", text[: limit * 8])
    clean = "".join(
        "\N{MIDDLE DOT}" if unicodedata.category(char) in _HIDDEN else char
        for char in unicodedata.normalize("NFC", rough)
    )
    return clean if len(clean) <= limit else clean[: max(0, limit - 1)] + "…"


def escape_csv_cell(text: str) -> str:
    """Return `text` so that a spreadsheet shows it instead of computing it.

    A text that begins like a formula gets an apostrophe in front. Numbers do not come here.

    >>> escape_csv_cell("=HYPERLINK(1)"), escape_csv_cell("-1"), escape_csv_cell("M&M")
    ("'=HYPERLINK(1)", "'-1", 'M&M')
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
