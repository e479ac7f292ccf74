"""The results tab. Knows no component."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "counted_all": ("全部", "all"),
    "counted_clean": ("不含暴露身份的", "names not told"),
    "leaked_note": (
        "其中 {count} 票的回答里，模型说出了自己或对手的名字。去掉这些票之后：",
        "In {count} of these votes an answer named its model, its maker or its rival. Without them:",
    ),
    "column_counted": ("计入的票", "Votes counted"),
    "results_note": (
        "胜率只算分出胜负的票；区间为 95% Wilson 区间。结论只适用于这些题目和投票者。",
        "The win rate counts decisive votes only; the interval is the 95 % Wilson interval. "
        "It speaks of these prompts and raters, no others.",
    ),
    "no_votes": ("还没有投票", "No votes yet"),
    "total_votes": ("共 {count} 票", "Votes: {count}"),
    "unreadable": ("有 {count} 行无法读取，未计入", "{count} rows could not be read and are not counted"),
    "column_first": ("模型", "Model"),
    "column_second": ("对手", "Against"),
    "column_votes": ("票数", "Votes"),
    "column_wins": ("胜", "Wins"),
    "column_losses": ("负", "Losses"),
    "column_ties": ("平", "Ties"),
    "column_both_bad": ("都不好", "Both bad"),
    "column_rate": ("胜率 %", "Win rate %"),
    "column_low": ("下限 %", "Low %"),
    "column_high": ("上限 %", "High %"),
    "rate_sentence": (
        "{first} 对 {second}：在 {decisive} 张分出胜负的票里赢了 {wins} 张，胜率 {rate}%（95% 区间 {low}%–{high}%）",
        "{first} against {second}: won {wins} of {decisive} decisive votes, {rate} % (95 % interval {low} to {high} %)",
    ),
    "refresh": ("刷新", "Refresh"),
    "download": ("下载 CSV", "Download CSV"),
    "download_excel": ("下载 Excel 用 CSV", "Download CSV for Excel"),
}
