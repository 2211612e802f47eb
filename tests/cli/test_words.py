"""What was typed, read before Hydra does."""

import re
import subprocess
import sys

import pytest
from hydra._internal.utils import get_args_parser

from nnreg.cli.words import FLAGS, VALUED, ordered, read_words, tuned_on_a_surface
from nnreg.errors import UserError
from nnreg.registry import entries


def test_the_options_are_those_of_hydra():
    known = {option for action in get_args_parser()._actions for option in action.option_strings}
    assert {*FLAGS, *FLAGS.values(), *VALUED, *VALUED.values()} == known


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("steps=20 --config-dir=my optimizer=adam", "--config-dir=my steps=20 optimizer=adam"),
        ("steps=20 -cd my optimizer=adam", "--config-dir=my steps=20 optimizer=adam"),
        ("steps=20 --cfg job optimizer=adam", "--cfg=job steps=20 optimizer=adam"),
        ("steps=20 -cjob optimizer=adam -m", "--multirun --cfg=job steps=20 optimizer=adam"),
        ("seed=1,2 --config-name other --multirun steps=5", "--multirun --config-name=other seed=1,2 steps=5"),
        ("a=1 --info b=2", "--info=all a=1 b=2"),
        ("a=1 --info defaults b=2", "--info=defaults a=1 b=2"),
        ("a=1 --hel -- --b=2", "--help a=1 --b=2"),
    ],
)
def test_options_may_stand_anywhere(typed, read):
    options, overrides = read_words(typed.split())
    assert sorted([*options, *overrides]) == sorted(read.split())
    assert [word for word in overrides if not word.startswith("--b")] == [word for word in read.split() if word[0] != "-"]


def test_hydra_gets_its_options_first_and_the_word_for_a_sweep_before_all():
    assert ordered(["steps=2", "-cd", "my", "seed=1,2", "-m"]) == ["--multirun", "--config-dir=my", "steps=2", "seed=1,2"]


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir"])
def test_a_folder_for_runs_may_be_named_from_home(key, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert ordered([f"{key}=~/runs/${{seed}}", "notes=~/x"]) == [f"{key}=/home/me/runs/${{seed}}", "notes=~/x"]
    assert ordered([f'{key}="~/my runs"', "seed=1"]) == [f'{key}="/home/me/my runs"', "seed=1"]


def test_an_option_between_words_does_what_it_does_in_front_of_them(nnreg, project):
    (project / "my" / "optimizer").mkdir(parents=True)
    (project / "my" / "optimizer" / "mine.yaml").write_text("defaults: [_adam, _self_]\nlr: 0.25\n")
    answer = nnreg("steps=20", "--config-dir=my", "optimizer=mine", "--cfg", "job", "seed=3")
    assert answer.code == 0, answer.err
    assert "lr: 0.25" in answer.out
    assert "steps: 20" in answer.out


@pytest.mark.parametrize("group", sorted(entries.groups()))
@pytest.mark.parametrize("form", ["~{}", "{}=null", "{}=", "{}=[]", "{}=[adam]", "{}={{}}", "+{}=null", "++{}="])
def test_no_kind_can_be_left_out(nnreg, project, group, form):
    answer = nnreg(form.format(group))
    assert answer.code == 2
    assert "every run has" in answer.complaint or "is chosen by one name" in answer.complaint
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--foo", "there is no option '--foo'"),
        ("-z", "there is no option '-z'"),
        ("--confg-dir=x", "did you mean '--config-dir'?"),
        ("--cfg x", "--cfg takes one of job, hydra, all"),
        ("--cfg", "--cfg takes one of job, hydra, all"),
        ("--config-dir", "--config-dir takes a value"),
        ("--resolve=1", "--resolve takes no value"),
        ("--lr 0.1", "type optimizer.lr=0.1"),
        ("--batch-size=32", "type batch=32"),
        ("--experimental-rerun x", "`python -m nnreg rerun FOLDER` reads no code"),
        ("-sc ~x={", "-sc takes one of install=bash"),
        ("-sc", "-sc takes one of install=bash"),
        ("+@foo=bar", "cannot read +@foo=bar"),
        ("steps=5 adam", "adam is an optimizer, type optimizer=adam"),
        ("-m hidden=[[64,64],[128]]", "several are swept by 'hidden=[64,64],[128]'"),
        ("hidden=[[64,64],[128]]", "several are swept by -m 'hidden=[64,64],[128]'"),
        ("hydra.searchpath=[nowhere]", "nowhere is not available"),
        ("~seed", "~seed: every run has it; to have it as it is by default, do not type it"),
        ("-m ~hidden seed=1,2", "~hidden: every run has it"),
        ("hidden=[[64]]", "'hidden=[[64]]' is a list in a list: type 'hidden=[64]'"),
        ("steps=5 \x01=3", "holds the control character"),
    ],
)
def test_what_cannot_be_meant_is_one_line(nnreg, project, words, said):
    answer = nnreg(*words.split(" "))
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.complaint
    assert list(project.iterdir()) == []


@pytest.mark.parametrize("word", ["", " ", "a\nb=1", "experiment_name=\udcff"])
def test_odd_words_are_one_line(nnreg, word):
    assert nnreg("steps=2", word).complaint.startswith("nnreg: ")


@pytest.mark.parametrize("command", ["plugins", "check", "new", "ui", "rerun", "resume", "runs", "reproduce", "compare"])
def test_an_unknown_option_of_a_command_is_one_line(nnreg, command):
    answer = nnreg(command, "--nonsense", "runs") if command == "runs" else nnreg(command, "--nonsense")
    assert answer.code == 2
    assert answer.complaint


def test_lists_that_are_swept_as_the_hint_says_are_two_runs(nnreg):
    answer = nnreg("-m", "hidden=[64,64],[128]", "sweep.dry_run=true")
    assert "dry run: 2 runs" in answer.out


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_of_five_hundred_lines_that_nobody_means_none_hangs_or_ends_in_a_traceback(tmp_path, seed):
    words = [sys.executable, "-m", "tests.cli.fuzz", "100", str(tmp_path), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 wrong", done.stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("optimizer=sam optimizer/inner=adam", "what stands inside a technique is chosen by optimizer.inner=adam"),
        ("optimizer/inner/inner=adam", "what stands inside a technique is chosen by optimizer.inner.inner=adam"),
        ("optimizer/sam=adam", "what stands inside a technique is chosen by optimizer=sam+adam"),
    ],
)
def test_a_technique_inside_another_typed_as_a_folder_is_answered_with_its_own_word(typed, said):
    with pytest.raises(UserError, match=re.escape(said)):
        ordered(typed.split())


@pytest.mark.parametrize(
    "typed",
    [
        "optimizer=sam optimizer.lr=0.1 optimizer.inner.lr=0.2",
        "-m optimizer=sam,lookahead+sam+sgd optimizer.lr=0.1,0.2 optimizer.inner.lr=0.2",
        "optimizer=lookahead+sam+sgd optimizer.lr=0.1 optimizer.inner.inner.lr=0.2",
        "optimizer=lookahead+sam+sgd optimizer.inner.lr=0.1 optimizer.inner.inner.lr=0.2",
    ],
)
def test_two_values_for_one_learning_rate_are_refused_as_one_would_be_lost(typed):
    with pytest.raises(UserError, match=r"set one learning rate: leave one of them out"):
        ordered(typed.split())


@pytest.mark.parametrize(
    "typed",
    [
        "optimizer=sam optimizer.lr=0.1 optimizer.inner.lr=0.1",
        "optimizer=sam optimizer.lr=null optimizer.inner.lr=0.1",
        "optimizer=sam optimizer.inner.lr=0.1",
        "optimizer=sgd optimizer.lr=0.1 schedule=step",
    ],
)
def test_one_value_for_a_learning_rate_is_read_wherever_it_stands(typed):
    assert ordered(typed.split()) == typed.split()


@pytest.mark.parametrize(
    ("typed", "is_tuned"),
    [
        ("--multirun task=descend optimizer=glob(*)", True),
        ("--multirun task=descend surface=rosenbrock optimizer=sgd,glob(ada*) steps=50", True),
        ("--multirun task=descend optimizer=sgd,adam", False),
        ("--multirun optimizer=glob(*)", False),
        ("task=descend optimizer=glob(*)", False),
        ("--multirun task=descend optimizer=glob(*) optimizer.lr=0.1", False),
        ("--multirun task=descend optimizer=glob(*) ++optimizer.inner.lr=0.1", False),
        ("--multirun task=descend optimizer=glob(*) protocol=grid", False),
        ("--multirun task=descend optimizer=glob(*) seed=1,2", False),
        ("--multirun sweep.resume=FOLDER task=descend optimizer=glob(*)", False),
    ],
)
def test_all_rules_on_a_surface_are_tuned_with_one_budget_unless_something_else_was_chosen(typed, is_tuned):
    added = tuned_on_a_surface(typed.split())
    assert bool(added) is is_tuned
    assert added in ([], ["protocol=tune_then_seeds", "protocol.range=[0.0003,3]"])


GLOBAL = "# @package _global_\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: 5\n", "the YAML of experiment=... sets nothing of a run: begin it with the line `# @package _global_`"),
        ("", "begin it with the line `# @package _global_`"),
        (
            f"{GLOBAL}dataset: iris\n",
            "mine.yaml: dataset is chosen in the list `defaults`, `- override /dataset: iris`",
        ),
        (f"{GLOBAL}tracking: off\n", "experiment/mine.yaml: tracking: YAML takes off for false: put it into quotes, 'off'"),
        (f"{GLOBAL}diagnostics: on\n", "experiment/mine.yaml: diagnostics: YAML takes on for true: put it into quotes, 'on'"),
        (f"{GLOBAL}hidden: 64\n", "experiment/mine.yaml: hidden: it takes a list, such as [100,100,100,100]"),
        (f"{GLOBAL}steps: 5\n  seed: 1\n", "experiment/mine.yaml, line 3, is no YAML: mapping values are not allowed here"),
        (f"{GLOBAL}seed: 1\nseed: 2\n", "experiment/mine.yaml, line 3, is no YAML: found duplicate key seed"),
        (
            f"{GLOBAL}defaults: [override optimizer: adam]\n",
            "overridden with a slash in front, `override /optimizer: NAME`",
        ),
        (f"{GLOBAL}defaults: [/optimizer: adam]\n", "or write `override /optimizer: adam` in a YAML's defaults"),
        (f"{GLOBAL}study: 5\n", "needs a title: the question that it answers"),
        (b"\xff\xfe\x00", "experiment/mine.yaml is no text in UTF-8: invalid start byte at byte 0"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_one_line(nnreg, project, text, said):
    (project / "my" / "experiment").mkdir(parents=True)
    (project / "my" / "experiment" / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    answer = nnreg("experiment=mine", "--config-dir=my")
    assert answer.code == 2
    assert said in answer.complaint
