"""Every sentence of a report in Chinese and English, to be filled with numbers. Knows no facts and no format."""

from __future__ import annotations

from collections.abc import Sequence

from arena.prompts import DIMENSIONS
from arena.report.form_words import FORM_WORDS

WORDS: dict[str, tuple[str, str]] = {
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
    "votes_of": ("共有 {votes} 张有效投票，来自 {raters} 位评价者。", "Votes: {votes}, raters: {raters}."),
    "no_votes": (
        "没有投票，因此这里只有回答、用时和程序核对，没有偏好。",
        "There are no votes, so there are answers, times and checks here, and no preferences.",
    ),
    "overall": (
        "总体上 {first} 胜 {wins} 票，{second} 胜 {losses} 票，打平 {ties} 票，都不好 {both_bad} 票。",
        "Overall {first} won {wins} and {second} {losses}; ties: {ties}, both bad: {both_bad}.",
    ),
    "rate": (
        "在分出胜负的 {decisive} 票中，{first} 占 {rate} %（95 % 区间 {low} % 至 {high} %）。",
        "Of the {decisive} decisive votes {rate} % went to {first} (95 % interval {low} % to {high} %).",
    ),
    "preferred": (
        "整个区间都在 50 % 的同一侧：这些评价者在这些题目上更偏好 {model}。",
        "The whole interval lies on one side of 50 %: on these prompts these raters preferred {model}.",
    ),
    "undecided": (
        "区间包含 50 %：这些票不足以说明哪个更受偏好。",
        "The interval includes 50 %: these votes do not show which of the two is preferred.",
    ),
    "leaked": (
        "有 {leaked} 票的回答透露了模型身份；不计这些票时，{first} 胜 {wins}，{second} 胜 {losses}，"
        "打平 {ties}，都不好 {both_bad}。",
        "Votes on an answer that told which model wrote it: {leaked}. Without them {first} won {wins} and {second} "
        "{losses}; ties: {ties}, both bad: {both_bad}.",
    ),
    "times": (
        "{first} 的 {timed_first} 个有计时的回答共用 {seconds_first}，"
        "{second} 的 {timed_second} 个共用 {seconds_second}。",
        "Time of the answers together: {first} {seconds_first} ({timed_first} timed), {second} {seconds_second} "
        "({timed_second} timed).",
    ),
    "times_ratio": ("{slower} 用时是 {faster} 的 {ratio} 倍。", "{slower} took {ratio} times as long as {faster}."),
    "checks_passed": (
        "程序核对：{first} 通过 {passed_first}/{checks_first} 项，{second} 通过 {passed_second}/{checks_second} 项。",
        "Checks by the program: {first} passed {passed_first} of {checks_first}, {second} {passed_second} of "
        "{checks_second}.",
    ),
    # ---- environment
    "environment": ("环境与部署", "Environment and deployment"),
    "machine": ("运行环境", "The machine"),
    "machine_unknown": ("回答的运行环境没有记录。", "What the answers were made on is not recorded."),
    "processor": ("处理器", "Processor"),
    "cores": ("可用核数", "Cores"),
    "memory": ("内存", "Memory"),
    "system": ("系统", "System"),
    "versions": ("软件版本", "Versions"),
    "models": ("两个模型", "The two models"),
    "model": ("模型", "Model"),
    "id": ("编号", "Id"),
    "published": ("发布处", "Published as"),
    "parameters": ("参数量", "Parameters"),
    "context": ("上下文长度", "Context length"),
    "tokens": ("{count} tokens", "{count} tokens"),
    "precision": ("精度", "Precision"),
    "revision": ("版本", "Revision"),
    "licence": ("许可证", "Licence"),
    "settings": ("生成设置", "Settings"),
    "unknown": ("未记录", "not recorded"),
    "deployment": ("部署方式", "How each model was deployed"),
    "deployed": (
        "{model} 用 {runtime} 运行，精度 {precision}，共 {answers} 个回答，其中 {failed} 个失败、"
        "{truncated} 个到达长度上限。",
        "{model} ran on {runtime} in {precision}. Answers: {answers}, failed: {failed}, ended by the token limit: "
        "{truncated}.",
    ),
    "imported": (
        "{model} 的 {answers} 个回答是在别处得到后导入的，运行方式没有记录；其中 {truncated} 个不完整。",
        "The answers of {model} were made elsewhere and imported; how it ran is not recorded. Answers: {answers}, cut "
        "off: {truncated}.",
    ),
    "costs": ("用时、速度与内存", "Time, speed and memory"),
    "answers": ("回答数", "Answers"),
    "seconds": ("用时合计", "Time in all"),
    "tokens_all": ("token 合计", "Tokens in all"),
    "speed": ("平均速度", "Mean speed"),
    "per_second": ("{speed} tokens/s", "{speed} tokens/s"),
    "at_once": ("同时回答数", "Answers at once"),
    "peak": ("最大内存", "Most memory"),
    "gigabytes": ("{size} GB", "{size} GB"),
    # ---- prompts
    "prompts": ("题目与回答", "Prompts and answers"),
    "prompt": ("题目", "Prompt"),
    "turn": ("第 {turn} 轮", "Turn {turn}"),
    "repeat": ("第 {number} 次", "Run {number}"),
    "answer_failed": ("失败：{reason}", "failed: {reason}"),
    "answer_empty": ("（空）", "(empty)"),
    "answer_cut": ("到达长度上限", "reached the token limit"),
    "no_answer": ("没有回答", "No answer."),
    "known": ("已知要点", "What is known of a good answer"),
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
        "At least one answer is right: {any_right} said yes, {none_right} no.",
    ),
    "comments": ("评语", "Comments"),
    "comment_about": (
        "左侧为 {left}；该评价者选择：{choice}",
        "{left} was on the left; this rater chose: {choice}",
    ),
    "tie": ("打平", "tie"),
    "tie (bothbad)": ("都不好", "both bad"),
    # ---- comparison
    "comparison": ("按维度比较", "Comparison by dimension"),
    "dimension": ("维度", "Dimension"),
    "reasoning": ("推理与歧义", "Reasoning"),
    "knowledge": ("知识", "Knowledge"),
    "generation": ("生成", "Generation"),
    "multilingual": ("多语言", "Multilingual"),
    "": ("未分类", "No dimension"),
    "all": ("合计", "All"),
    "votes_number": ("票数", "Votes"),
    "wins_of": ("{model} 胜", "{model} won"),
    "ties": ("打平", "Ties"),
    "both_bad": ("都不好", "Both bad"),
    "share": ("{model} 占比（95 % 区间）", "Share of {model} (95 % interval)"),
    "no_decisive": ("无胜负票", "no decisive vote"),
    "interval": ("{rate} %（{low}–{high} %）", "{rate} % ({low}–{high} %)"),
    "results_plot": (
        "各维度的投票，以及 {first} 在分出胜负的票中所占比例与 95 % 区间。",
        "Votes by dimension, and the share of {first} among the decisive votes with its 95 % interval.",
    ),
    "time_plot_votes": (
        "每道题的用时，与该题投票中的得分（胜计 1，打平计 ½，都不好计 0）。",
        "The time for each prompt against the share of its votes (a win counts 1, a tie ½, both bad 0).",
    ),
    "time_plot_checks": (
        "每道题的用时，与该题通过的核对项比例。",
        "The time for each prompt against the share of its checks that were passed.",
    ),
    # ---- strengths and weaknesses
    "assessment": ("优点、不足与适用", "Strengths, weaknesses and fit for use"),
    "strengths": ("{model} 的优点", "Strengths of {model}"),
    "weaknesses": ("{model} 的不足", "Weaknesses of {model}"),
    "fit": ("适用", "Fit for use"),
    "nothing_counted": ("没有可以数出来的。", "Nothing that could be counted."),
    "ahead": (
        "{dimension}：{votes} 票中胜 {wins}、负 {losses}。",
        "{dimension}: won {wins} and lost {losses} of {votes} votes.",
    ),
    "ahead_criterion": (
        "“{criterion}”：{wins} 次更好，{losses} 次更差。",
        "“{criterion}”: ahead {wins} times, behind {losses} times.",
    ),
    "check_failed": ("{prompt}：{check}。", "{prompt}: {check}."),
    "check_good": ("程序核对通过 {passed}/{checks} 项。", "Passed {passed} of {checks} checks."),
    "is_faster": (
        "更快：每个回答平均 {mean}，另一个 {other}。",
        "Faster: {mean} an answer on average, the other {other}.",
    ),
    "is_slower": (
        "更慢：每个回答平均 {mean}，另一个 {other}。",
        "Slower: {mean} an answer on average, the other {other}.",
    ),
    "quoted": ("“{comment}”（{prompt}，左侧为 {left}）", "“{comment}” ({prompt}, {left} on the left)"),
    "fit_dimension": (
        "{dimension}：分出胜负的 {decisive} 票里有 {wins} 票选 {model}，区间不含 50 %，宜用 {model}。",
        "{dimension}: {wins} of {decisive} decisive votes went to {model}, the interval excludes 50 %: take {model}.",
    ),
    "fit_undecided": (
        "{dimension}：分出胜负的 {decisive} 票不足以推荐其中一个（{first} {wins}，{second} {losses}）。",
        "{dimension}: {decisive} decisive votes do not favour either ({first} {wins}, {second} {losses}).",
    ),
    "fit_speed": (
        "在意等待时间时宜用 {model}：每个回答平均 {mean}，另一个 {other}。",
        "Where waiting matters take {model}: {mean} an answer on average, the other {other}.",
    ),
    # ---- limits
    "limits": ("投票没有说明什么", "What the votes do not show"),
    "limit_prompts": (
        "只问了 {prompts} 道题：换别的题，结果可能不同。",
        "Prompts asked: {prompts}. Others may turn out otherwise.",
    ),
    "limit_runs": (
        "每道题每个模型最多回答 {runs} 次；抽样生成的回答每次不同。",
        "Answers of a model to one prompt: {runs} at most. Sampled answers differ each time.",
    ),
    "limit_raters": (
        "{votes} 票来自 {raters} 位评价者；同一人的票并不相互独立，区间因此偏窄。",
        "Votes: {votes}, raters: {raters}. One person's votes are not independent, so the intervals are too narrow.",
    ),
    "limit_consistency": (
        "{repeated} 次重复评价中有 {consistent} 次与第一次相同。",
        "Battles judged again: {repeated}, with the same outcome as before: {consistent}.",
    ),
    "limit_no_repeats": (
        "没有重复评价，评价者自身是否一致无从得知。",
        "No battle was judged again, so nobody knows how consistent the raters are.",
    ),
    "limit_preference": (
        "票数说明的是偏好，不是对错；都不好的 {both_bad} 票与打平的 {ties} 票不计入占比。",
        "Votes tell what is preferred, not what is right; the {both_bad} for both bad and the {ties} ties are not in "
        "any share.",
    ),
    "limit_checks": (
        "程序核对只看字面和语法，不理解意思，也不运行代码。",
        "The checks look at words and syntax; they understand nothing and run no code.",
    ),
    "limit_times": (
        "用时取决于机器、精度和实现，不是模型本身的性质。",
        "Times belong to a machine, a precision and an engine, not to a model alone.",
    ),
    "limit_rows": (
        "未计入：读不出的行 {unreadable}，重复投票 {duplicates}，撤回 {withdrawn}。",
        "Left out: {unreadable} unreadable rows, {duplicates} second votes, {withdrawn} withdrawn.",
    ),
    "limit_elsewhere": (
        "另有 {elsewhere} 票投给这两个模型的其他回答（例如现场对话），未计入。",
        "Votes on other answers of these two models, such as live ones, are left out: {elsewhere}.",
    ),
    "limit_others": (
        "同一文件中还有其他模型，未列入本报告：{models}。",
        "Other models in the file are not in this report: {models}.",
    ),
    # ---- appendix
    "links": ("附录：公开链接", "Appendix: public links"),
    "plot_english": (
        "（本机没有中文字体，图中文字为英文。）",
        "",
    ),
    "plot_rating": ("评分", "Rating"),
    "plot_votes": ("票数", "votes"),
    "plot_share": ("占比", "share"),
    "plot_seconds": ("用时（秒）", "seconds"),
    "plot_score": ("得分", "score"),
    "plot_checks": ("通过的核对项", "checks passed"),
} | FORM_WORDS


def say(lang: str, key: str, **numbers: object) -> str:
    """One of the sentences, filled. `lang` is zh or en."""
    return WORDS[key][lang == "en"].format(**numbers)


def dimension_name(lang: str, name: str) -> str:
    """As a person reads it; a dimension of a set's own is its own name."""
    return say(lang, name) if name in (*DIMENSIONS, "") else name


def listed(lang: str, names: Sequence[str]) -> str:
    """Names one after the other, as the language does it."""
    return ("、" if lang == "zh" else ", ").join(names)


def together(lang: str, *sentences: str) -> str:
    """Sentences one after the other; Chinese has no space between them."""
    return ("" if lang == "zh" else " ").join(filter(None, sentences))


def duration(lang: str, seconds: float | None) -> str:
    """Seconds as a person reads them; unknown is said so."""
    if seconds is None:
        return say(lang, "unknown")
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if lang == "en" else f"{minutes} 分 {rest} 秒"


def percent(share: float) -> str:
    """A share of 1, without the sign."""
    return f"{100 * share:.1f}"
