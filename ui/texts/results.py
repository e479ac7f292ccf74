"""The results tab and the replay."""

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- results at a glance
    "head_no_votes": ("还没有投票。", "No votes yet."),
    "head_nobody_done": ("尚无定论：还没有人评完。", "Too early to call: no rater has finished yet."),
    "head_not_yet": (
        "尚无定论：{first} 领先，但区间包含 50%。",
        "Too early to call: {first} leads, but its interval includes 50%.",
    ),
    "head_even": ("尚无定论：目前各得一半。", "Too early to call: so far each model has half of the votes."),
    "head_preferred": ("投票者更喜欢 {model}。", "Raters prefer {model}."),
    "head_alike": ("{first} 和 {second} 不相上下。", "{first} and {second} are about equal."),
    "head_raters_changed": ("尚无定论：先后的投票者意见不同。", "Too early to call: early and late raters disagree."),
    "head_swayed": (
        "{first} 得票更多，但可能是因为长度、位置或排版。",
        "{first} gets more votes, but length, position or formatting may explain it.",
    ),
    "head_ranked": ("{model} 在 {count} 个模型中排名第一。", "{model} ranks first of {count} models."),
    "head_unranked": (
        "尚无定论：{count} 个模型中还分不出第一。",
        "Too early to call: no model of {count} ranks first.",
    ),
    "picture_bar": ("{model} 占 {share}，区间 {low} 至 {high}", "{model} {share}, interval {low} to {high}"),
    "picture_note": (
        "每位投票者给出的份额的平均值；95% 区间为 {low} 至 {high}，任何时候查看都成立。",
        "Average share of each rater's votes, a tie counting half. 95% interval {low} to {high}, valid at any time.",
    ),
    "tile_votes": ("票", "votes"),
    "tile_raters": ("位投票者", "raters"),
    "tile_prompts": ("道题", "prompts"),
    "tile_agreement": ("一致性（α）", "agreement (alpha)"),
    "go_rate": ("去评判", "Rate answers"),
    "results_details": ("详情", "Details"),
    # ---- results
    "refresh": ("刷新", "Refresh"),
    "download": ("下载 CSV", "Download CSV"),
    "download_excel": ("下载 Excel 文件", "Download Excel file"),
    "results_reading": ("正在读取投票：{share}%", "Reading votes: {share}%"),
    "results_counting": ("正在统计……", "Counting…"),
    "results_left": ("，还需约 {seconds} 秒", ", about {seconds} s left"),
    "results_filter": ("只看", "Show only"),
    "filter_blind": ("盲测的票", "blind votes"),
    "filter_complete": ("两个回答都完整的票", "two complete answers"),
    "filter_not_leaked": ("回答没有暴露身份的票", "answers that don't reveal their model"),
    "filter_not_suspicious": ("不可疑的票", "votes that don't look careless"),
    "filter_count": ("{name}（{count}）", "{name} ({count})"),
    "results_chart_note": (
        "色条：各种结果的票数。线段：{model} 在各位投票者那里所得份额的平均值和区间，算法与结论相同。",
        "Bars: votes by outcome. Lines: {model}'s average share of each rater's votes, with the verdict's interval.",
    ),
    "ratings_note": (
        "各模型的评分与 95% 区间，横轴从 {low} 到 {high}。",
        "Each model's rating with its 95% interval, on a scale from {low} to {high}.",
    ),
    "sign_test": (
        "按题目看：{first} 领先 {a} 题，{second} 领先 {b} 题，持平 {c} 题；符号检验 p = {p}。",
        "By prompt: {first} leads on {a}, {second} on {b}, tied on {c}; sign test p = {p}.",
    ),
    "prior_note": (
        "有模型从未输过或从未赢过，只凭票数算不出有限的评分：每一对比较过的模型都各加了半场胜利（{prior}）。",
        "Votes alone give no finite ratings, because some model never lost or never won. Half a win each way "
        "({prior}) was added to every pair that met.",
    ),
    "rating_note": (
        "名次是各对模型的结论所允许的范围（按模型对的数目校正，中途看多少次都成立）。评分为 Bradley-Terry，换算成 "
        "Elo 的单位，平均 1000；区间把每位投票者的票当作一个整体、只看一次，人或票太少，"
        "或有模型从未输过或赢过时不给出。平局和都不好各算半场胜利。Elo 一栏取决于投票的先后，仅供参考。",
        "Ranks are what the verdicts on all pairs allow, corrected for the number of pairs and valid at any time. "
        "Ratings are Bradley-Terry on the Elo scale, with a mean of 1000. Their intervals treat each rater's votes "
        "as one block and hold for a single look; they are left out if raters or votes are too few, or if a model "
        "never lost or never won. A tie, or both bad, is half a win each way. Elo depends on the order of votes.",
    ),
    "rate_note": (
        "胜率只算分出胜负的票，Wilson 区间把每一票当作独立的、只看一次；上面的结论则把每位投票者只算一次，平局算半票。",
        "The win rate counts decisive votes only. Its Wilson interval treats every vote as independent and holds "
        "for a single look. The verdict above counts each rater once and a tie as half.",
    ),
    "dimension_note": (
        "各维度的结论与总结论用同一种方法，并按维度数校正。",
        "The verdict on a dimension uses the same method, corrected for the number of dimensions.",
    ),
    # Sections.
    "section_counts": ("胜、平、负", "Wins, ties and losses"),
    "section_models": ("排名", "Ranking"),
    "section_dimension": ("按维度", "By dimension"),
    "section_category": ("按类别", "By category"),
    "section_prompt": ("按题目", "By prompt"),
    "section_language": ("按题目语言", "By prompt language"),
    "section_source": ("按来源", "By source"),
    "section_room": ("按课堂", "By room"),
    "section_bias": ("可能影响投票的因素", "Possible bias"),
    "section_agreement": ("投票者之间是否一致", "Agreement between raters"),
    "section_cost": ("速度与代价", "Speed and cost"),
    "section_left_out": ("没有计入的票", "Excluded votes"),
    "group_none": ("（无）", "(none)"),
    "group_own": ("自拟的题目", "own prompts"),
    "group_live": ("现场回答", "live"),
    "group_recorded": ("录好的回答", "recorded"),
    "language_Chinese": ("中文", "Chinese"),
    "language_English": ("英文", "English"),
    # Tables.
    "column_rank": ("可能的名次", "Possible ranks"),
    "column_group": ("组", "Group"),
    "column_first": ("模型", "Model"),
    "column_second": ("对手", "Opponent"),
    "column_votes": ("票数", "Votes"),
    "column_wins": ("胜", "Wins"),
    "column_losses": ("负", "Losses"),
    "column_ties": ("平", "Ties"),
    "column_both_bad": ("都不好", "Both bad"),
    "column_rate": ("胜率 %", "Win rate %"),
    "column_wilson": ("Wilson 95% 区间", "Wilson 95% interval"),
    "column_verdict": ("结论", "Verdict"),
    "column_rating": ("评分", "Rating"),
    "column_rating_interval": ("评分 95% 区间", "95% interval of the rating"),
    "column_elo": ("Elo（看先后）", "Elo (order-dependent)"),
    "column_precision": ("精度", "Precision"),
    "column_answers": ("回答数", "Answers"),
    "column_seconds": ("秒（中位数）", "Seconds (median)"),
    "column_tokens": ("token（中位数）", "Tokens (median)"),
    "column_speed": ("token/秒（中位数）", "Tokens/s (median)"),
    "column_memory": ("内存峰值 GB", "Peak memory GB"),
    "interval": ("{low}–{high}", "{low}–{high}"),
    # Bias.
    "wilson_line": ("{line}Wilson 区间 {low}%–{high}%。", "{line} Wilson interval {low}–{high}%."),
    "agree_interval": ("95% 区间：{low} 到 {high}。", "95% interval: {low} to {high}."),
    "disputed_line": (
        "分歧最大的题目：{prompt}。任取评判同一组回答的两次评判，{share}% 不一致（{votes} 票）。",
        "Most disputed prompt: {prompt}. Two votes on the same pair of answers differ {share}% of the time (votes: "
        "{votes}).",
    ),
    "prompt_cost_line": (
        "{prompt}：{winner} 获胜（{decisive} 张胜负票中得 {wins} 张），用时是 {loser} 的 {times} 倍",
        "{winner} wins {prompt} ({wins} of {decisive} decisive votes) but takes {times} times as long as {loser}",
    ),
    # What is left out.
    "left_repeats": (
        "重复对比的票（用来看前后是否一致）：{count}",
        "Votes on repeated battles (used to measure consistency): {count}",
    ),
    "left_duplicates": (
        "同一人对同一对比的第二票：{count}",
        "Second votes by the same rater on the same battle: {count}",
    ),
    "left_withdrawn": ("已撤回的票：{count}", "Withdrawn votes: {count}"),
    "left_unfinished": ("末行未写完的文件：{count}", "Files with a truncated last row: {count}"),
    "left_damaged": (
        "计入了、但对话或设置已损坏的票（电子表格会截断过长的单元格）：{count}",
        "Votes counted although their conversation or settings are damaged (spreadsheets cut long cells): {count}",
    ),
    "unreadable": ("无法读取的行：{count}", "Unreadable rows: {count}"),
    "unreadable_row": ("{file} 第 {line} 行：{reason}", "{file}, line {line}: {reason}"),
    "unreadable_more": ("……以及另外 {count} 行", "… and {count} more"),
    # ---- replay
    "replay_arena": ("去对战页试试", "Try the arena"),
    "replay_details": ("这两个回答是怎样生成的", "How these answers were generated"),
    "replay_host": ("主持人", "For the host"),
    "replay_other": (
        "待处理的举报，或其他对比的编号（CSV 里的 question_id）",
        "Reported battles to decide on, or the ID of another (question_id in the CSV)",
    ),
    "replay_link": ("这次对比的链接", "Link to this battle"),
    "replay_chosen": ("被选中", "Chosen"),
    "replay_again": ("用相同的种子再问一次", "Ask again with the same seed"),
    "replay_outcome": ("一位投票者的评判：{outcome}", "One rater's vote: {outcome}"),
    "replay_fact": ("项目", "Property"),
    "replay_revision": ("权重版本", "Weights revision"),
    "replay_finish": ("结束方式", "Finish reason"),
    "replay_tokens": ("token 数", "Tokens"),
    "replay_seconds": ("用时（秒）", "Seconds"),
    "replay_messages": ("提问的 SHA-256", "Prompt SHA-256"),
    "replay_answer": ("回答的 SHA-256", "Answer SHA-256"),
    "replay_side_a": ("左", "Left"),
    "replay_side_b": ("右", "Right"),
    "replay_line": ("{side}（{model}）：{words}", "{side} ({model}): {words}"),
    "replay_growing": ("已生成 {count} 个字符，到目前为止一致", "{count} characters so far, all identical"),
    "replay_waiting": ("等待模型", "waiting for the model"),
    "replay_same": ("与当时的输出完全一致（{count} 个字符）", "identical to the recorded output ({count} characters)"),
    "replay_differs": (
        "与当时的输出不同：前 {count} 个字符一致，之后不同",
        "The output differs from the recorded one after {count} characters",
    ),
    "replay_failed": ("没有完成：{reason}", "failed: {reason}"),
    "replay_stopped": ("已停止", "stopped"),
    "replay_not_here": ("这里没有运行这个模型", "this model is not running here"),
    "replay_other_weights": (
        "这里运行的权重或精度与当时不同（{revision}，{precision}）",
        "other weights or precision are running here ({revision}, {precision})",
    ),
    "replay_no_seed": (
        "当时没有记录随机种子，再问一次也无法比较",
        "no seed was recorded, so a new answer cannot be compared",
    ),
    "replay_withdraw": ("撤回这位投票者的全部投票", "Withdraw all votes of this rater"),
    "replay_withdraw_sure": ("确定撤回", "Withdraw permanently"),
    "replay_withdraw_count": (
        "这位投票者共有 {count} 票。撤回后不再计入任何结果和导出，且不能恢复。",
        "This rater has {count} votes. Withdrawn votes are left out of all results and exports, permanently.",
    ),
    "replay_withdraw_nobody": ("这一票没有记录投票者", "This vote has no recorded rater"),
    "replay_report": ("举报这次对比", "Report this battle"),
    "replay_reported": ("已收到举报，主持人会查看。", "Thank you. The host will review it."),
    "replay_hide": ("对读者隐藏", "Hide from readers"),
    "replay_unhide": ("重新显示", "Show again"),
    "replay_hidden_words": (
        "已对读者隐藏：含有词表中的词。",
        "Hidden from readers: it contains a word on the host's list.",
    ),
    "replay_hidden_reports": ("已对读者隐藏：被多人举报。", "Hidden from readers: several of them reported it."),
    "replay_hidden_host": ("已由主持人对读者隐藏。", "Hidden from readers by the host."),
}
