"""`ls`, `show`, `revoke`, `export`, `erase` and `watch`, on each database."""

from __future__ import annotations

import csv
import io
import json
import stat

import pytest

from clocks import MINUTE

SECRET = "a-secret-value"
SESSIONS = {
    "phone-id": {"user_id": 42, "device": "phone", "token": SECRET},
    "laptop-id": {"user_id": 42, "device": "laptop", "cart": [1, 2]},
    "other-id": {"user_id": 7, "device": "phone"},
    "visitor-id": {"cart": []},
}


@pytest.fixture
def store(store):
    store.set_many(SESSIONS)
    return store


@pytest.fixture
def handles(store):
    return {sid: store.handle(sid) for sid in SESSIONS}


# -- ls


def test_ls_lists_handles_and_columns_and_nothing_else(done, handles):
    printed = done("ls")

    lines = printed.splitlines()
    assert lines[0].split("\t") == ["handle", "user_id", "device", "ip", "created_at", "updated_at"]
    assert {line.split("\t")[0] for line in lines[1:]} == set(handles.values())
    assert SECRET not in printed
    assert not [sid for sid in SESSIONS if sid in printed]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["user_id=42"], {"phone-id", "laptop-id"}),
        (["user_id=42", "device=phone"], {"phone-id"}),
        (["--user", "42", "device=laptop"], {"laptop-id"}),
        (["user_id="], {"visitor-id"}),
        (["user_id=99"], set()),
        (["--all", "device=phone"], {"phone-id", "other-id"}),
    ],
)
def test_ls_finds_what_meets_all_conditions(as_json, handles, arguments, found):
    assert {each["handle"] for each in as_json("ls", *arguments)} == {handles[sid] for sid in found}


def test_ls_as_json_has_fields_and_times(as_json, handles):
    [session] = as_json("ls", "user_id=7")

    assert session["fields"] == {"user_id": 7, "device": "phone", "ip": None}
    assert session["created_at"] <= session["updated_at"] < session["expires_at"]


def test_ls_as_csv_has_a_line_of_names(done, handles):
    rows = list(csv.DictReader(io.StringIO(done("ls", "--csv", "user_id=7"))))

    assert [(row["handle"], row["user_id"], row["ip"]) for row in rows] == [(handles["other-id"], "7", "")]


def test_ls_says_that_there_are_more(run, store):
    result = run("ls", "--limit", "3")

    assert len(result.stdout.splitlines()) == 1 + 3
    assert "there are more than these 3" in result.stderr


def test_ls_of_all_goes_through_pages(as_json, store, monkeypatch):
    monkeypatch.setattr("schema_session_backend.cli.session_commands.PER_PAGE", 3)
    store.set_many({f"s{number}": {} for number in range(10)})

    listed = [each["handle"] for each in as_json("ls", "--all")]

    assert len(set(listed)) == len(listed) == 14


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("usr_id=42", "did you mean 'user_id'?"),
        ("token=x", "has no declared column 'token'"),
        ("user_id=forty", "is INTEGER, and 'forty' is no value of it"),
        ("user_id", "write column=value"),
        ("user_id=99999999999999999999", "user_id"),
    ],
)
def test_a_condition_that_cannot_be_is_an_error_that_helps(run, store, condition, problem):
    result = run("ls", condition)

    assert result.exit_code in {1, 2}
    assert problem in result.stderr
    assert "Traceback" not in result.output


def test_user_needs_a_column_of_users(run, store):
    result = run("ls", "--user", "42", options=("--schemas", "device String(50)"))

    assert "user_field" in result.stderr


def test_ls_lets_no_visitor_command_the_terminal(done, store):
    store.set("evil", {"user_id": 13, "device": "\x1b]0;owned\x07\n\u202etxt"})

    printed = done("ls", "user_id=13")

    assert "\\x1b]0;owned\\x07\\n\\u202etxt" in printed
    assert "\x1b" not in printed


def test_handles_that_are_ids_are_never_printed(make_store, as_json, done, table_name):
    make_store(hash_sid=False, table_name=f"{table_name}_ids").set(
        "secret-id", {"user_id": 1, "device": "phone"}
    )
    schemas = "user_id Integer index; device String(50); ip String(45)"
    options = ("--table-name", f"{table_name}_ids", "--schemas", schemas, "--no-hash-sid")

    [session] = as_json("ls", options=options)
    shown = done("show", session["handle"][:10], options=options)
    ended = done("revoke", "--yes", session["handle"][:10], options=options)

    assert "secret-id" not in f"{session}{shown}{ended}"
    assert ended == "1 session ended\n"


# -- show


def test_show_tells_keys_types_and_sizes_without_values(done, handles):
    printed = done("show", handles["phone-id"])

    lines = [line.split("\t") for line in printed.splitlines() if "\t" in line]
    assert lines == [
        ["key", "place", "type", "bytes"],
        ["token", "additional", "str", str(len(SECRET) + 2)],
        ["user_id", "column", "int", "2"],
        ["device", "column", "str", "7"],
    ]
    assert SECRET not in printed


def test_show_prints_values_if_it_is_asked_to(done, as_json, handles):
    assert SECRET in done("show", handles["phone-id"][:8], "--values")
    keys = {each["key"]: each for each in as_json("show", handles["laptop-id"], "--values")["keys"]}
    assert keys["cart"]["value"] == [1, 2]


@pytest.mark.parametrize("name", ["0" * 64, "000000"])
def test_a_handle_that_is_not_there_is_an_error(run, store, name):
    result = run("show", name)

    assert result.exit_code == 1
    assert "no live session begins with" in result.stderr


@pytest.mark.parametrize("name", ["abc", "phone-id"])
def test_a_text_that_is_no_handle_is_an_error_that_does_not_repeat_it(run, store, name):
    result = run("show", name)

    assert result.exit_code == 1
    assert "hexadecimal digits" in result.stderr
    assert name not in result.stderr


def test_a_beginning_that_several_sessions_share_is_an_error(run, store):
    result = run("revoke", "--yes", _shared_beginning(store))

    assert result.exit_code == 1
    assert "several sessions begin with" in result.stderr


def _shared_beginning(store) -> str:
    """Six digits with which the handles of two sessions begin."""
    beginnings: dict[str, str] = {}
    for number in range(100_000):
        sid = f"many-{number}"
        beginning = store.handle(sid)[:6]
        if beginning in beginnings:
            store.set_many({sid: {}, beginnings[beginning]: {}})
            return beginning
        beginnings[beginning] = sid
    raise AssertionError


# -- revoke


def test_revoke_ends_the_sessions_that_are_named(done, store, handles):
    assert done("revoke", "--yes", handles["phone-id"], handles["other-id"][:9]) == "2 sessions ended\n"

    assert store.get_many(SESSIONS).keys() == {"laptop-id", "visitor-id"}


def test_revoke_ends_the_sessions_of_a_user_except_one(done, store, handles):
    printed = done("revoke", "--user", "42", "--except", handles["laptop-id"], "--yes")

    assert printed == "1 session ended\n"
    assert store.get_many(SESSIONS).keys() == {"laptop-id", "other-id", "visitor-id"}


def test_revoke_of_a_user_without_sessions_ends_none(done, store):
    assert done("revoke", "--user", "99") == "0 sessions ended\n"


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["revoke", "--user", "42"], "2 sessions"),
        (["erase", "--user", "42"], "2 rows"),
        (["revoke", "HANDLE"], "1 session"),
        (["revoke", "--user", "42", "--except", "HANDLE"], "1 session"),
    ],
)
def test_without_a_terminal_nothing_is_asked_and_nothing_is_done(run, store, handles, arguments, count):
    result = run(*(handles["phone-id"] if each == "HANDLE" else each for each in arguments))

    assert result.exit_code == 2
    assert count in result.stderr
    assert "--yes" in result.stderr
    assert store.count() == len(SESSIONS)


@pytest.mark.parametrize("arguments", [[], ["--user", "42", "a" * 64], ["--except", "a" * 64, "b" * 64]])
def test_revoke_needs_to_know_what_to_end(run, store, arguments):
    assert run("revoke", "--yes", *arguments).exit_code == 2
    assert store.count() == len(SESSIONS)


def test_a_session_to_keep_that_is_not_there_ends_nothing(run, store):
    result = run("revoke", "--user", "42", "--except", "f" * 64, "--yes")

    assert result.exit_code == 1
    assert store.count() == len(SESSIONS)


# -- export and erase


def test_export_has_all_values_of_a_users_sessions(done, store, handles):
    document = json.loads(done("export", "--user", "42"))

    assert document["user"] == {"user_id": 42}
    data = {each["handle"]: each["data"] for each in document["sessions"]}
    assert data == {handles[sid]: SESSIONS[sid] for sid in ("phone-id", "laptop-id")}
    assert not [sid for sid in SESSIONS if sid in json.dumps(document)]


def test_export_writes_a_new_file_for_oneself_only(run, store, tmp_path):
    path = tmp_path / "user.json"

    assert run("export", "--user", "42", "--output", str(path)).exit_code == 0
    again = run("export", "--user", "42", "--output", str(path))

    assert len(json.loads(path.read_text())["sessions"]) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again.exit_code == 1
    assert "File exists" in again.stderr


def test_export_tells_of_rows_that_have_expired(run, moved_store, clock):
    store = moved_store(timestamps=True)
    store.set("gone", {"user_id": 5}, max_age=MINUTE)
    store.set("live", {"user_id": 5})
    with store.engine.begin() as connection:
        connection.execute(
            store.repo().update().where(store.repo().c.sid == store.handle("gone")).values(expire_at=1)
        )

    result = run("export", "--user", "5")

    assert len(json.loads(result.stdout)["sessions"]) == 1
    assert "1 more row has expired" in result.stderr


def test_erase_removes_every_row_of_a_user(done, store):
    store.rotate("phone-id", "phone-id-2")  # which leaves a trace under the old id

    assert done("erase", "--user", "42", "--yes") == "3 rows removed\n"

    assert store.count_rows(user_id=42) == 0
    assert store.count() == 2


# -- watch


def test_watch_prints_each_new_session_once(done, store, handles):
    printed = done("watch", "--times", "3", "--interval", "0.1", "--rows", "10")

    lines = [line.split("\t") for line in printed.splitlines()]
    assert lines[0] == ["began", "user_id", "device", "ip", "handle"]
    assert sorted(line[-1] for line in lines[1:]) == sorted(handles.values())
    assert SECRET not in printed


def test_watch_shows_what_meets_conditions(done, store, handles):
    printed = done("watch", "--times", "1", "device=phone", "--user", "42")

    assert [line.split("\t")[-1] for line in printed.splitlines()[1:]] == [handles["phone-id"]]
