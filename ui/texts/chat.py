"""The chat tab: status lines and the vote under the panes. Knows no component."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # status lines
    "idle": ("就绪", "Ready"),
    "load_wait": ("正在加载模型… {seconds} 秒", "Loading the model… {seconds} s"),
    "load_failed_state": ("加载失败：{reason}（再次发送会重试）", "Loading failed: {reason} (sending again retries)"),
    "waiting": ("等待中…", "Waiting…"),
    "queued": ("排队中，前面还有 {ahead} 个", "Queued, {ahead} ahead"),
    "queued_time": ("排队中，前面还有 {ahead} 个，约 {seconds} 秒", "Queued, {ahead} ahead, about {seconds} s"),
    "reading": ("正在读题…", "Reading the prompt…"),
    "reading_part": ("正在读题… {done}/{total} token", "Reading the prompt… {done}/{total} tokens"),
    "generating": ("生成中", "Answering"),
    "done": ("完成", "Done"),
    "cut": ("在 {tokens} 个 token 处截断", "Cut at {tokens} tokens"),
    "thinking_cut": ("思考到 token 上限，没有给出回答", "Cut while still reasoning; no answer"),
    "stopped": ("已停止", "Stopped"),
    "empty_answer": ("模型没有给出任何内容", "The model gave an empty answer"),
    "failed": ("出错：{reason}", "Error: {reason}"),
    "first_token": ("首字 {seconds} 秒", "first token after {seconds} s"),
    "speed": ("{speed} token/秒", "{speed} tokens/s"),
    "length": ("{tokens} token", "{tokens} tokens"),
    "dropped": (
        "对话超出上下文长度，最早的 {count} 轮没有带上",
        "the context is full: the oldest turns left out: {count}",
    ),
    # voting
    "vote": ("哪个回答更好？", "Which answer is better?"),
    "vote_info": ("按键 1–4 选择，Enter 提交", "Keys 1 to 4 select, Enter submits"),
    "vote_model_a": ("👈 左边更好", "👈 Left is better"),
    "vote_model_b": ("右边更好 👉", "Right is better 👉"),
    "vote_tie": ("🤝 不分上下", "🤝 Tie"),
    "vote_tie (bothbad)": ("👎 都不好", "👎 Both are bad"),
    "submit": ("提交投票", "Submit vote"),
    "vote_wait": ("两边都答完之后才能投票", "You can vote when both answers are complete"),
    "vote_open": ("两边都答完了，请投票", "Both answers are complete: please vote"),
    "vote_not": ("这一轮有一边没有正常答完，不能投票", "One side did not end normally, so this round cannot be judged"),
    "vote_choose": ("请先选择一项", "Choose one of the four first"),
    "receipt": ("✅ 已保存：{choice}（{a} 对 {b}，回执 {id}）", "✅ Saved: {choice} ({a} against {b}, receipt {id})"),
}
