import pytest

from nnreg.tracking.location import without_password

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
        ("train 'tracking_uri=http://me:s3cret@host' seed=1", "train 'tracking_uri=http://me@host' seed=1"),
        ("http://host:5000/#/experiments/1", "http://host:5000/#/experiments/1"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("sqlite:///C:/Users/me@work/mlflow.db", "sqlite:///C:/Users/me@work/mlflow.db"),
        ("optimizer.lr=0.1", "optimizer.lr=0.1"),
    ],
)
def test_an_address_is_shown_without_its_password(typed, shown):
    assert without_password(typed) == shown
