"""A checkpoint folder with code of its own, as the originals have it: tiny, and written for the tests."""

import json

CODE = """
import torch
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

print('{"result": "code may print what it likes"}')


class FakeConfig(PretrainedConfig):
    model_type = "fake_original"
    num_hidden_layers = 1


class FakeModel(PreTrainedModel, GenerationMixin):
    config_class = FakeConfig

    def __init__(self, config):
        super().__init__(config)
        self.head = torch.nn.Linear(4, 300, bias=False)
        self.post_init()

    def prepare_inputs_for_generation(self, input_ids, **keywords):
        return {"input_ids": input_ids}

    def forward(self, input_ids, **keywords):
        logits = self.head(torch.ones(*input_ids.shape, 4, dtype=self.head.weight.dtype))
        return CausalLMOutputWithPast(logits=logits)

    def chat(self, tokenizer, query, history=None, **keywords):
        ids = torch.tensor([tokenizer.encode(query)])
        if query == "fail":
            raise RuntimeError("no answer to that\\nand more lines")
        out = self.generate(ids, do_sample=True, pad_token_id=0, eos_token_id=None, use_cache=False, **keywords)
        return tokenizer.decode(out[0, ids.shape[1]:].tolist()), []
"""
TOKENIZER = """
from transformers import PreTrainedTokenizer


class FakeTokenizer(PreTrainedTokenizer):
    vocab_size = 300

    def get_vocab(self):
        return {}

    def _tokenize(self, text):
        return list(text)

    def encode(self, text, **keywords):
        return [ord(character) % 256 for character in text]

    def decode(self, ids, **keywords):
        return " ".join(map(str, ids))
"""


def write_fake_original(folder):
    """Writes the folder, with weights that a tiny model of the same code would have."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "modeling_fake.py").write_text(CODE)
    (folder / "tokenization_fake.py").write_text(TOKENIZER)
    auto = {"AutoConfig": "modeling_fake.FakeConfig", "AutoModelForCausalLM": "modeling_fake.FakeModel"}
    (folder / "config.json").write_text(json.dumps({"model_type": "fake_original", "auto_map": auto}))
    tokenizer = {
        "tokenizer_class": "FakeTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_fake.FakeTokenizer", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    save_file({"head.weight": torch.zeros(300, 4)}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
