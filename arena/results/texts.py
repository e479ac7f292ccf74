"""The strings that results and reports share: the verdict, dimensions, plots."""

from arena.prompts import DIMENSIONS
from arena.texts import Texts

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- the verdict
    "verdict_preferred": (
        "投票者更喜欢 {first}，而不是 {second}：平均每位把 {share}% 的票给了 {first}（95% 区间 "
        "{low}%–{high}%，中途看多少次都成立；平局算半票）。{basis}。",
        "Raters prefer {first} to {second}: they gave it {share}% of their votes on average (95% interval "
        "{low}–{high}%, valid at any time; ties count half). {basis}.",
    ),
    "verdict_alike": (
        "投票者认为 {first} 与 {second} 不相上下（相差不超过 5 个百分点）：平均每位把 {share}% 的票给了 {first}（95% "
        "区间 {low}%–{high}%，中途看多少次都成立；平局算半票）。{basis}。",
        "Raters find {first} and {second} about equal, within 5 points of 50%: they gave {first} {share}% of their "
        "votes on average (95% interval {low}–{high}%, valid at any time; ties count half). {basis}.",
    ),
    "verdict_not_yet": (
        "现在还不能说 {first} 和 {second} 哪个更受喜欢：平均每位投票者把 {share}% 的票给了 {first}（95% 区间 "
        "{low}%–{high}%，中途看多少次都成立；平局算半票）。{basis}。",
        "Too early to call between {first} and {second}. Raters gave {first} {share}% of their votes on average (95% "
        "interval {low}–{high}%, valid at any time; ties count half). {basis}.",
    ),
    "verdict_raters_changed": (
        "先后两批投票者的看法不同，因此不下结论：前 {early_raters} 位平均把 {early}% 的票给了 {first}，之后的 "
        "{late_raters} 位给了 {late}%，其余给了 {second}（平局算半票）。{basis}。",
        "No verdict: early and late raters disagree. The first {early_raters} gave {first} {early}% of their votes on "
        "average, the next {late_raters} gave it {late}%; the rest went to {second} (ties count half). {basis}.",
    ),
    "verdict_nobody_done": (
        "现在还不能说 {first} 和 {second} 哪个更受喜欢：还没有投票者评完。",
        "Too early to call between {first} and {second}: no rater has finished yet.",
    ),
    "verdict_no_votes": ("还没有投票。", "No votes yet."),
    "basis": (
        "依据 {raters} 位投票者的 {votes} 票（平局 {ties} 票）{others}",
        "Based on {votes} votes by {raters} raters ({ties} ties){others}",
    ),
    "basis_blind": (
        "依据 {raters} 位投票者的 {votes} 张盲测票（平局 {ties} 票）{others}",
        "Based on {votes} blind votes by {raters} raters ({ties} ties){others}",
    ),
    "others_agree": ("；另有 {others}，计入后结论不变", "; counting {others} as well would not change this"),
    "others_differ": ("；另有 {others}，若计入则为：{said}", "; counting {others} as well, it would read: {said}"),
    "others_sighted": ("{sighted} 张显示模型名称时投的票", "{sighted} votes with the names shown"),
    "others_leaked": ("{leaked} 张回答暴露身份的票", "{leaked} on answers that revealed a model"),
    "and": ("和 ", " and "),
    "begins_sighted": ("这些票都是在显示模型名称时投的。", "Raters saw which model was which. "),
    "begins_leaked": ("这些票的回答都暴露了模型身份。", "Every answer they judged revealed its model. "),
    "begins_sighted_leaked": (
        "这些票投出时，模型名称不是已显示，就是被回答暴露。",
        "Raters saw the names of the models or could read them in an answer. ",
    ),
    "said_preferred": ("投票者更喜欢 {model}", "raters prefer {model}"),
    "said_alike": ("两者不相上下", "the two are about equal"),
    "said_not_yet": ("还不能下结论", "too early to call"),
    "said_raters_changed": ("先后两批投票者看法不同，不下结论", "no verdict, early and late raters disagree"),
    "said_no_votes": ("没有票", "no votes"),
    "one_prompt_set": (
        "共 {prompts} 道题；结论只适用于这些题目。",
        "Prompts: {prompts}. Applies to these prompts only.",
    ),
    # ---- what decided
    "sway_side": (
        "左右位置影响了投票：放在{place}边的回答多得 {points} 个百分点。",
        "Position bias: an answer on the {place} gets {points} points more of the votes.",
    ),
    "left": ("左", "left"),
    "right": ("右", "right"),
    "sway_length_more": (
        "长短影响了投票：较长的回答多得 {points} 个百分点。",
        "Length bias: the longer answer gets {points} points more of the votes.",
    ),
    "sway_length_less": (
        "长短影响了投票：较短的回答多得 {points} 个百分点。",
        "Length bias: the shorter answer gets {points} points more of the votes.",
    ),
    "sway_markdown_more": (
        "排版影响了投票：Markdown 较多的回答多得 {points} 个百分点。",
        "Formatting bias: the answer with more Markdown gets {points} points more of the votes.",
    ),
    "sway_markdown_less": (
        "排版影响了投票：Markdown 较少的回答多得 {points} 个百分点。",
        "Formatting bias: the answer with less Markdown gets {points} points more of the votes.",
    ),
    "adjusted": (
        "若位置、长短和排版都相当，{first} 占 {share}%（95% 区间 {low}%–{high}%）。",
        "With position, length and Markdown balanced, {first} gets {share}% (95% interval {low}–{high}%).",
    ),
    "adjusted_no_call": (
        "若位置、长短和排版都相当，{first} 占 {share}%（95% 区间 {low}%–{high}%），就不能说它更受喜欢。",
        "With position, length and Markdown balanced, {first} gets {share}% (95% interval {low}–{high}%), so no "
        "preference could be called.",
    ),
    "confounded_length": (
        "{first} 的回答每次都{more}，因此分不清投票者看重的是长短还是内容。",
        "{first} always gave the {more} answer, so its length cannot be separated from its quality.",
    ),
    "longer": ("更长", "longer"),
    "shorter": ("更短", "shorter"),
    "confounded_side": (
        "{first} 每次都在同一边，因此分不清投票者看重的是位置还是内容。",
        "{first} was always on the same side, so its position cannot be separated from its quality.",
    ),
    "confounded_markdown": (
        "{first} 的 Markdown 每次都{more}，因此分不清投票者看重的是排版还是内容。",
        "{first} always used {more} Markdown, so its formatting cannot be separated from its quality.",
    ),
    "more": ("更多", "more"),
    "less": ("更少", "less"),
    # ---- possible bias, and agreement
    "left_wins": (
        "左边的回答在 {total} 张胜负票中赢了 {count} 张（{share}%）。",
        "The left answer won {count} of {total} decisive votes ({share}%).",
    ),
    "longer_wins": (
        "较长的回答在 {total} 张胜负票中赢了 {count} 张（{share}%）。",
        "The longer answer won {count} of {total} decisive votes ({share}%).",
    ),
    "early": (
        "投票者前半程的 {total} 票中有 {count} 票分出胜负（{share}%）。",
        "Of {total} votes in the first half of each rater's time, {count} were decisive ({share}%).",
    ),
    "late": (
        "投票者后半程的 {total} 票中有 {count} 票分出胜负（{share}%）。",
        "Of {total} votes in the second half of each rater's time, {count} were decisive ({share}%).",
    ),
    "early_wins": (
        "前半程分出胜负的 {total} 票中 {model} 赢了 {count} 票（{share}%）。",
        "{model} won {count} of {total} decisive votes in the first half ({share}%).",
    ),
    "late_wins": (
        "后半程分出胜负的 {total} 票中 {model} 赢了 {count} 票（{share}%）。",
        "{model} won {count} of {total} decisive votes in the second half ({share}%).",
    ),
    "leaked": (
        "{total} 票中有 {count} 票的回答暴露了身份（{share}%）。",
        "Of {total} votes, {count} were on answers that revealed their model ({share}%).",
    ),
    "consistent": (
        "{total} 次重复评判中有 {count} 次与第一次相同（{share}%）。",
        "Battles judged again: {total}, of which {count} had the same outcome as before ({share}%).",
    ),
    "split_side": (
        "{model} 在左边时得 {more}%（{more_votes} 票），在右边时得 {less}%（{less_votes} 票）",
        "{model} got {more}% on the left ({more_votes} votes) and {less}% on the right ({less_votes})",
    ),
    "split_length": (
        "{model} 的回答较长时得 {more}%（{more_votes} 票），较短时得 {less}%（{less_votes} 票）",
        "{model} got {more}% when its answer was longer ({more_votes} votes) and {less}% when it was shorter "
        "({less_votes})",
    ),
    "split_markdown": (
        "{model} 的 Markdown 较多时得 {more}%（{more_votes} 票），较少时得 {less}%（{less_votes} 票）",
        "{model} got {more}% when it used more Markdown ({more_votes} votes) and {less}% when it used less "
        "({less_votes})",
    ),
    "careless": (
        "可疑的票：快得来不及读完 {too_fast} 张，总选同一边的人 {one_sided} 张，与重复评判矛盾 {contradicted} 张。",
        "Votes that look careless: too fast to have been read {too_fast}, always the same side {one_sided}, "
        "contradicted by a repeat {contradicted}.",
    ),
    "agreement": (
        "投票者之间的一致程度：Krippendorff α = {alpha}（{units} 组回答上的 {judgements} 次评判；1 为完全一致，0 "
        "相当于随机）。",
        "Agreement between raters: Krippendorff's alpha = {alpha} ({judgements} judgements on {units} pairs of "
        "answers; 1 is full agreement, 0 what chance gives).",
    ),
    "no_agreement": (
        "没有两个人评判过同一组回答，或者所有评判都相同，算不出一致程度。",
        "No two raters judged the same two answers, or all judgements are the same, so agreement cannot be measured.",
    ),
    # ---- how firm it is
    "suspicious_agree": (
        "其中 {count} 票可疑（快得来不及读、总选同一边，或与重复评判矛盾）；不计这些票，结论不变。",
        "{count} of these votes look careless (too fast to have been read, always the same side, or contradicted by a "
        "repeat); without them the verdict is the same.",
    ),
    "suspicious_differ": (
        "其中 {count} 票可疑（快得来不及读、总选同一边，或与重复评判矛盾）；不计这些票，则为：{said}。",
        "{count} of these votes look careless (too fast to have been read, always the same side, or contradicted by a "
        "repeat); without them it would read: {said}.",
    ),
    "flips": (
        "{raters} 位投票者中只要少了 {count} 位，这个结论就不成立。",
        "Without {count} of the {raters} raters this verdict would not stand.",
    ),
    "advice_decided": ("可以下结论，不需要更多投票。", "Decided. No more votes are needed."),
    "advice_more": (
        "继续投票：如果后面的投票者与现有的相似，大约再有 {more} 位就能得出结论。",
        "Keep voting: about {more} more raters like these should settle it.",
    ),
    "advice_keep": (
        "继续投票：现有的投票还估计不出需要多少位投票者。",
        "Keep voting; these votes do not show yet how many more raters are needed.",
    ),
    "advice_blind": (
        "请收集盲测的票：看到名称的人可能是在评名称。",
        "Collect blind votes: raters who know the names may judge the name.",
    ),
    "advice_changed": (
        "请分别查看先后两批票，弄清期间变了什么：投票者、题目还是说明。",
        "Compare early and late votes: the raters, the prompts or the instructions may have changed.",
    ),
    "under_way": (
        "还有 {count} 位投票者正在评判，他们的 {votes} 票暂未计入。",
        "Raters still judging, not counted yet: {count} ({votes} votes).",
    ),
    "planner": (
        "按每人 {votes} 票估计：60:40 的偏好约需 {raters60} 位投票者才能得出结论，70:30 约需 {raters70} 位。",
        "At {votes} votes per rater, calling a 60/40 preference takes about {raters60} raters, 70/30 about {raters70}.",
    ),
    # ---- many models
    "many_first": (
        "{count} 个模型中 {first} 排第一：与其他每个模型相比，投票者都更喜欢它。{basis}",
        "Of {count} models, {first} ranks first: raters prefer it to each of the others. {basis}",
    ),
    "many_open": (
        "{count} 个模型中，还不能说谁排第一；可能排第一的有：{models}。{basis}",
        "Of {count} models, none ranks first yet; these still may: {models}. {basis}",
    ),
    "many_apart": (
        "{count} 个模型分成了互不相遇的几组，不能排在一起。{basis}",
        "The {count} models fall into groups that were never compared with each other, so they cannot be ranked "
        "together. {basis}",
    ),
    "many_basis": (
        "共 {votes} 票，{raters} 位投票者，{prompts} 道题；结论只适用于这些题目。",
        "Votes: {votes}, raters: {raters}, prompts: {prompts}. Applies to these prompts only.",
    ),
    "pair_basis": ("{basis}。", "{basis}."),
    "pair_line": ("{first} 对 {second}：{said}。", "{first} vs {second}: {said}."),
    # ---- dimensions
    "reasoning": ("推理与歧义", "Reasoning"),
    "knowledge": ("知识", "Knowledge"),
    "generation": ("生成", "Generation"),
    "multilingual": ("多语言", "Multilingual"),
    "": ("未分类", "No dimension"),
    "all": ("合计", "All"),
    # ---- plots
    "wins_of": ("{model} 胜", "{model} won"),
    "ties": ("打平", "Ties"),
    "both_bad": ("都不好", "Both bad"),
    "plot_votes": ("票数", "votes"),
    "plot_share": ("份额", "share"),
    "plot_seconds": ("用时（秒）", "seconds"),
    "plot_score": ("得分", "score"),
    "plot_checks": ("通过的核对项", "checks passed"),
}

text = Texts(TEXTS).text


def dimension_name(lang: str, name: str) -> str:
    """The label of a dimension. A dimension that only the prompt set knows is its own label."""
    return text(lang, name) if name in (*DIMENSIONS, "") else name
