"""The strings of a report."""

from arena.results import texts as results
from arena.texts import Texts

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "title": ("{first} 与 {second} 对比报告", "{first} and {second}: a comparison"),
    "field": ("项目", "Field"),
    "value": ("内容", "Value"),
    # ---- summary
    "summary": ("摘要", "Summary"),
    "scope": (
        "本报告对比 {first} 与 {second} 对 {prompts} 道题的 {answers} 个回答。",
        "This report compares {first} and {second} on {prompts} prompts, with {answers} answers.",
    ),
    "no_votes": (
        "没有投票，因此这里只有回答、用时和程序核对，没有偏好。",
        "There are no votes. This report has answers, times and checks, but no preferences.",
    ),
    "overall": (
        "总体上 {first} 胜 {wins} 票，{second} 胜 {losses} 票，打平 {ties} 票，都不好 {both_bad} 票。",
        "Overall, {first} won {wins} and {second} won {losses}; ties: {ties}, both bad: {both_bad}.",
    ),
    "times": (
        "{first} 的 {timed_first} 个有计时的回答共用 {seconds_first}，{second} 的 {timed_second} 个共用 "
        "{seconds_second}。",
        "Total answer time: {first} {seconds_first} ({timed_first} timed), {second} {seconds_second} ({timed_second} "
        "timed).",
    ),
    "times_ratio": ("{slower} 用时是 {faster} 的 {ratio} 倍。", "{slower} took {ratio} times as long as {faster}."),
    "checks_passed": (
        "程序核对：{first} 通过 {passed_first}/{checks_first} 项，{second} 通过 {passed_second}/{checks_second} 项。",
        "Automatic checks: {first} passed {passed_first} of {checks_first}, {second} {passed_second} of "
        "{checks_second}.",
    ),
    # ---- environment
    "environment": ("环境与部署", "Environment and deployment"),
    "machine": ("运行环境", "The machine"),
    "machine_unknown": ("回答的运行环境没有记录。", "The machine that ran the models is not recorded."),
    "processor": ("处理器", "Processor"),
    "cores": ("可用核数", "Cores"),
    "memory": ("内存", "Memory"),
    "system": ("系统", "System"),
    "versions": ("软件版本", "Versions"),
    "models": ("两个模型", "The two models"),
    "model": ("模型", "Model"),
    "id": ("编号", "ID"),
    "published": ("发布处", "Published at"),
    "parameters": ("参数量", "Parameters"),
    "context": ("上下文长度", "Context length"),
    "tokens": ("{count} 个 token", "{count} tokens"),
    "precision": ("精度", "Precision"),
    "revision": ("版本", "Revision"),
    "licence": ("许可证", "Licence"),
    "settings": ("生成设置", "Settings"),
    "unknown": ("未记录", "not recorded"),
    "deployment": ("部署方式", "How each model was deployed"),
    "deployed": (
        "{model} 用 {runtime} 运行，精度 {precision}，共 {answers} 个回答，其中 {failed} 个失败、{truncated} "
        "个到达长度上限。",
        "{model} ran on {runtime} in {precision}. Answers: {answers}, failed: {failed}, stopped at the token limit: "
        "{truncated}.",
    ),
    "imported": (
        "{model} 的 {answers} 个回答是在别处得到后导入的，运行方式没有记录；其中 {truncated} 个不完整。",
        "The answers of {model} were generated elsewhere and imported; how it ran is not recorded. Answers: "
        "{answers}, incomplete: {truncated}.",
    ),
    "costs": ("用时、速度与内存", "Time, speed and memory"),
    "answers": ("回答数", "Answers"),
    "seconds": ("用时合计", "Total time"),
    "tokens_all": ("token 合计", "Total tokens"),
    "speed": ("平均速度", "Mean speed"),
    "per_second": ("{speed} token/秒", "{speed} tokens/s"),
    "at_once": ("同时回答数", "Answers in parallel"),
    "peak": ("最大内存", "Peak memory"),
    # ---- prompts
    "prompts": ("题目与回答", "Prompts and answers"),
    "prompt": ("题目", "Prompt"),
    "turn": ("第 {turn} 轮", "Turn {turn}"),
    "repeat": ("第 {number} 次", "Run {number}"),
    "answer_failed": ("失败：{reason}", "failed: {reason}"),
    "answer_empty": ("（空）", "(empty)"),
    "answer_cut": ("到达长度上限", "stopped at the token limit"),
    "no_answer": ("没有回答", "No answer."),
    "known": ("已知要点", "What a good answer should contain"),
    "votes": ("投票", "Votes"),
    "count": (
        "{votes} 票：{first} 胜 {wins}，打平 {ties}，都不好 {both_bad}，{second} 胜 {losses}。",
        "{votes} votes: {first} {wins}, tie {ties}, both bad {both_bad}, {second} {losses}.",
    ),
    "criterion": (
        "{criterion}：{first} 更好 {wins}，相当 {ties}，{second} 更好 {losses}。",
        "{criterion}: {first} {wins}, equal {ties}, {second} {losses}.",
    ),
    "correct": ("正确", "Correct"),
    "complete": ("完整", "Complete"),
    "clear": ("清楚", "Clear"),
    "rightness": (
        "至少一个回答正确：{any_right} 人认为是，{none_right} 人认为否。",
        "At least one answer is right: {any_right} said yes, {none_right} said no.",
    ),
    "comments": ("评语", "Comments"),
    "comment_about": ("左侧为 {left}；该评价者选择：{choice}", "{left} was on the left; this rater chose: {choice}"),
    "tie": ("打平", "tie"),
    "tie (bothbad)": ("都不好", "both bad"),
    # ---- judging
    "judging": ("投票是怎样进行的", "How the votes were cast"),
    "ways": (
        "共 {votes} 票：盲测且回答未暴露身份 {blind} 票，评判时显示模型名称 {sighted} 票，回答暴露身份 {leaked} "
        "票。只要有第一种票，结论就只依据它们。",
        "Votes: {votes}. Blind, on answers that did not reveal a model: {blind}; with the names shown: {sighted}; on "
        "answers that revealed a model: {leaked}. The verdict rests on the first kind if there are any.",
    ),
    "ways_sides": ("盲测时哪个模型在左边由服务器随机决定。", "In blind votes, sides were assigned at random."),
    "ways_ties": (
        "打平 {ties} 票，都不好 {both_bad} 票；两者在份额中都算半票，因为投票者没有表示偏好。",
        "Ties: {ties}, both bad: {both_bad}. Each counts half in a share, since the rater preferred neither.",
    ),
    "votes_each": ("每人票数", "Votes per rater"),
    "raters": ("投票者人数", "Raters"),
    "votes_each_caption": ("每位投票者评了多少票", "Number of votes per rater"),
    # ---- comparison
    "comparison": ("按维度比较", "Comparison by dimension"),
    "dimension": ("维度", "Dimension"),
    "votes_number": ("票数", "Votes"),
    "share": ("{model} 的份额（95% 区间）", "Share of {model} (95% interval)"),
    "verdict": ("结论", "Verdict"),
    "no_rater_done": ("无", "none yet"),
    "interval": ("{rate}%（{low}–{high}%）", "{rate}% ({low}–{high}%)"),
    "comparison_note": (
        "份额是每位投票者给出的平均值，平局算半票；区间中途看多少次都成立，并按维度数校正。",
        "Each share is an average over raters, with ties counting half. Its interval is valid at any time and "
        "corrected for the number of dimensions.",
    ),
    "results_plot": (
        "各维度的投票，以及投票者平均给 {first} 的份额与区间。",
        "Votes by dimension, and the average share that raters gave {first} with its interval.",
    ),
    "time_plot_votes": (
        "每道题的用时，与该题投票中的得分（胜计 1，打平计 ½，都不好计 0）。",
        "Time per prompt and the score in its votes (a win counts 1, a tie ½, both bad 0).",
    ),
    "time_plot_checks": ("每道题的用时，与该题通过的核对项比例。", "Time per prompt and the share of checks passed."),
    # ---- strengths and weaknesses
    "assessment": ("优点、不足与适用", "Strengths, weaknesses and fit for use"),
    "strengths": ("{model} 的优点", "Strengths of {model}"),
    "weaknesses": ("{model} 的不足", "Weaknesses of {model}"),
    "fit": ("适用", "Fit for use"),
    "nothing_supported": ("没有超出偶然的依据。", "Nothing beyond chance."),
    "ahead": (
        "{dimension}：{raters} 位投票者平均给它 {share}% 的票。",
        "{dimension}: {raters} raters gave it {share}% of their votes on average.",
    ),
    "ahead_criterion": (
        "“{criterion}”：{wins} 次更好，{losses} 次更差。",
        "“{criterion}”: better {wins} times, worse {losses} times.",
    ),
    "check_failed": ("{prompt}：{check}。", "{prompt}: {check}."),
    "check_good": ("程序核对通过 {passed}/{checks} 项。", "Passed {passed} of {checks} checks."),
    "is_faster": ("更快：每个回答平均 {mean}，另一个 {other}。", "Faster: {mean} per answer on average, not {other}."),
    "is_slower": ("更慢：每个回答平均 {mean}，另一个 {other}。", "Slower: {mean} per answer on average, not {other}."),
    "fit_preferred": ("{dimension}：{said}，宜用 {model}。", "{dimension}: {said}; use {model}."),
    "fit_alike": ("{dimension}：{said}，用哪个都可以。", "{dimension}: {said}; either will do."),
    "fit_open": ("{dimension}：{said}（{raters} 位投票者）。", "{dimension}: {said} ({raters} raters)."),
    "fit_speed": (
        "在意等待时间时宜用 {model}：每个回答平均 {mean}，另一个 {other}。",
        "If waiting time matters, use {model}: {mean} per answer on average; the other took {other}.",
    ),
    "conclusion": ("结论", "Conclusion"),
    # ---- limits
    "limits": ("投票没有说明什么", "What the votes do not show"),
    "limit_prompts": (
        "只问了 {prompts} 道题：换别的题，结果可能不同。",
        "Prompts asked: {prompts}. Other prompts may give other results.",
    ),
    "limit_runs": (
        "每道题每个模型最多回答 {runs} 次；抽样生成的回答每次不同。",
        "Answers per model and prompt: at most {runs}. Sampled answers differ each time.",
    ),
    "limit_raters": (
        "结论适用于像这些人一样的投票者：别的人可能有别的看法。",
        "The verdict describes raters like these; others may judge differently.",
    ),
    "limit_no_repeats": (
        "没有重复评价，评价者自身是否一致无从得知。",
        "No battle was judged twice, so the consistency of the raters is unknown.",
    ),
    "limit_preference": (
        "投票说明的是偏好，不是对错：打平 {ties} 票、都不好 {both_bad} 票的两个回答可能都对，也可能都错。",
        "Votes show preference, not correctness: in the {ties} ties and {both_bad} votes for both bad, both answers "
        "may be right or wrong.",
    ),
    "limit_checks": (
        "程序核对只看字面和语法，不理解意思，也不运行代码。",
        "The automatic checks look at wording and syntax only; they do not understand meaning and run no code.",
    ),
    "limit_times": (
        "用时取决于机器、精度和实现，不是模型本身的性质。",
        "Times depend on the machine, the precision and the engine, not on the model alone.",
    ),
    "limit_rows": (
        "未计入：读不出的行 {unreadable}，重复投票 {duplicates}，撤回 {withdrawn}。",
        "Not counted: {unreadable} unreadable rows, {duplicates} duplicate votes, {withdrawn} withdrawn votes.",
    ),
    "limit_damaged": (
        "有 {damaged} 票的对话或设置已损坏（例如被电子表格截断），票仍计入。",
        "Votes that count although their conversation or settings are damaged (a spreadsheet may have truncated "
        "them): {damaged}.",
    ),
    "limit_elsewhere": (
        "有 {elsewhere} 票投给了这两个模型的其他回答（例如现场对话）：它们计入结论，不计入各题。",
        "Votes on other answers of these two models, such as live ones: {elsewhere}. They count in the verdict but "
        "not under single prompts.",
    ),
    "limit_others": (
        "同一文件中还有其他模型，未列入本报告：{models}。",
        "Other models in the data are not part of this report: {models}.",
    ),
    # ---- appendix
    "links": ("附录：公开链接", "Appendix: public links"),
    "plot_english": ("（本机没有中文字体，图中文字为英文。）", ""),
    # ---- cover
    "university": ("学校", "University"),
    "school": ("学院", "School"),
    "major": ("专业", "Major"),
    "course": ("课程", "Course"),
    "author": ("姓名", "Author"),
    "student_number": ("学号", "Student number"),
    "teacher": ("指导教师", "Teacher"),
    "date": ("日期", "Date"),
    "cover_line": ("{name}：{value}", "{name}: {value}"),
    # ---- contents and captions
    "contents": ("目录", "Contents"),
    "figure": ("图", "Figure"),
    "table": ("表", "Table"),
    "caption": ("　{text}", ". {text}"),
    "votes_table": ("各维度的投票", "Votes by dimension"),
    # ---- machine
    "machine_of": ("{models} 的运行环境", "The machine that ran {models}"),
    "machine_unknown_of": ("{models} 的回答没有记录运行环境。", "The machine that ran {models} is not recorded."),
    "machine_stated": ("作者填写的运行环境：{machine}", "The machine, as stated by the author: {machine}"),
    # ---- facts of the models
    "models_facts": ("两个模型的基本信息", "Facts about the two models"),
    "developer": ("开发者", "Developer"),
    "architecture": ("架构", "Architecture"),
    "million": ("约 {amount} 亿", "about {amount} million"),
    "billion": ("约 {amount} 亿", "about {amount} billion"),
    "training_data": ("训练数据", "Training data"),
    "languages": ("语言", "Languages"),
    "released": ("发布日期", "Released"),
    "updated": ("{released}（{updated} 更新）", "{released} (updated {updated})"),
    "repository": ("代码仓库", "Source repository"),
    "not_published": ("未公布", "not published"),
    "sources": ("来源", "Sources"),
    "run_settings": ("本次运行的设置", "How the models were run"),
    "costs_table": ("两个模型的用时、速度与内存", "Time, speed and memory of the two models"),
    # ---- references
    "references": ("参考文献", "References"),
    "card_cited": ("{developer}：{model} 模型卡片。", "{developer}. {model}: model card."),
}

text = Texts(TEXTS, results.TEXTS).text


def duration(lang: str, seconds: float | None) -> str:
    """A time as "30.0 s" or "1 min 40 s", or that it is not recorded."""
    if seconds is None:
        return text(lang, "unknown")
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if lang == "en" else f"{minutes} 分 {rest} 秒"


def gigabytes(size: float) -> str:
    """A size in bytes, as GB."""
    return f"{size / 1e9:.1f} GB"
