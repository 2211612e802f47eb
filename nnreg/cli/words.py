"""What was typed, read before Hydra does: options may stand anywhere, and what cannot be meant is refused in one line."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nnreg.errors import UserError, instead
from nnreg.registry import entries, vocabulary
from nnreg.registry.nested import RATE
from nnreg.registry.nested_words import chosen_in, owners_of
from nnreg.registry.schemas import parameters_of
from nnreg.settings import NO_DELETING, OF_A_SWEEP, Settings, setting_names

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
FLAGS: Mapping[str, str] = {
    "-h": "--help",
    "--hydra-help": "--hydra-help",
    "--version": "--version",
    "--resolve": "--resolve",
    "-r": "--run",
    "-m": "--multirun",
    "-sc": "--shell-completion",
}
VALUED: Mapping[str, str] = {
    "-c": "--cfg",
    "-p": "--package",
    "-cp": "--config-path",
    "-cn": "--config-name",
    "-cd": "--config-dir",
    "--experimental-rerun": "--experimental-rerun",
    "-i": "--info",
}
"""Hydra's options, short to long; those that take a value, ``--info`` if it likes."""

_LONG = sorted({*FLAGS.values(), *VALUED.values()})
_COMPLETION = re.compile(r"(install|uninstall|query)=\w+")
_SWEEPING = "--multirun"


def read_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the options of a command line, each in one word and by its long name, and its overrides, both as they were typed.

    Raises:
        UserError: an option is unknown, or lacks its value.
    """
    options: list[str] = []
    overrides: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return options, [*overrides, *left]
        if word.startswith("-") and word != "-":
            options.append(_option(word, left))
        else:
            overrides.append(word)
    return options, overrides


def ordered(words: Sequence[str]) -> list[str]:
    """Return the words of a command line as Hydra wants them: the word for a sweep, other options, overrides.

    Raises:
        UserError: an option is unknown, lacks its value, or a word cannot be read.
    """
    options, overrides = read_words(words)
    check_overrides(options, overrides)
    return [*sorted(dict.fromkeys(options), key=lambda word: word != _SWEEPING), *map(_at_home, overrides)]


def _at_home(word: str) -> str:
    """Return a word in which ~ is the home folder where a folder for runs is named, as it is where a shell reads it."""
    found = re.match(r"(\+*hydra\.(?:run|sweep)\.dir=[\"']?)~(?=/)", word)
    return f"{found[1]}{Path.home()}{word[found.end() :]}" if found else word


def is_sweep(words: Sequence[str]) -> bool:
    """Tell whether the word for a sweep is among some."""
    return bool({"-m", _SWEEPING} & set(words))


ON_A_SURFACE = ("protocol=tune_then_seeds", "protocol.range=[0.0003,3]")
"""The one budget that each rule is tuned with where all are let down a surface: their defaults are made for networks."""
_CHOSEN = re.compile(r"\+*(protocol|hparams_search|experiment|seed|hydra/sweeper|sweep\.resume|optimizer\.([\w.]+\.)?lr)\b.*=")


def tuned_on_a_surface(words: Sequence[str]) -> list[str]:
    """Return words that add the tuning of each rule's learning rate to a sweep of descents over a glob of rules.

    Nothing is added where a rate, seeds, a protocol or a study was chosen.
    """
    is_descent = is_sweep(words) and "task=descend" in words
    has_glob = any(re.match(r"optimizer=.*\bglob\(", word) for word in words)
    return list(ON_A_SURFACE) if is_descent and has_glob and not any(map(_CHOSEN.match, words)) else []


def _option(word: str, left: list[str]) -> str:
    """Return an option in one word, and take its value from the words that are left where it has none."""
    typed, assigned, value = word.partition("=")
    name = FLAGS.get(typed) or VALUED.get(typed) or _by_its_beginning(typed)
    if name is None and (attached := re.fullmatch(r"(-[cip])(\w[\w-]*)", word)):
        name, assigned, value = VALUED[attached[1]], "=", attached[2]
    if name == "--experimental-rerun":
        raise UserError(f"{name} reads a pickle, which may be code: `python -m nnreg rerun FOLDER` reads no code")
    if name is None:
        raise UserError(_unknown(word, left))
    if name in FLAGS.values():
        if assigned:
            raise UserError(f"{name} takes no value, got '{word}'")
        return name
    allowed = _CHOICES.get(name)
    if not assigned and name == "--info" and (not left or left[0] not in (allowed or ())):
        return f"{name}=all"
    if not assigned and left and not left[0].startswith("-"):
        assigned, value = "=", left.pop(0)
    if not assigned or not value or (allowed and value not in allowed):
        wanted = f"one of {', '.join(allowed)}" if allowed else "a value"
        raise UserError(f"{name} takes {wanted}, such as {name}={allowed[0] if allowed else 'NAME'}, got '{value}'")
    return f"{name}={value}"


def _by_its_beginning(typed: str) -> str | None:
    """Return the long option that is meant by its first letters, where there is one."""
    if typed in _LONG:
        return typed
    found = [name for name in _LONG if typed.startswith("--") and len(typed) > 3 and name.startswith(typed)]
    return found[0] if len(found) == 1 else None


def _unknown(word: str, left: Sequence[str]) -> str:
    """Say what to type in place of an option that there is not."""
    setting = re.match(r"--?([\w@-]+)((?:\.\w+)*)(?:=(.*))?$", word, re.DOTALL)
    if setting is not None:
        key, rest, value = setting[1].replace("-", "_"), setting[2], setting[3]
        if key in entries.slots() or key in setting_names():
            return f"a setting is typed without dashes: {key}{rest}={value or 'VALUE'}"
        following = left[0] if left and not left[0].startswith("-") and "=" not in left[0] else "VALUE"
        if not rest and (meant := vocabulary.meant_setting(key, value or following)):
            return meant
    return f"there is no option '{word}'{instead(word.partition('=')[0], _LONG, 'Options')}; a setting is typed key=value"


def check_overrides(options: Sequence[str], overrides: Sequence[str]) -> None:
    """Refuse overrides that leave a run without what it needs, and words of other programs.

    Raises:
        UserError: naming the first.
    """
    if "--shell-completion" in options:
        if len(overrides) != 1 or not _COMPLETION.fullmatch(overrides[0]):
            raise UserError("-sc takes one of install=bash, uninstall=bash and query=bash")
        return
    for word in overrides:
        for check in CHECKS:
            check(word, is_sweep(options))
    _check_rates(overrides)


def _check_rates(overrides: Sequence[str]) -> None:
    """Refuse two values for the learning rate of a wrapper, its own and that of what stands inside: one would be lost."""
    typed = {key: value for _, key, value in map(parts_of, overrides) if key.endswith(f".{RATE}")}
    for outer, value in typed.items():
        around = outer.removesuffix(RATE)
        inner = next((key for key in typed if key != outer and key.startswith(around) and typed[key] != value), None)
        if inner is None or value == "null":
            continue
        owners = list(owners_of(outer, chosen_in(overrides)))
        parameters = [each for entry, name in owners for each in parameters_of(entries.load_class(entry)) if each.name == name]
        if parameters and all(each.may_be_none for each in parameters):
            raise UserError(f"{outer}={value} and {inner}={typed[inner]} set one learning rate: leave one of them out")


_WORD = re.compile(r"(\+\+|\+|~)?([^=]*)(?:=(.*))?", re.DOTALL)


def parts_of(word: str) -> tuple[str, str, str | None]:
    """Return what stands before the key of an override (``+``, ``~`` or nothing), the key, and the value if there is one."""
    found = _WORD.fullmatch(word)
    assert found is not None  # anything is a key
    return found[1] or "", found[2].strip(), found[3]


def _check_text(word: str, is_sweep: bool) -> None:
    """Refuse what is no text, and what sets nothing."""
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"cannot read {word}: it is not in UTF-8") from error
    if not word.strip():
        raise UserError("cannot read an empty word: a setting is typed key=value, such as steps=500")
    if control := re.search(r"[\x00-\x08\x0b-\x1f\x7f]", word):
        raise UserError(f"cannot read {word}: it holds the control character {control[0]!r}")
    key = parts_of(word)[1]
    if not key or key.startswith(("@", ":", "/")) or key.endswith(("@", ":", "/")):
        raise UserError(f"cannot read {word}: a setting is typed key=value, such as optimizer.lr=0.1 or hidden=[64,64]")


def _check_bare(word: str, is_sweep: bool) -> None:
    """Say what is typed for a technique that stands alone."""
    mark, key, value = parts_of(word)
    if value is None and not mark and (meant := vocabulary.as_choice(key)):
        raise UserError(f"cannot read {word}: a setting is typed key=value; {meant}")


def _check_choice(word: str, is_sweep: bool) -> None:
    """Refuse to leave a kind of technique out, or to choose it otherwise than by a name."""
    mark, key, value = parts_of(word)
    slots = {**entries.groups(), **{slot: slot for slot in entries.slots()}}
    if key not in slots and key.partition("@")[0] not in entries.kinds():
        return
    kind = key.partition("@")[0] if key.partition("@")[0] in entries.kinds() else entries.slots()[slots[key]]
    names = entries.techniques(kind)
    instead_of_nothing = f"{key}=none is without" if "none" in names else f"choose one with {key}=NAME"
    missed = f"every run has {vocabulary.of_kind(kind)}: {instead_of_nothing}; `python -m nnreg plugins {kind}` lists them"
    if mark == "~":
        raise UserError(missed)
    if value is None:
        return
    if re.fullmatch(r"\s*(\[.*\]|\{.*\})\s*", value, re.DOTALL):
        several = f"; several are swept by -m {key}={','.join(list(names)[:2])}"
        raise UserError(f"{key} is chosen by one name, such as {key}={list(names)[-1]}, got {value.strip()}{several}")
    if any(each.strip().lower() in ("", "null", "none", "~") and each.strip() not in names for each in value.split(",")):
        raise UserError(f"{word}: {missed}")


def _check_deleted(word: str, is_sweep: bool) -> None:
    """Refuse to leave a setting out."""
    mark, key, _ = parts_of(word)
    if mark == "~" and key in setting_names():
        raise UserError(f"{word}: {NO_DELETING}")


def _check_lists(word: str, is_sweep: bool) -> None:
    """Say how lists are swept."""
    mark, key, value = parts_of(word)
    if mark == "~" or key not in _LISTS or value is None or not re.match(r"\s*\[\s*\[", value):
        return
    inner = re.sub(r"^\s*\[\s*|\s*\]\s*$", "", value)
    if not is_sweep and inner.count("[") == 1 and inner.endswith("]"):
        raise UserError(f"'{key}={value}' is a list in a list: type '{key}={inner}'")
    sweeping = f"'{key}={inner}'" if is_sweep else f"-m '{key}={inner}'"
    raise UserError(f"'{key}={value}' is a list of lists, and {key} is one list: several are swept by {sweeping}")


_LISTS = [name for name, hint in typing.get_type_hints(Settings).items() if "list[" in str(hint)]
_PARAMETERS = ("momentum", "weight_decay")  # of some techniques: Hydra says of which
_KNOWN = {*OF_A_SWEEP, "hydra", "experiment", "debug", "member", "vary"}


def _check_slashes(word: str, is_sweep: bool) -> None:
    """Say how a technique inside another one is chosen, where it was typed as a folder."""
    _, key, value = parts_of(word)
    outer, slash, inner = key.partition("/")
    if not slash or outer not in entries.slots():
        return
    is_name = inner in entries.techniques(entries.slots()[outer])
    meant = f"{outer}={inner}+{value or 'NAME'}" if is_name else f"{outer}.{inner.replace('/', '.')}={value or 'NAME'}"
    raise UserError(f"cannot read {word}: what stands inside a technique is chosen by {meant}")


def _check_habits(word: str, is_sweep: bool) -> None:
    """Say what is typed here for a word of other programs."""
    mark, key, value = parts_of(word)
    known = {*_KNOWN, *entries.groups(), *entries.slots(), *setting_names()}
    if mark == "~" or value is None or key.partition(".")[0] in known or key in _PARAMETERS:
        return
    if meant := vocabulary.meant_setting(key, value):
        raise UserError(meant)


CHECKS: Sequence[Callable[[str, bool], None]] = (
    _check_text,
    _check_bare,
    _check_choice,
    _check_deleted,
    _check_lists,
    _check_slashes,
    _check_habits,
)
