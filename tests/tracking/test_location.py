import pytest

from nnreg.tracking.location import Target, has_secret, is_own_store, without_password

ADDRESS = "postgresql+psycopg2://me:s3cret@127.0.0.1:9/runs"
SHORT = ["dataset=iris", "hidden=[8]", "steps=5", "batch=16"]


@pytest.mark.parametrize("words", [(), ("-m", "seed=1,2")])
def test_a_typed_password_is_refused_before_anything_is_written(nnreg, project, words):
    answer = nnreg(*words, *SHORT, f"tracking_uri={ADDRESS}", tracking=True)
    assert answer.code == 2
    assert "MLFLOW_TRACKING_URI" in answer.complaint
    assert "s3cret" not in answer.complaint
    assert list(project.iterdir()) == []


@pytest.mark.extra("postgres")
@pytest.mark.parametrize("words", [(), ("-m", "seed=1,2")])
def test_a_password_from_the_environment_reaches_no_file_and_no_line(nnreg, project, monkeypatch, words):
    monkeypatch.setenv("LAB", ADDRESS)
    answer = nnreg(*words, *SHORT, "tracking_uri=${oc.env:LAB}", tracking=True)
    assert answer.code == 0
    assert "127.0.0.1:9" in answer.err
    assert "s3cret" not in answer.out + answer.err
    files = [path for path in project.rglob("*") if path.is_file()]
    assert any(path.name == "mlflow.json" for path in files)
    assert not [path for path in files if b"s3cret" in path.read_bytes()]


def test_a_resumed_run_writes_no_password_either(nnreg, project):
    assert nnreg(*SHORT, "hydra.run.dir=one").code == 0
    assert nnreg("resume", "one", "steps=8", "tracking=mlflow", f"tracking_uri={ADDRESS}").code == 0
    assert not [path for path in project.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("postgresql://me:s3cret@host/runs", "postgresql://me@host/runs"),
        ("postgresql://me:s3/cr#e?t@host/runs", "postgresql://me@host/runs"),
        ("postgresql://me:s3@cret@host/runs", "postgresql://me@host/runs"),
        ("postgresql:///runs?user=me&password=s3cret&host=/tmp", "postgresql:///runs?user=me&host=/tmp"),
        ("train 'tracking_uri=http://me:s3cret@host' seed=1", "train 'tracking_uri=http://host' seed=1"),
        ("http://host:5000/#/experiments/1", "http://host:5000/#/experiments/1"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("sqlite:///C:/Users/me@work/mlflow.db", "sqlite:///C:/Users/me@work/mlflow.db"),
        ("optimizer.lr=0.1", "optimizer.lr=0.1"),
    ],
)
def test_an_address_is_shown_without_its_password(typed, shown):
    assert without_password(typed) == shown


SECRETS = [
    "http://s3cret@host:5000",
    "https://s3cret:@host",
    "https://s3cret:x-oauth-basic@host",
    "https://me:s3cret@host",
    "https://me:s3 cret@host",
    "https://host/?access_token=s3cret",
    "https://host/?a=b&api_key=s3cret&c=d",
    "https://host/?sig=s3cret",
    "https://host/?X-Amz-Signature=s3cret",
    "https://host/#id_token=s3cret&x=1".replace("#", "?"),
    "databricks://s3cret@host",
    "s3://key:s3cret@bucket/runs",
    "wasbs://box@account.blob.core.windows.net/?AccountKey=s3cret",
    "postgresql://:s3cret@host/runs",
    "postgresql+psycopg2://me:s3/c@ret#s3cret@host/runs",
    "postgresql://me@host/runs?password=s3cret",
    "postgresql://me@host/runs?PASSWORD=s3cret",
    "postgresql://me@host/runs?pass%77ord=s3cret",
    "postgresql://me@host/runs?sslmode=require&sslpassword=s3cret",
    "postgresql://me@host/runs?sslkey=s3cret",
    "postgresql://me@host/runs?sslcert=s3cret",
    "postgresql://me@host/runs?passfile=s3cret",
    "mysql+pymysql://me@host/runs?passwd=s3cret",
    "mysql+pymysql://me@host/runs?ssl_key=s3cret&ssl_cert=s3cret",
    "mssql+pyodbc://me@host/runs?driver=x&PWD=s3cret",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dme%3BPWD%3Ds3cret",
    "mssql+pyodbc:///?odbc_connect=DRIVER=x;UID=me;PWD=s3cret",
    "mssql+pyodbc:///?authentication=x&client_secret=s3cret",
    "postgresql://me@host/runs?options=-c%20password%3Ds3cret",
    "https://host/runs#access_token=s3cret",
]


@pytest.mark.parametrize("address", SECRETS)
def test_every_form_of_a_secret_is_found_and_shown_of_no_address(address):
    assert has_secret(address)
    assert "s3cret" not in Target(address, "", None).shown
    once = without_password(address)
    assert without_password(once) == once


@pytest.mark.parametrize(
    "address",
    [
        "http://host:5000",
        "postgresql+psycopg2://nnreg@host:5432/runs?sslmode=require",
        "postgresql+psycopg2:///nnreg",
        "sqlite:////home/me@work/a folder/mlflow.db",
        "mssql+pyodbc://me@host/runs?driver=ODBC+Driver+18",
    ],
)
def test_an_address_without_a_secret_is_shown_whole(address):
    assert not has_secret(address)
    assert without_password(address) == address


@pytest.mark.long
@pytest.mark.parametrize("address", SECRETS[::4])
def test_no_form_is_taken_from_the_line_and_none_from_the_environment_is_written(nnreg, project, monkeypatch, address):
    refused = nnreg(*SHORT, f"tracking_uri='{address}'", tracking=True)
    assert (refused.code, "holds a password" in refused.complaint) == (2, True)
    assert list(project.iterdir()) == []
    monkeypatch.setenv("LAB", address)
    answer = nnreg(*SHORT, "tracking_uri=${oc.env:LAB}", tracking=True)
    assert "s3cret" not in answer.out + answer.err
    assert not [path for path in project.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


def test_a_secret_in_any_other_word_is_refused_too(nnreg, project):
    answer = nnreg("-m", *SHORT, "hparams_search=optuna", "hydra.sweeper.storage='postgresql://me:s3cret@host/db'")
    assert answer.code == 2
    assert answer.complaint.endswith("type 'hydra.sweeper.storage=${oc.env:NAME}'")
    assert list(project.iterdir()) == []


def test_a_store_that_a_folder_names_is_trusted_where_it_is_in_use_or_in_the_project(project, monkeypatch):
    (project / "other.db").write_bytes(b"")
    (project.parent / "outside.db").write_bytes(b"")
    (project / "link.db").symlink_to(project.parent / "outside.db")
    own = [None, "mlruns", f"sqlite:///{project / 'mlflow.db'}", "sqlite:///other.db"]
    assert [is_own_store(project, uri) for uri in own] == [True] * 4
    strange = ["http://host", "postgresql://host/db", "sqlite:///../outside.db", "sqlite:///link.db", "sqlite:///absent.db", 3]
    assert [is_own_store(project, uri) for uri in strange] == [False] * 6
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cret@host/")
    assert is_own_store(project, "http://host")
