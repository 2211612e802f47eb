"""The tables of a PostgreSQL store, made once: of several runs that start on an empty database MLflow lets one survive."""

from __future__ import annotations

from collections.abc import Callable

_LOCK = 0x6E6E726567  # "nnreg": a number that all who make tables here agree on


def make_tables(uri: str, make: Callable[[], object]) -> None:
    """Have tables made unless they are there, on whichever machine others want the same at this moment.

    Args:
        uri: PostgreSQL database.
        make: makes the tables.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
    """
    import sqlalchemy  # comes with MLflow, and is imported with it

    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:  # whose end, however it comes, ends the lock
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_LOCK)))
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):  # it appears with all the others, in one commit
            make()
