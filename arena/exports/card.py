"""README.md of the zip with all formats. Hugging Face reads it as the card of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from arena.exports.formats import (
    AGAIN,
    CUT,
    DATASET_INFO,
    DRAWN,
    EQUAL,
    LEAKED,
    LLAMA_FACTORY,
    NAMED,
    REPEATED,
    TIED,
    TRL,
    UNLIKE,
    Preferences,
)

# Lists only the votes: `datasets` reads all listed files with the reader of the first.
_FRONT_MATTER = """\
---
configs:
- config_name: votes
  data_files: votes.parquet
---
"""

ABOUT = {
    "votes.csv": (
        "All votes exactly as they were stored: UTF-8, RFC 4180, one row per vote.",
        "全部投票，与存储的完全一致：UTF-8、RFC 4180，每行一票。",
    ),
    "votes.parquet": (
        "The same votes with typed columns; an empty cell is null. "
        'For pandas, and for datasets: load_dataset("THIS FOLDER").',
        '同样的投票，各列带有类型，空单元格为 null。供 pandas 和 datasets 读取：load_dataset("本文件夹")。',
    ),
    "votes.xlsx": (
        "The same votes for Excel and other spreadsheets. All text is stored as text; very long cells are cut.",
        "同样的投票，供 Excel 等电子表格打开。文字一律存为文本，过长的单元格会被截断。",
    ),
    "clean_battle.json": (
        "For FastChat's rating scripts, without repeated battles.",
        "供 FastChat 的评分脚本使用，不含重复对比。",
    ),
    "pairs.csv": (
        "For evalica: left, right, winner; without repeated battles.",
        "供 evalica 使用：left、right、winner 三列，不含重复对比。",
    ),
    TRL: (
        "For TRL's preference trainers: one row for each prompt and pair of answers. "
        "chosen is the answer that more raters preferred, by votes_for to votes_against.",
        "供 TRL 的偏好训练使用：每道题的每对回答一行，chosen 是多数投票者选择的回答，"
        "票数见 votes_for 和 votes_against。",
    ),
    LLAMA_FACTORY: (
        "The same pairs for LLaMA-Factory: dataset_dir: THIS FOLDER, dataset: preferences.",
        "同样的偏好对，供 LLaMA-Factory 使用：dataset_dir: 本文件夹，dataset: preferences。",
    ),
    DATASET_INFO: (
        f"Describes {LLAMA_FACTORY} to LLaMA-Factory.",
        f"向 LLaMA-Factory 说明 {LLAMA_FACTORY} 的格式。",
    ),
    "LICENCES.txt": (
        "The licences of the models that wrote the answers.",
        "生成这些回答的各模型的许可证。",
    ),
}
"""The description of each file, in English and in Chinese."""

_LEFT_OUT = {
    REPEATED: ("repeated battles", "重复对比"),
    NAMED: ("names shown", "未隐藏模型名称"),
    LEAKED: ("leaked: an answer gave away its model", "身份泄露：回答暴露了自己的模型"),
    TIED: ("ties, both bad among them", "平局，包括“都不好”"),
    UNLIKE: ("the two sides were asked different things, or turns do not alternate", "两边的对话不同，或角色没有交替"),
    EQUAL: ("equal answers", "两个回答相同"),
    CUT: ("an answer cut short, failed or empty", "有回答被截断、出错或为空"),
    AGAIN: ("a rater's second vote on the same two answers", "同一投票者对同样两个回答的再次投票"),
    DRAWN: ("disagreement: as many raters for one answer as for the other", "分歧：两个回答得票相同"),
}

_NOTICE = f"""\
Before you train on {TRL} or {LLAMA_FACTORY}: the licence of Qwen-7B-Chat (Tongyi Qianwen) forbids using its output to
improve any other large language model. Read LICENCES.txt.

用 {TRL} 或 {LLAMA_FACTORY} 训练之前请注意：Qwen-7B-Chat（通义千问）的许可证禁止用其输出改进其他大语言模型。请先阅读
LICENCES.txt。
"""


def card(rows: Mapping[str, int], preferences: Preferences) -> str:
    """The text of README.md; `rows` has the number of rows by file name."""
    lines = ["# Votes on a side-by-side comparison of chat models / 对话模型对比投票", ""]
    lines += [datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"), "", "## Files / 文件", ""]
    for name, (english, chinese) in ABOUT.items():
        count = f" ({rows[name]})" if name in rows else ""
        lines.append(f"- `{name}`{count}: {english} / {chinese}")
    lines += ["", "## Preferences / 偏好数据", ""]
    lines.append(f"- Pairs / 偏好对: {preferences.pairs}")
    lines.append(f"- Votes that they rest on / 所依据的票数: {preferences.votes}")
    lines += ["", "Votes left out, by the first reason that applies / 未采用的票，按第一个符合的原因计:", ""]
    for reason, (english, chinese) in _LEFT_OUT.items():
        lines.append(f"- {english} / {chinese}: {preferences.left_out[reason]}")
    return _FRONT_MATTER + "\n".join(["", *lines, "", _NOTICE])
