"""The table of routes: who answers which call. The handlers fill it; `dispatch` reads it.

Each handler takes the sandbox and the call and returns the data of the envelope, or a whole reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alphastock_cli.sandbox.replies import CallError

if TYPE_CHECKING:
    from alphastock_cli.sandbox.call import Call
    from alphastock_cli.sandbox.exchange import Sandbox

Handler = Callable[..., Any]
_TABLE: list[tuple[str, re.Pattern[str], Handler, bool]] = []


def route(method: str, path: str, *, public: bool = False) -> Callable[[Handler], Handler]:
    """Return a decorator that answers a route; ``{name}`` in it becomes a keyword."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def keep(handler: Handler) -> Handler:
        _TABLE.append((method, pattern, handler, public))
        return handler

    return keep


def dispatch(sandbox: Sandbox, call: Call) -> Any:  # noqa: ANN401 - the data of any call
    """Answer a call.

    Raises
    ------
    CallError
        404 and 405 for no such route, 403 and 429 for session and limits, and what handlers raise.
    """
    methods = set()
    for method, pattern, handler, public in _TABLE:
        found = pattern.fullmatch(call.path)
        if found is None:
            continue
        methods.add(method)
        if method == call.method:
            if not public:
                sandbox.admit(call)
            return handler(sandbox, call, **found.groupdict())
    if methods:
        raise CallError(405, "GeneralException", "Method not allowed")
    raise CallError(404, "GeneralException", "Route not found")
