"""The one page a person sees: the login with its button."""

from __future__ import annotations

import html

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox login</title></head>
<body style="font-family: sans-serif; max-width: 32em; margin: 4em auto">
<h1>Sandbox login</h1>
<p>This is a local exchange on this machine. No account, no password, no money.</p>
<p>App <b>{key}</b> asks to trade as <b>{user}</b>.</p>
<form method="get" action="/connect/finish">{fields}<button>Log in</button></form>
</body></html>
"""


def login(query: dict[str, str], user: str) -> bytes:
    """Return the page with one button, which carries the query on."""
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in query.items()
    )
    key = html.escape(query.get("api_key", ""))
    return _PAGE.format(key=key, user=html.escape(user), fields=fields).encode()
