"""What foreign text may do to a terminal, a log or a spreadsheet: nothing.

Standard library only: every error message passes through here. No policy about what text means.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

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


_SHORTEST_SECRET = 6  # shorter ones would blot out ordinary words
_BLOTTED = "[hidden]"
_secrets: set[str] = set()
# what a secret looks like where its value was never told to us: Kite's header, addresses, JSON
_SECRET_FORMS = (
    re.compile(r"(?i)(\btoken\s+)[\w.~+-]{4,}:[\w.~+/=-]{4,}"),
    re.compile(
        r"(?i)(\b(?:access_token|request_token|refresh_token|public_token|enctoken|checksum"
        r"|api_secret|api_key|password)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;)}]{6,}"
    ),
)


def conceal(*secrets: str) -> None:
    """Remember values that `redacted` takes out of every text of this process."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            _secrets.update({secret, quote(secret, safe="")})


def redacted(text: str) -> str:
    """Return `text` without secrets: the values told to `conceal` first, then their usual forms.

    >>> redacted("DELETE /session/token?access_token=abcdef&x=1")
    'DELETE /session/token?access_token=[hidden]&x=1'
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _BLOTTED)
    for form in _SECRET_FORMS:
        text = form.sub(rf"\g<1>{_BLOTTED}", text)
    return text
