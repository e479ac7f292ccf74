"""The replay of one battle. Knows no component."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "replay_title": ("重看一次对比", "Replay a battle"),
    "replay_id": ("对比编号（CSV 里的 question_id）", "Id of the battle (question_id in the CSV)"),
    "replay_look": ("查看", "Show"),
    "replay_link": ("这次对比的链接", "Link to this battle"),
    "replay_again": ("用相同的种子再问一次", "Ask again with the same seed"),
    "replay_stop": ("停止", "Stop"),
    "replay_outcome": ("当时的评判：{outcome}", "The vote on it: {outcome}"),
    "replay_fact": ("项目", "Fact"),
    "replay_model": ("模型", "Model"),
    "replay_precision": ("精度", "Precision"),
    "replay_revision": ("权重版本", "Revision of the weights"),
    "replay_settings": ("生成设置", "Settings"),
    "replay_finish": ("结束方式", "How it ended"),
    "replay_tokens": ("词元数", "Tokens"),
    "replay_seconds": ("用时（秒）", "Seconds"),
    "replay_messages": ("提问的 SHA-256", "SHA-256 of what was asked"),
    "replay_answer": ("回答的 SHA-256", "SHA-256 of the answer"),
    "replay_side_a": ("左", "Left"),
    "replay_side_b": ("右", "Right"),
    "replay_line": ("{side}（{model}）：{words}", "{side} ({model}): {words}"),
    "replay_growing": ("已生成 {count} 个字符，到目前为止一致", "{count} characters so far, all the same"),
    "replay_waiting": ("等待模型", "waiting for the model"),
    "replay_same": ("与当时的输出完全一致（{count} 个字符）", "the output is the same as then ({count} characters)"),
    "replay_differs": (
        "与当时的输出不同：前 {count} 个字符一致，之后不同",
        "the output is another than then: the first {count} characters are the same, what follows is not",
    ),
    "replay_failed": ("没有完成：{reason}", "it did not end: {reason}"),
    "replay_stopped": ("已停止", "stopped"),
    "replay_not_here": ("这里没有运行这个模型", "this model does not run here"),
    "replay_other_weights": (
        "这里运行的权重或精度与当时不同（{revision}，{precision}）",
        "the weights or the precision here are others than then ({revision}, {precision})",
    ),
    "replay_no_seed": (
        "当时没有记录随机种子，再问一次也无法比较",
        "it was sampled without a seed that is known: another answer would say nothing",
    ),
    "replay_withdraw": ("撤回这位投票者的全部投票", "Take back all votes of this rater"),
    "replay_withdraw_sure": ("确定撤回", "Yes, take them back"),
    "replay_withdraw_count": (
        "这位投票者共有 {count} 票。撤回后不再计入任何结果和导出，且不能恢复。",
        "This rater has votes: {count}. Once taken back they count in no result and no export, for good.",
    ),
    "replay_withdraw_nobody": ("这一票没有记录投票者", "This vote names no rater"),
    "replay_withdrawn": ("已撤回 {count} 票", "Votes taken back: {count}"),
    "error_replay_unknown": ("没有找到这次对比的投票", "There is no vote on such a battle"),
}
