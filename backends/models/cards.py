"""The model cards of the catalogue, with what the makers publish."""

from dataclasses import replace

from arena.model_card import ModelCard
from backends.models.catalog import EMBEDDED, HUGGINGFACE, PUBLISHED

_GITHUB = "https://github.com"
_ARXIV = "https://arxiv.org/abs"

_ZH_EN = ("中文、英文", "Chinese and English")
_ZHIPU = ("智谱 AI", "Zhipu AI")

_GLM_PAPER = (
    "Team GLM. ChatGLM: A Family of Large Language Models from GLM-130B to GLM-4 All Tools. arXiv:2406.12793, 2024."
)

_QWEN = ModelCard(
    developer=("阿里云", "Alibaba Cloud"),
    architecture=(
        "Transformer 解码器（RoPE、SwiGLU、RMSNorm），32 层",
        "Transformer decoder (RoPE, SwiGLU, RMSNorm), 32 layers",
    ),
    parameters=7.7e9,
    context_length=8192,
    released="2023-08-03",
    updated="2023-09-25",
    repository=f"{_GITHUB}/QwenLM/Qwen",
    training_data=(
        "预训练 2.4 万亿 tokens：网络文本、书籍、代码等；再经对齐训练",
        "2.4 trillion tokens of pretraining: web texts, books, code and more; then alignment",
    ),
    languages=("多语言，以中文和英文为主", "multilingual, mainly Chinese and English"),
    paper="J. Bai et al. Qwen Technical Report. arXiv:2309.16609, 2023.",
    paper_address=f"{_ARXIV}/2309.16609",
)
_CHATGLM3 = ModelCard(
    developer=("智谱 AI 与清华大学 KEG 实验室", "Zhipu AI and Tsinghua University's KEG"),
    architecture=(
        "GLM：Transformer 解码器（RoPE、SwiGLU、RMSNorm、多查询注意力），28 层",
        "GLM: Transformer decoder (RoPE, SwiGLU, RMSNorm, multi-query attention), 28 layers",
    ),
    parameters=6.2e9,
    context_length=8192,
    released="2023-10-27",
    repository=f"{_GITHUB}/THUDM/ChatGLM3",
    languages=_ZH_EN,
    paper=_GLM_PAPER,
    paper_address=f"{_ARXIV}/2406.12793",
)

_QWEN25 = ModelCard(
    developer=("阿里云通义千问团队", "Qwen team, Alibaba Cloud"),
    architecture=(
        "Transformer 解码器（RoPE、SwiGLU、RMSNorm、注意力 QKV 偏置、分组查询注意力）",
        "Transformer decoder (RoPE, SwiGLU, RMSNorm, attention QKV bias, grouped-query attention)",
    ),
    parameters=0,
    context_length=32_768,
    released="2024-09-19",
    repository=f"{_GITHUB}/QwenLM/Qwen2.5",
    training_data=("Qwen2.5 系列预训练最多 18 万亿 tokens", "up to 18 trillion tokens of pretraining in the series"),
    languages=("29 种以上，含中文、英文", "more than 29, including Chinese and English"),
    paper="Qwen Team. Qwen2.5 Technical Report. arXiv:2412.15115, 2024.",
    paper_address=f"{_ARXIV}/2412.15115",
)
_QWEN3 = replace(
    _QWEN25,
    architecture=(
        "Transformer 解码器（RoPE、SwiGLU、RMSNorm、QK 归一化、分组查询注意力）",
        "Transformer decoder (RoPE, SwiGLU, RMSNorm, QK-Norm, grouped-query attention)",
    ),
    released="2025-04-29",
    repository=f"{_GITHUB}/QwenLM/Qwen3",
    training_data=("Qwen3 系列预训练约 36 万亿 tokens", "about 36 trillion tokens of pretraining in the series"),
    languages=("100 多种语言和方言", "more than 100 languages and dialects"),
    paper="Qwen Team. Qwen3 Technical Report. arXiv:2505.09388, 2025.",
    paper_address=f"{_ARXIV}/2505.09388",
)
_GLM4 = ModelCard(
    developer=_ZHIPU,
    architecture=(
        "GLM-4：Transformer 解码器（RoPE、SwiGLU、RMSNorm、分组查询注意力），40 层",
        "GLM-4: Transformer decoder (RoPE, SwiGLU, RMSNorm, grouped-query attention), 40 layers",
    ),
    parameters=9.4e9,
    context_length=131_072,
    released="2024-06-05",
    repository=f"{_GITHUB}/THUDM/GLM-4",
    training_data=(
        "预训练约 10 万亿 tokens，以中文和英文为主",
        "about 10 trillion tokens of pretraining, mostly Chinese and English",
    ),
    languages=("26 种，含中文、英文、日文、韩文、德文", "26, including Chinese, English, Japanese, Korean and German"),
    paper=_GLM_PAPER,
    paper_address=f"{_ARXIV}/2406.12793",
)
_GLM_EDGE = ModelCard(
    developer=_ZHIPU,
    architecture=("GLM（在 GLM-4 的基础上为端侧设备调整结构）", "GLM, adapted from GLM-4 for edge devices"),
    parameters=0,
    context_length=8192,
    released="2024-11",
    repository=f"{_GITHUB}/THUDM/GLM-Edge",
    languages=_ZH_EN,
)
_SMOLLM2 = ModelCard(
    developer=("Hugging Face", "Hugging Face"),
    architecture=("Llama 式 Transformer 解码器，30 层", "Llama-style Transformer decoder, 30 layers"),
    parameters=135e6,
    context_length=8192,
    released="2024-11",
    address=f"{HUGGINGFACE}/HuggingFaceTB/SmolLM2-135M-Instruct",
    repository=f"{_GITHUB}/huggingface/smollm",
    training_data=(
        "预训练 2 万亿 tokens：FineWeb-Edu、DCLM、The Stack 等；再经 SFT 与 DPO",
        "2 trillion tokens of pretraining: FineWeb-Edu, DCLM, The Stack and more; then SFT and DPO",
    ),
    languages=("以英文为主", "mainly English"),
    paper=(
        "L. Ben Allal et al. SmolLM2: When Smol Goes Big. Data-Centric Training of a Small Language Model. "
        "arXiv:2502.02737, 2025."
    ),
    paper_address=f"{_ARXIV}/2502.02737",
)


_SERIES = {
    "qwen-7b-chat": _QWEN,
    "chatglm3-6b": _CHATGLM3,
    "qwen2.5-0.5b": replace(_QWEN25, parameters=0.49e9),
    "qwen2.5-1.5b": replace(_QWEN25, parameters=1.54e9),
    "qwen2.5-3b": replace(_QWEN25, parameters=3.09e9),
    "qwen2.5-7b": replace(_QWEN25, parameters=7.61e9, context_length=131_072),
    "qwen3-0.6b": replace(_QWEN3, parameters=0.6e9),
    "qwen3-1.7b": replace(_QWEN3, parameters=1.7e9),
    "qwen3-4b": replace(_QWEN3, parameters=4.0e9),
    "qwen3-4b-2507": replace(_QWEN3, parameters=4.0e9, context_length=262_144, released="2025-08-06"),
    "qwen3-8b": replace(_QWEN3, parameters=8.2e9),
    "glm-4-9b-chat": _GLM4,
    # Its card names neither the training data nor the languages of this size.
    "glm-4-9b-0414": replace(_GLM4, context_length=32_768, released="2025-04-14", training_data=None, languages=None),
    "glm-edge-1.5b-chat": replace(_GLM_EDGE, parameters=1.59e9),
    "glm-edge-4b-chat": replace(_GLM_EDGE, parameters=4.33e9),
}
CARDS = {
    **{
        model_id: replace(card, address=f"{HUGGINGFACE}/{PUBLISHED[model_id].repos['huggingface'].id}")
        for model_id, card in _SERIES.items()
    },
    **dict.fromkeys(EMBEDDED, _SMOLLM2),
}
