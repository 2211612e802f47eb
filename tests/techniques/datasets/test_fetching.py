"""Downloads, against mirrors on loopback that do what mirrors do."""

import logging
import multiprocessing
import socket
import threading
from dataclasses import replace

import pytest

from nnreg_std.datasets import _fetching
from nnreg_std.datasets._fetching import fetch


def from_mirrors(small, *mirrors):
    return replace(small.files, mirrors=tuple(getattr(mirror, "url", mirror) for mirror in mirrors))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def holds_exactly_the_four_files(folder, small):
    return {path.name: path.read_bytes() for path in folder.iterdir()} == {f"{n}.gz": c for n, c in small.gzips.items()}


def status(code):
    return lambda handler, content: handler.answer(b"no", status=code)


def truncated(handler, content):
    handler.answer(content[:20])


def cut_off(handler, content):
    handler.answer(content[:20], length=len(content))


def corrupted(handler, content):
    handler.answer(content[:30] + bytes([content[30] ^ 255]) + content[31:])


def sign_in_page(handler, content):
    handler.answer(b"<html>please sign in</html>")


def endless(handler, content):
    handler.answer(content + bytes(5_000_000))


def nothing(handler, content):
    handler.close_connection = True


MISBEHAVIOURS = {
    "HTTP 404": (status(404), "answered HTTP 404 Not Found"),
    "HTTP 403": (status(403), "answered HTTP 403 Forbidden"),
    "HTTP 500": (status(500), "answered HTTP 500"),
    "truncated": (truncated, "is truncated: its gzip stream breaks off after 20 bytes"),
    "cut off": (cut_off, "is truncated|broke the connection off"),
    "corrupted": (corrupted, "is (a )?corrupted|is truncated"),
    "sign-in page": (sign_in_page, "is not an IDX file"),
    "endless": (endless, "sends more than the"),
    "no answer": (nothing, "cannot be reached"),
    "stalled": ("stall", "stalled: nothing for"),
    "trickle": ("trickle", "is too slow"),
}
misbehaving = pytest.mark.parametrize("behaviour, reason", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(_fetching, "READ_SECONDS", 1.0)
    monkeypatch.setattr(_fetching, "GRACE_SECONDS", 1.0)


def test_a_good_mirror_fills_the_folder_with_exactly_the_four_files(small, serve, cache):
    fetch(from_mirrors(small, serve(small.gzips)), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_what_is_there_is_not_asked_for_again(small, serve, cache):
    mirror = serve(small.gzips)
    for _ in range(2):
        fetch(from_mirrors(small, mirror), cache / "tiny")
    assert set(mirror.requests.values()) == {1}


def test_only_a_missing_and_a_damaged_file_are_fetched(small, serve, cache):
    missing, damaged, *_ = small.gzips
    small.put(cache / "tiny")
    (cache / "tiny" / f"{missing}.gz").unlink()
    (cache / "tiny" / f"{damaged}.gz").write_bytes(b"\x1f\x8b half a file")
    mirror = serve(small.gzips)
    fetch(from_mirrors(small, mirror), cache / "tiny")
    assert mirror.requests == {missing: 1, damaged: 1}
    assert holds_exactly_the_four_files(cache / "tiny", small)


@misbehaving
@pytest.mark.usefixtures("impatient")
def test_a_misbehaving_mirror_is_named_with_its_reason_and_leaves_nothing_behind(small, serve, cache, behaviour, reason):
    mirror = serve(small.gzips, behaviour)
    with pytest.raises(OSError, match=f"{mirror.url} .*({reason})") as caught:
        fetch(from_mirrors(small, mirror), cache / "tiny")
    assert "\n" not in str(caught.value)
    assert names_in(cache / "tiny") == []


@misbehaving
@pytest.mark.usefixtures("impatient")
def test_the_second_mirror_is_used_when_the_first_misbehaves(small, serve, cache, behaviour, reason):
    bad, good = serve(small.gzips, behaviour), serve(small.gzips)
    fetch(from_mirrors(small, bad, good), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)
    assert bad.requests.total() == 1, "a mirror that failed is not tried first for the next file"


def test_files_may_come_from_different_mirrors(small, serve, cache):
    def only(part):
        return lambda handler, content: handler.answer(content, status=200 if part in handler.path else 404)

    mirrors = [serve(small.gzips, only(part)) for part in ("train", "t10k")]
    fetch(from_mirrors(small, *mirrors), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_an_unreachable_mirror_is_told_as_such(small, cache):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(
        OSError, match=f"no mirror delivered train-images-idx3-ubyte.gz: http://127.0.0.1:{port}/ cannot be reached"
    ):
        fetch(from_mirrors(small, f"http://127.0.0.1:{port}/"), cache / "tiny")


def test_every_mirror_tried_is_in_the_message(small, serve, cache):
    first, second = serve(small.gzips, status(403)), serve(small.gzips, status(404))
    with pytest.raises(OSError, match=f"{first.url} answered HTTP 403 Forbidden; {second.url} answered HTTP 404 Not Found"):
        fetch(from_mirrors(small, first, second), cache / "tiny")


def test_a_gzip_that_a_server_labels_as_content_encoding_stays_a_gzip(small_by_gzip, serve, cache):
    def labelled(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    fetch(from_mirrors(small_by_gzip, serve(small_by_gzip.gzips, labelled)), cache / "gzipped")
    assert holds_exactly_the_four_files(cache / "gzipped", small_by_gzip)


def test_a_chunked_answer_without_a_length_is_read_to_its_end(small, serve, cache):
    def chunked(handler, content):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in (content[:17], content[17:]):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    fetch(from_mirrors(small, serve(small.gzips, chunked)), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_a_download_is_announced_once_with_its_size(small, serve, cache, caplog):
    mirror = serve(small.gzips)
    for _ in range(2):
        fetch(from_mirrors(small, mirror), cache / "tiny")
    assert caplog.record_tuples == [("nnreg", logging.WARNING, f"downloading Tiny (1 kB) to {cache / 'tiny'}")]


def test_leftovers_of_a_killed_process_are_swept_away(small, serve, cache):
    (cache / "tiny").mkdir(parents=True)
    (cache / "tiny" / "train-images-idx3-ubyte.gz.abc.part").write_bytes(b"half")
    fetch(from_mirrors(small, serve(small.gzips)), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_a_process_killed_in_the_middle_blocks_nobody_and_leaves_nothing(small, serve, cache):
    mirror = serve(small.gzips, "stall")
    process = multiprocessing.get_context("spawn").Process(target=fetch, args=(from_mirrors(small, mirror), cache / "tiny"))
    process.start()
    assert mirror.asked.wait(20)
    process.kill()
    process.join()
    process.close()
    assert names_in(cache / "tiny") == []
    fetch(from_mirrors(small, serve(small.gzips)), cache / "tiny")
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_an_interrupt_while_writing_leaves_no_half_file(small, serve, cache, monkeypatch):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(from_mirrors(small, serve(small.gzips)), cache / "tiny")
    assert names_in(cache / "tiny") == []


def test_two_threads_at_once_download_once(small, serve, cache):
    mirror = serve(small.gzips, "slow")
    threads = [threading.Thread(target=fetch, args=(from_mirrors(small, mirror), cache / "tiny")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mirror.requests == dict.fromkeys(small.gzips, 1)
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_two_processes_at_once_download_once(small, serve, cache):
    mirror = serve(small.gzips, "slow")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fetch, args=(from_mirrors(small, mirror), cache / "tiny")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert mirror.requests == dict.fromkeys(small.gzips, 1)
    assert holds_exactly_the_four_files(cache / "tiny", small)


def test_waiting_for_another_process_has_an_end(small, cache, monkeypatch):
    import filelock

    monkeypatch.setattr(_fetching, "LOCK_SECONDS", 0.1)
    cache.mkdir()
    with (
        filelock.FileLock(cache / "tiny.lock"),
        pytest.raises(OSError, match="another process has been downloading to"),
    ):
        fetch(small.files, cache / "tiny")


def test_a_cache_that_cannot_be_made_is_told(small, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=f"^cannot write to {tmp_path}/file/tiny \\("):
        fetch(small.files, tmp_path / "file" / "tiny")


def test_a_full_disk_is_told_and_leaves_nothing(small, serve, cache, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match=r"^cannot write to .*tiny \(No space left on device\)$"):
        fetch(from_mirrors(small, serve(small.gzips)), cache / "tiny")
    assert names_in(cache / "tiny") == []
