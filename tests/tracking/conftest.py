"""What the tests of tracking share: every store is asked afresh, and a project whose database is there."""

import pytest

from nnreg.tracking import store
from tests.tracking.stores import new_database


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch):
    monkeypatch.setattr(store, "_silent", {})


@pytest.fixture
def home(project):
    """A project folder in which an earlier run has made the database."""
    new_database(project / "mlflow.db")
    return project
