"""A transaction of the store that meets a deadlock is tried again as a whole."""

from __future__ import annotations

import pytest

BUSY_TWICE = {
    "postgresql": """
        CREATE SEQUENCE {name}_s;
        CREATE FUNCTION {name}_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('{name}_s') < 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {name}_t BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {name}_f();
        ;;
        DROP TRIGGER {name}_t ON {name};
        DROP FUNCTION {name}_f;
        DROP SEQUENCE {name}_s""",
    "mariadb": """
        CREATE SEQUENCE {name}_s
        ;;
        CREATE TRIGGER {name}_t BEFORE UPDATE ON {name} FOR EACH ROW BEGIN
            IF NEXTVAL({name}_s) < 3 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF;
        END
        ;;
        DROP TRIGGER {name}_t
        ;;
        DROP SEQUENCE {name}_s""",
}


@pytest.mark.parametrize("url", list(BUSY_TWICE), indirect=True)
def test_a_transaction_of_the_store_that_meets_a_deadlock_is_tried_again_as_a_whole(
    store, engine, table_name, request
):
    store.set("a", {"user_id": 1, "visits": 1})
    *set_up, clean_up = BUSY_TWICE[request.node.callspec.params["url"]].format(name=table_name).split(";;")
    if request.node.callspec.params["url"] == "mariadb":
        clean_up = f"{set_up.pop()};;{clean_up}"
    tries = []

    def more(data):
        tries.append(data)
        return data | {"visits": data["visits"] + 1}

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in set_up:
            connection.exec_driver_sql(statement)
        try:
            assert store.update("a", more) == {"user_id": 1, "visits": 2}
        finally:
            for statement in clean_up.split(";;"):
                connection.exec_driver_sql(statement)
    assert len(tries) == 3
    assert store.get("a") == {"user_id": 1, "visits": 2}
