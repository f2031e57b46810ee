"""A command that is killed in the middle leaves a table that is right, and goes on the next time."""

from __future__ import annotations

import os
import subprocess
import sys
import time

SCHEMAS = "user_id Integer index; device String(50) index"
ROWS = 5_000


def test_promote_that_is_killed_goes_on_and_loses_nothing(make_store, url, table_name):
    sids = [f"s{number}" for number in range(ROWS)]
    make_store(schemas="user_id Integer index").set_many(
        {sid: {"device": "phone", "own": sid} for sid in sids}
    )
    store = make_store(schemas=SCHEMAS)
    store.wait_for_sync()
    store.build_indexes()
    program = [
        sys.executable,
        "-c",
        "from schema_session_backend.cli import main; main()",
        "promote",
        "device",
    ]
    environ = {
        **os.environ,
        "SCHEMA_SESSION_URL": url,
        "SCHEMA_SESSION_SCHEMAS": SCHEMAS,
        "SCHEMA_SESSION_TABLE_NAME": table_name,
    }

    process = subprocess.Popen(program, env=environ)
    while not store.count(device="phone"):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()

    assert process.wait() == -9
    assert 0 < store.count(device="phone") < ROWS
    done = subprocess.run(program, env=environ, capture_output=True, text=True, check=True)
    assert " of 5,000 sessions moved" in done.stdout
    assert store.count(device="phone") == ROWS
    assert store.get_many(sids) == {sid: {"device": "phone", "own": sid} for sid in sids}
