"""The contract of an update rule, and what it may ask of whoever trains with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np

from nnreg.contracts.arrays import Array, ParametersView, Passed
from nnreg.contracts.checks import check_range
from nnreg.contracts.nesting import Slot
from nnreg.contracts.tracing import Program, Walk


class Objective(Protocol):
    """What is minimised, on the batch of this step, at the parameters as they stand.

    That of a network has ``passed()`` too, which a rule asks for by the method of that name.
    """

    @abstractmethod
    def loss_and_gradient(self) -> float:
        """Return the objective and overwrite ``parameters.grad`` with its gradient, clipped as that of the step was."""

    @abstractmethod
    def loss(self) -> float:
        """Return the objective alone; the gradient stays as it is."""


@dataclass
class Optimizer(ABC):
    """An update rule: a dataclass of hyper-parameters and one method, ``update``, that is the paper's formula.

    This base owns the state vectors named in ``state`` (zeroed, one element a parameter), walks the flat buffer in
    cache-sized slices, and saves and loads itself. A rule that needs whole layers overrides ``step`` and reads
    ``self.parameters.named``; one that overrides ``step`` needs no ``update``.

    A rule that wraps another has a field for it, ``inner: Optimizer = slot("adam")``, and ``lr: float | None = None``: the
    learning rate is that of the inner rule, which one that is given replaces. The inner rule is bound, equipped, saved and
    loaded with its wrapper, whose ``step`` calls ``self.inner.step(t, factor)``.

    Args:
        lr: learning rate η, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar[Mapping[str, tuple[float, float]]] = MappingProxyType({})
    """Where a parameter is worth searching, low and high, the default between them: ``{"lr": (1e-4, 0.1)}``. A technique of any
    kind may say so; where it does not, two decades around the default are searched."""

    varies: ClassVar[tuple[str, ...]] = ()
    """Numbers besides ``lr`` that are read anew at every step, so that a schedule may scale them: ``("momentum",)``. Of any
    kind."""

    slice_size: ClassVar[int] = 65_536  # elements: few calls, and theta, g, two states and work arrays stay in the cache
    _executor: ClassVar[type[Program]] = Program  # what carries out the formula once it is taken down

    looks_again: ClassVar[bool] = False
    """True for a rule that calls ``reevaluate`` or ``loss_only`` in its step."""

    full_batch: ClassVar[bool] = False
    """True for a rule that is made for all training rows in every step; a run with smaller batches says so, and trains."""

    scalars: ClassVar[tuple[str, ...]] = ()
    """Attributes that are state in one number, a float in double precision or an int: 0.0 after ``bind``, saved and loaded."""

    scratch: ClassVar[tuple[str, ...]] = ()
    """Names of work arrays, one element a parameter, in ``self.scratch_vectors``; neither zeroed nor saved."""

    lr: float
    _objective: ClassVar[Objective | None] = None
    _rng: ClassVar[np.random.Generator | None] = None

    def __init_subclass__(cls, **others: Any) -> None:
        """Let a rule that overrides ``step`` do without ``update``."""
        super().__init_subclass__(**others)
        if cls.step is not Optimizer.step and cls.update is Optimizer.update:
            cls.update = _of_no_use  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for field in fields(self):  # NumPy scalars, such as an lr from np.logspace, would make float64 of float32 arrays
            value = getattr(self, field.name)
            if isinstance(value, np.generic):
                setattr(self, field.name, value.item())
            if isinstance(value, Slot):
                made = f"{type(self).__name__}({field.name}=...)"
                raise ValueError(
                    f"{field.name} must be a technique that was made before, {made}; the class alone, without (), has "
                    f"{value.default} there"
                )
        if self.lr is not None or not self.inner_rules:
            check_range(self, lr="(0, inf)")
        if self.lr is not None and type(self).__dataclass_fields__["lr"].default is None:
            for rule in self.inner_rules.values():
                rule._replace_lr(self.lr)

    @property
    def inner_rules(self) -> dict[str, Optimizer]:
        """The rules that this one wraps, by the name of their field."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in held.items() if isinstance(value, Optimizer)}

    def rules(self) -> Iterator[Optimizer]:
        """Yield this rule and all rules inside of it, from the outside."""
        yield self
        for rule in self.inner_rules.values():
            yield from rule.rules()

    @property
    def rate(self) -> float:
        """Learning rate η before the schedule: its own, or that of the rule it wraps."""
        return self.lr if self.lr is not None else next(iter(self.inner_rules.values())).rate

    def _replace_lr(self, lr: float) -> None:
        self.lr = lr
        if type(self).__dataclass_fields__["lr"].default is None:
            for rule in self.inner_rules.values():
                rule._replace_lr(lr)

    def equip(self, objective: Objective, rng: np.random.Generator) -> None:
        """Give this rule, and those inside of it, what they may ask for; called once, before the first step.

        Args:
            objective: of the batch of each step.
            rng: stream of random numbers for rules, which those of a run share; it is saved with the run.
        """
        for rule in self.rules():
            rule._objective, rule._rng = objective, rng  # type: ignore[misc] # this rule's own

    @property
    def objective(self) -> Objective | None:
        """What it was equipped with, or None."""
        return self._objective

    @property
    def rng(self) -> np.random.Generator:
        """The only source of randomness that a rule may draw from."""
        if self._rng is None:
            raise ValueError(f"{type(self).__name__} draws random numbers: equip it first")
        return self._rng

    def reevaluate(self) -> float:
        """Look again: overwrite the gradient with that of the same batch at the parameters as they stand; return the objective.

        Penalty and clipping are included, the masks of dropout are the same, running statistics move once a step. A rule that
        calls this says ``looks_again = True``.
        """
        return self._seen().loss_and_gradient()

    def loss_only(self) -> float:
        """Return the objective of the same batch at the parameters as they stand; the gradient stays as it is."""
        return self._seen().loss()

    def _seen(self) -> Objective:
        if self._objective is None or not self.looks_again:
            raise ValueError(f"{type(self).__name__} looks again: say looks_again = True in its class, and equip it first")
        return self._objective

    def passed(self) -> Mapping[str, Passed]:
        """Return what made the gradient of each weight array, by its name: the layer's inputs and its outputs' gradient.

        They are those of the step's batch, or of the last ``reevaluate``, and valid until the next one. Arrays that are no
        affine layer's are left out, and on a surface there are none: a rule goes by the plain gradient of those.
        """
        if self._objective is None:
            raise ValueError(f"{type(self).__name__} asks for what passed its layers: equip it first")
        return getattr(self._objective, "passed", dict)()

    def evaluation_parameters(self, out: Array) -> bool:
        """Write the parameters that the network is to be evaluated with, where they are not those that are trained.

        Args:
            out: float array (size,), written.

        Returns:
            Whether they are others; ``out`` means nothing if not. A wrapper answers for the rule inside.
        """
        return any(rule.evaluation_parameters(out) for rule in self.inner_rules.values())

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the rule's state vectors; a rule says ``state = ("m", "v")``, or a property if its options decide."""
        return ()

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:  # noqa: D417 - a rule names its own state vectors
        """Apply the rule to one slice, in place; declare it as ``update(self, theta, g, <state names>, *, t, lr)``.

        Args:
            theta: parameters, float array (n,), read and written in place.
            g: gradient, float array (n,), read.
            <state names>: one float array (n,) for each name in ``state``, read and written in place.
            t: number of this step, from 1.
            lr: learning rate of this step: ``self.lr`` times the schedule's factor.
        """

    def bind(self, parameters: ParametersView) -> None:
        """Attach the rule to one network's parameters and zero its state vectors.

        Raises:
            ValueError: it already drives a network; two networks need two instances.
        """
        if hasattr(self, "parameters"):
            raise ValueError(f"this {type(self).__name__} already drives a network: make one instance for each")
        self.parameters = parameters
        theta = parameters.theta
        self.state_vectors: dict[str, Array] = {name: np.zeros_like(theta) for name in self.state}
        self.scratch_vectors: dict[str, Array] = {name: np.empty_like(theta) for name in self.scratch}
        for name in self.scalars:
            setattr(self, name, 0.0)
        self._walk = Walk([theta, parameters.grad, *self.state_vectors.values()], self.slice_size, self._executor)
        for rule in self.inner_rules.values():
            rule.bind(parameters)

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient.

        Args:
            t: number of this step, from 1.
            factor: what the schedule multiplies the learning rate with.
        """
        self._walk.apply(self.update, t=t, lr=float(self.lr * factor))

    def save(self) -> dict[str, Array]:
        """Return a copy of all state by name, of rules inside too: with theta and t all that is needed to continue."""
        own = {name: vector.copy() for name, vector in self.state_vectors.items()}
        own |= {name: np.array(getattr(self, name)) for name in self.scalars}
        inside = {f"{slot}.{name}": array for slot, rule in self.inner_rules.items() for name, array in rule.save().items()}
        return own | inside

    def load(self, state: Mapping[str, Array]) -> None:
        """Continue from what ``save`` returned.

        Raises:
            ValueError: names or shapes differ from this rule's state.
        """
        own = {name: array for name, array in state.items() if "." not in name or name in self.state_vectors}
        wanted = {name: vector.shape for name, vector in self.state_vectors.items()} | dict.fromkeys(self.scalars, ())
        if {name: array.shape for name, array in own.items()} != wanted:
            raise ValueError(f"the saved state does not fit {type(self).__name__}: it keeps {', '.join(wanted) or 'none'}")
        for name, vector in self.state_vectors.items():
            vector[...] = own[name]
        for name in self.scalars:
            setattr(self, name, own[name].item())
        inside = {name: array for name, array in state.items() if name not in own}
        for slot, rule in self.inner_rules.items():
            part = {name: inside.pop(name) for name in list(inside) if name.startswith(f"{slot}.")}
            rule.load({name.removeprefix(f"{slot}."): array for name, array in part.items()})
        if inside:
            raise ValueError(f"the saved state does not fit {type(self).__name__}: it has no {', '.join(inside)}")


def _of_no_use(self: Optimizer, *args: Any, **kwargs: Any) -> None:
    raise NotImplementedError(f"{type(self).__name__} overrides step: it has no formula for a slice")


def execute_by(rule: Optimizer, executor: type[Program]) -> None:
    """Choose, before a rule is bound, what carries its formula, and those of the rules inside, out once it is taken down."""
    for each in rule.rules():
        each._executor = executor  # type: ignore[misc] # this rule's own
