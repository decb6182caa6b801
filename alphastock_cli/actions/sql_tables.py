"""The views `sql` offers: the lake's datasets, opened only when a query names them."""

from __future__ import annotations
