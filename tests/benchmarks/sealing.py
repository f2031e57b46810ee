"""What it takes to seal and to open the text of a session, without a database."""

from __future__ import annotations

import os
import statistics
from time import perf_counter_ns

from schema_session_backend._session.ids import hashed
from schema_session_backend._session.sealing import Sealing
from schema_session_backend._session.serializer import JsonSerializer

from .sessions import DECLARED, session, sid

ROWS = 2_000
AT_ONCE = 20


def times(samples: int) -> dict[str, dict[str, float]]:
    """Medians in microseconds; each sample is of rows that the one before was not of."""
    sealing, dumps = Sealing([os.urandom(32)], unsealed="refuse", table="sessions"), JsonSerializer().dumps
    rows = []
    for number in range(ROWS):
        rest = {key: value for key, value in session(number).items() if key not in DECLARED}
        # Of 600 bytes, as the figures of others are.
        text = dumps(rest)
        rows.append((hashed(sid(number)), dumps(rest | {"more": "x" * (590 - len(text))})))
    sealed = [(handle, sealing.seal(text, handle)) for handle, text in rows]
    taken: dict[str, list[float]] = {"seal": [], "open": []}
    for sample in range(samples):
        first = sample * AT_ONCE % ROWS
        for name, work, texts in (("seal", sealing.seal, rows), ("open", sealing.open, sealed)):
            chosen = texts[first : first + AT_ONCE]
            start = perf_counter_ns()
            for handle, text in chosen:
                work(text, handle)
            taken[name].append((perf_counter_ns() - start) / AT_ONCE / 1000)
    size = f"{len(rows[0][1])} bytes, µs"
    return {name: {size: statistics.median(one)} for name, one in taken.items()}
