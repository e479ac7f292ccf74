"""What is wrong with prompts, in Chinese."""

import re
from collections.abc import Mapping

# What is wrong, as arena.prompts says it, and in Chinese; the groups are the rest of the sentence.
_WRONG = (
    (r"has a mistake in line (\d+) \(entry (\d+)\): (.*)", "第 {0} 行（第 {1} 题）{2}"),
    (r"is not UTF-8 text", "不是 UTF-8 编码，请另存为 UTF-8"),
    (r"is not valid (JSON|CSV) in line (\d+).*", "第 {1} 行不是有效的 {0}"),
    (r"is not valid JSON \(.*line (\d+).*\)", "第 {0} 行不是有效的 JSON"),
    (r"holds no list of prompts", "里面没有题目列表"),
    (r"has no column named prompt", "没有名为 prompt 的列"),
    (r"line (\d+) already has the id (.*)", "与第 {0} 行的 id 重复：{1}"),
    (r"it needs the keys (.*), may have (.*), and no others", "必须有 {0}，还可以有 {1}，不能有其他键"),
    (r"it has more or fewer cells than there are columns", "单元格数与列数不一致"),
    (r"it is not an object", "不是 JSON 对象"),
    (r"the title needs a text for zh and for en", "title 要有 zh 和 en 两个标题"),
    (r"id and prompt must be texts", "id 和 prompt 应为文字，且不能为空"),
    (
        r"the dimension must be (.*), or another name of at most (\d+) characters",
        "维度应为 {0}，或不超过 {1} 个字的名称",
    ),
    (r"(?:the )?(more|turns|reference|category) must be (?:a text or )?(?:a list of texts|a text)", "{0} 的格式不对"),
    (r"the reference's (\w+) must be among (.*)", "reference 的 {0} 应为 {1} 中的几种"),
    (r"the reference's (\w+) .*", "reference 的 {0} 格式不对"),
    (r"the (reference|JSON) needs one or more of the keys (.*), and no others", "{0} 只能有以下的键，至少一个：{1}"),
    (r"line (\d+) of the JSON is not valid", "JSON 第 {0} 行无效"),
)


def details_of(lang: str, details: Mapping[str, object]) -> Mapping[str, object]:
    """The details of an error, in Chinese what is wrong with prompts."""
    what = str(details.get("what", ""))
    for pattern, chinese in _WRONG if lang == "zh" else ():
        if match := re.fullmatch(pattern, what, re.DOTALL):
            groups = [str(details_of(lang, {"what": group})["what"]) for group in match.groups()]
            return {**details, "what": chinese.format(*groups)}
    return details
