"""The protocol of a backend, a model on a runtime."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from arena.errors import ErrorInfo
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message, ModelSpec


@dataclass(frozen=True)
class LoadState:
    """Whether a model is loaded: `ready`, failed with `error`, or loading for `seconds`."""

    ready: bool
    error: ErrorInfo | None = None
    seconds: float = 0.0


class Backend(Protocol):
    """A model on a runtime. Safe to call from several threads at once."""

    @property
    def spec(self) -> ModelSpec:
        """The model this backend runs."""

    @property
    def load_state(self) -> LoadState:
        """Whether the model is loaded."""

    @property
    def can_continue(self) -> bool:
        """Whether `stream` continues an answer that is the last message, or its thinking, instead of giving another."""

    def load(self) -> None:
        """Starts loading in the background. `stream` also does, and yields chunks with the stage `loading`."""

    def check(self, messages: Sequence[Message]) -> None:
        """Raises InputError if the last turn does not fit into the context. Passes while that is unknown."""

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answers the conversation chunk by chunk; the last chunk has a finish_reason.

        Yields at least every half second, an empty chunk if nothing is new, so that the caller can close it. Closing
        the iterator stops generation within one token or one prefill batch. Raises BackendError if the model fails and
        InputError if the conversation does not fit.
        """

    def close(self) -> None:
        """Frees the model. Running streams end with an error."""
