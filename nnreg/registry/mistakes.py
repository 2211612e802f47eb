"""Mistakes in one line each, with what to type instead: what Hydra and OmegaConf complain of."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shlex
import traceback

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from nnreg.errors import UserError, instead, of_wrong_type, one_line
from nnreg.registry.entries import find_technique, kinds, techniques
from nnreg.registry.nested import split_name
from nnreg.registry.nested_words import unfit_name, without_slot
from nnreg.registry.schemas import schema_of
from nnreg.registry.vocabulary import meant_parameter, meant_setting, technique_of
from nnreg.settings import NO_DELETING, WITHDRAWN, Settings, key_of, setting_names

_LAUNCHERS = {"joblib": "joblib", "ray": "ray", "submitit_local": "submitit", "submitit_slurm": "submitit"}
EXTRAS = {f"hydra/launcher/{launcher}": extra for launcher, extra in _LAUNCHERS.items()}
"""Choices that another distribution brings, with the extra of this one that asks for it."""


def explain(error: BaseException) -> str | None:
    """Return one line for the person, or None for an error that is nobody's typing mistake."""
    if isinstance(error, MissingConfigException):
        return _missing(error)
    if isinstance(error, OverrideParseException):
        typed = _first_line(str(error.override))
        key, _, value = typed.partition("=")
        if value.startswith("${") and value.count("${") > 1:
            typed_so = shlex.quote('{}="{}"'.format(key, value.replace('"', r"\"")))
            return f"cannot read {typed}: what has one ${{...}} in another is put into quotes, {typed_so}"
        return f"cannot read {typed}: a setting is typed key=value, such as optimizer.lr=0.1 or hidden=[64,64]"
    if isinstance(error, HydraException):
        return _composition(error)
    if (mark := getattr(error, "problem_mark", None)) is not None:  # of PyYAML's
        return f"{mark.name}, line {mark.line + 1}, is no YAML: {getattr(error, 'problem', '')}"
    if isinstance(error, UnicodeDecodeError):
        return f"a file of configuration is no text in UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, OmegaConfBaseException):
        return _first_line(str(error))
    if isinstance(error, OSError) and error.filename is not None:
        elsewhere = "choose another folder with hydra.run.dir=FOLDER (hydra.sweep.dir=FOLDER with -m)"
        return f"cannot write to {error.filename}: {error.strerror}; {elsewhere}"
    if _raised_by_hydra(error):
        said = one_line(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {one_line(error)}".rstrip(": ")
        is_choice = "group" in said
        more = "a technique is chosen by name, such as optimizer=adam, and -h shows every choice"
        return f"{said}; {more if is_choice else '-h shows what can be typed'}"
    return None


_OWN_FILE = re.compile(r"dataset/(?P<path>.+\.(?P<type>csv|tsv|txt|dat|data|npz)(\.\w+)?)", re.IGNORECASE)
_READERS = ("hydra.", "omegaconf.", "antlr4.", "yaml.")


def _raised_by_hydra(error: BaseException) -> bool:
    """Tell whether an error comes from the code that reads words and YAML, which does not expect all that may be typed."""
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = next((name for name in reversed(modules) if name.startswith(("nnreg", *_READERS))), "")
    return own.startswith(_READERS)


def _missing(error: MissingConfigException) -> str:
    kind, _, name = str(error.missing_cfg_file).rpartition("/")
    extra = EXTRAS.get(str(error.missing_cfg_file))
    if extra is not None:
        return f"{kind}={name} needs what is not installed: `python -m pip install 'nnreg[{extra}]'`"
    options = list(error.options or techniques(kind))  # Hydra does not list them for a YAML's own defaults
    if not kind:
        return _first_line(str(error))
    if str(error.missing_cfg_file).startswith("dataset/") and (table := _OWN_FILE.fullmatch(str(error.missing_cfg_file))):
        how = "arrays" if table["type"] == "npz" else "csv"
        return f"a dataset is chosen by name; a file of your own is typed dataset={how} dataset.path={table['path']}"
    if kind in kinds() and (complaint := unfit_name(kind, name, options)):
        return complaint
    name = split_name(name)[0] if kind in kinds() else name
    if kind in kinds() and (meant := technique_of(kind, name)) in options:
        return f"there is no {kind} '{name}'; did you mean '{meant}'? Available: {', '.join(options)}"
    return f"there is no {kind} '{name}'{instead(name, options)}"


def _composition(error: HydraException) -> str:
    text, cause = str(error), error.__cause__
    unknown = re.match(r"Could not override '([^']+)'", text)
    if unknown:
        return _unknown_choice(unknown[1], text) if cause is None else _unknown_key(unknown[1], cause, text)
    in_file = re.match(r"In '([^']+)': \w+ raised while composing config:\n(.+)(?:\n +full_key: (\S+))?", text)
    if in_file:
        return _in_file(*in_file.groups())
    merging = re.match(r"Error merging override (.+)", text)
    if merging:
        return f"{merging[1]}: {_unfit(merging[1], str(cause))}"
    ambiguous = re.match(r"Ambiguous value for argument '([^']+)'", text)
    if ambiguous or "requires --multirun" in text:
        typed = ambiguous[1] if ambiguous else text.split("'")[1]
        is_choice = key_of(typed).partition("@")[0] in kinds()
        one = "" if is_choice else ", or write key=[a,b] for one list"
        return f"{typed} names several values: add -m to sweep over them{one}"
    again = re.match(r"Multiple values for ([^\s,.]+)\. To override a value use 'override [^:]+: (.+)'", text)
    again = again or re.match(r"force-add of config groups is not supported: '\+\+([^=]+)=(.*)'", text)
    if again:
        kind, name = again[1], again[2]
        written = f"write `override /{kind}: {name}` in a YAML's defaults"
        return f"there is a choice of {kind} already: type {kind}={name}, without +, or {written}"
    below = re.match(r"In '([^']+)': Could not override '(?:[^'@]*/)?(\w+)(?:@[^']*)?'\. No match", text)
    if below and below[2] in kinds():
        return f"{below[1]}.yaml: a choice is overridden with a slash in front, `override /{below[2]}: NAME`"
    return one_line(error) or _first_line(str(cause))


def _unfit(typed: str, complaint: str) -> str:
    """Say what a value should look like, in place of OmegaConf's names of types."""
    key, _, value = typed.partition("=")
    if "does not support deletion" in complaint:
        return NO_DELETING
    if "is not a ListConfig" in complaint:
        listed = value if re.fullmatch(r"-?[\d.]+" if key in setting_names() else ".+", value) else _example(key)
        return f"it takes a list, such as '{key}=[{listed}]'"
    return of_wrong_type(complaint, f"{key}=", _usual(key))


def _example(key: str) -> str:
    """Return what may stand in a list."""
    return _usual(key) or "1,2,3"


def _usual(key: str) -> str:
    """Return what stands in a list by default, where it is a setting; else nothing."""
    usual = getattr(Settings(), key, None)
    return ",".join(map(str, usual)) if isinstance(usual, list) else ""


def _unknown_choice(key: str, text: str) -> str:
    """Say how to add a kind that the configuration leaves out, such as one that only a plugin knows."""
    addition = re.search(r"use (\+\S+)", text)
    if complaint := without_slot(key):
        return complaint
    if key not in kinds() or addition is None:
        return " ".join(text.split())
    return f"the configuration has no {key} yet: add one with {addition[1]}"


def _unknown_key(key: str, cause: BaseException, text: str) -> str:
    """Name the keys that exist where a key was not found."""
    parent = getattr(cause, "parent_node", None)
    known = [str(key) for key in parent if key not in ("name", "hydra")] if isinstance(parent, DictConfig) else []
    stem, _, last = str(getattr(cause, "full_key", None) or key).rpartition(".")
    if not stem:
        if last == "hparams_search":
            return f"{key} is a setting of a search: add hparams_search=optuna"
        if last == "vary":
            return f"{key} belongs to no schedule: choose that of the number first, such as vary.optimizer.momentum=cosine"
        if last in WITHDRAWN:
            return WITHDRAWN[last]
        owners = [kind for kind in kinds() if isinstance(parent, DictConfig) and last in (parent.get(kind) or ())]
        if owners and last not in ("name",):
            return f"'{last}' is a parameter of {' and '.join(owners)}: type {owners[0]}.{last}=VALUE"
        typed = re.search(rf"use \+{re.escape(last)}=(.*)", text)
        if meant := meant_setting(last, typed[1] if typed else "VALUE"):
            return meant
        if found := _techniques_with(last):
            return f"'{last}' is a parameter of {', '.join(found)}: type {found[0]} {found[0].partition('=')[0]}.{last}=VALUE"
        return f"there is no setting '{last}'{instead(last, known)}"
    name = parent["name"] if isinstance(parent, DictConfig) and "name" in parent else None
    if stem in kinds() and name is None:  # a user's YAML that lists some parameters of a technique
        return f"{stem}.{last} is not in the YAML of this {stem}{instead(last, known)}; one it leaves out: +{stem}.{last}=VALUE"
    where = f"{stem}={name}" if stem in kinds() or ("." in stem and name is not None) else stem
    if (parameter := meant_parameter(last, known)) is not None:
        return f"{where} has no parameter '{last}'; did you mean '{parameter}'? Available: {', '.join(known)}"
    more = "; the rest of a search is set like hydra.sweeper.n_trials=50" if stem == "hparams_search" else ""
    more = "; a table of your own is typed dataset=csv dataset.path=FILE" if (stem, last) == ("dataset", "path") else more
    more = "; its rows are divided one way, whatever the seed" if (stem, last) == ("dataset", "random_state") else more
    return f"{where} has no parameter '{last}'{instead(last, known)}{more}"


def _techniques_with(parameter: str) -> list[str]:
    """Return the techniques that have a parameter, as they are chosen."""
    found = []
    for kind in kinds():
        for name, entry in techniques(kind).items():
            with contextlib.suppress(UserError):  # a broken plugin has none
                if any(field.name == parameter for field in dataclasses.fields(schema_of(entry)) if parameter != "name"):
                    found.append(f"{kind}={name}")
    return found


def _in_file(path: str, complaint: str, key: str | None) -> str:
    """Blame the YAML that holds the mistake."""
    several = re.match(r"Merge error: (\w+?)__\w+ is not a subclass of", complaint)
    if several:
        kind = several[1]
        return f"a run has one {kind}: choose one, or add -m to sweep over several, {kind}=a,b"
    named = re.match(r"Merge error: str is not a subclass of (\w+?)__\w+\. value: (.*)", complaint)
    if named:
        how = f"is chosen in the list `defaults`, `- override /{named[1]}: {named[2]}`; below stand its parameters"
        return f"{path}.yaml: {named[1]} {how}"
    bare = re.match(r"Invalid value '(True|False)', expected one of \[.*\b(on|off)\b.*\]", complaint)
    if bare:
        read = {"True": "on", "False": "off"}[bare[1]]
        return f"{path}.yaml: {key}: YAML takes {read} for {bare[1].lower()}: put it into quotes, '{read}'"
    if "is not a ListConfig" in complaint:
        return f"{path}.yaml: {key}: it takes a list, such as [{_example(key or '')}]"
    unknown = re.match(r"Key '([^']+)' not in '(\w+?)__(\w+)'", complaint)
    if unknown:
        name, kind, technique = unknown.groups()
        known = [field.name for field in dataclasses.fields(schema_of(find_technique(kind, technique))) if field.name != "name"]
        return f"{path}.yaml: {kind}={technique} has no parameter '{name}'{instead(name, known)}"
    return f"{path}.yaml: {key}: {of_wrong_type(complaint)}" if key else f"{path}.yaml: {complaint}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
