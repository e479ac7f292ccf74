"""A chat model on transformers, on the CPU: token ids in, token ids out, several conversations at once."""

from pathlib import Path

from arena.generation_config import GenerationConfig
from arena.types import Message, ModelSpec
from backends.families import Chat, open_chat
from backends.families.lora import merge_adapter
from backends.families.weights import architecture_of, load_weights
from backends.folder.adapter import template_of
from backends.memory.estimate import folder_shape
from backends.packed.open import packed_rows
from backends.stepping.batched import Rows, stock_rows
from backends.stepping.scheduler import Scheduler
from backends.stepping.stepper import Stepper


class HfEngine(Stepper):
    """A loaded checkpoint with its chat format."""

    def __init__(self, rows: Rows, chat: Chat, scheduler: Scheduler, context_length: int) -> None:
        self.chat = chat
        shape = folder_shape(rows.model.config.get_text_config().to_dict())
        token_bytes = shape.cache_bytes(1, rows.model.dtype.itemsize)
        super().__init__(rows, chat.stop_ids, scheduler, context_length, token_bytes, shape.states)


def open_engine(spec: ModelSpec, scheduler: Scheduler) -> HfEngine:
    """Loads the folder that `spec.source` names and tests it with two tokens. Raises BackendError."""
    architecture = architecture_of(Path(spec.source))
    checkpoint = architecture.checkpoint
    # The tokenizer first: it loads quickly, and its errors are known before gigabytes are read.
    adapter = Path(spec.adapter) if spec.adapter else None
    chat = open_chat(checkpoint, template_of(adapter) if adapter else None)
    if checkpoint.packed:
        rows = packed_rows(architecture, adapter)
    else:
        model = load_weights(architecture, spec.precision)
        if adapter:
            model = merge_adapter(model, architecture.family, adapter)
        rows = stock_rows(model)
    engine = HfEngine(rows, chat, scheduler, spec.context_length)
    # A packed folder was tested when it was made, and reading all of it would take longer than opening it.
    if adapter or not checkpoint.packed:
        # Two tokens: the second is the first to use the cache.
        list(engine.generate(chat.prompt_ids([Message("user", "Hi")]), GenerationConfig(2, temperature=0)))
        engine.forget()
    return engine
