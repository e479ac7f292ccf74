"""The models that a page offers, and the pairs of them that answer a question."""

import threading
from collections.abc import Iterator, Mapping, Sequence

from arena.errors import InputError
from arena.types import Backend, Battle, ModelSpec, SideName

Pair = Mapping[SideName, Backend]


class Roster:
    """The backends that a page offers, in their order; at least two, once all are here. Safe to use from threads.

    `needs` are the bytes of memory that models need, by id, as far as that is known.
    """

    def __init__(self, backends: Sequence[Backend] = (), needs: Mapping[str, int] | None = None) -> None:
        self._backends = {backend.spec.id: backend for backend in backends}
        self.needs = needs or {}
        # Demo models stand in for others that are added later; beside others that the host has named they are wanted.
        self._stands_in = all(backend.spec.stand_in for backend in backends)
        # Protects changes of both, which are replaced as a whole: readers keep the one that they began with.
        self._lock = threading.Lock()

    def check_new(self, spec: ModelSpec) -> None:
        """Raises InputError if a model with this id or name is offered already."""
        for other in self.specs:
            if spec.id == other.id or spec.name == other.name:
                name = spec.id if spec.id == other.id else spec.name
                message = f"{name} is offered here already. Give the other one a label: LABEL=MODEL."
                raise InputError("model_present", message, model=name)

    def add(self, backend: Backend, need: int = 0) -> None:
        """Offers one more model, which needs these bytes of memory (0: unknown or none). Raises as `check_new`."""
        spec = backend.spec
        with self._lock:
            self.check_new(spec)
            self.needs = {**self.needs, **({spec.id: need} if need else {})}
            self._backends = {**self._backends, spec.id: backend}

    def remove(self, model: str) -> None:
        """Offers a model no more. Conversations that have it go on."""
        with self._lock:
            self._backends = {name: backend for name, backend in self._backends.items() if name != model}

    def __bool__(self) -> bool:
        """Whether a question can be answered: by two models."""
        return len(self) > 1

    def __len__(self) -> int:
        return len(self._backends)

    def __iter__(self) -> Iterator[Backend]:
        return iter(self._backends.values())

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """All models."""
        return tuple(backend.spec for backend in self)

    def __getitem__(self, model: str) -> Backend:
        """The backend of the model with this id. Raises InputError if it is not offered."""
        backends = self._backends
        if model not in backends:
            known = ", ".join(backends)
            raise InputError("model_absent", f"{model!r} is not offered here: {known}.", model=model, known=known)
        return backends[model]

    def get(self, model: str) -> Backend | None:
        """The backend of the model with this id; None if it is not offered."""
        return self._backends.get(model)

    @property
    def first(self) -> Pair:
        """The pair that a page begins with; empty while there are not two models."""
        return dict(zip(SideName, self.wanted, strict=False)) if self else {}

    @property
    def wanted(self) -> tuple[Backend, ...]:
        """The models to begin with and to draw from: no demo models where they stood in for two others."""
        real = tuple(backend for backend in self if not backend.spec.stand_in)
        return real if self._stands_in and len(real) > 1 else tuple(self)

    def pair(self, a: str, b: str, instead: Pair | None = None) -> Pair:
        """The models with these ids; for "" those of `instead`, by default the first pair.

        Raises InputError if one is not offered, or both are the same.
        """
        first = instead or self.first
        a, b = a or first[SideName.A].spec.id, b or first[SideName.B].spec.id
        pair = {SideName.A: self[a], SideName.B: self[b]}
        if a == b:
            raise InputError("same_model", f"Both sides are {a}. Choose two different models.", model=a)
        return pair

    def pair_of(self, battle: Battle) -> Pair | None:
        """The pair that answered a battle; None if a model is not offered any more."""
        sides = {side: self.get(battle.side(side).model.id) for side in SideName}
        return {side: backend for side, backend in sides.items() if backend} if all(sides.values()) else None
