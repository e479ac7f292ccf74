"""The texts of the prompts tab, and what is wrong with prompts."""

import re
from collections.abc import Mapping

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "tab_prompts": ("题库", "Prompts"),
    "prompts_what": (
        "点一道题即可修改。保存后，新打开的页面就用新的题库；进行中的对比和课堂不受影响。改了题目文字就算一道新题，"
        "原来的投票和回答仍归原题。",
        "Choose a prompt to edit it. Pages opened after you save show the new set; running battles and rooms keep what "
        "they have. A prompt with a changed text counts as a new one, and votes stay with the old text.",
    ),
    "prompts_save": ("保存", "Save"),
    "prompts_discard": ("放弃改动", "Discard edits"),
    "prompts_text": ("题目", "Prompt"),
    "prompts_hint": (
        "点左边的题目来修改，或在这里写一道新题",
        "Choose a prompt from the list, or write a new one here",
    ),
    "prompts_zh": ("中文标题", "Chinese title"),
    "prompts_en": ("英文标题", "English title"),
    "prompts_dimension": ("维度", "Dimension"),
    "prompts_answer": ("好的回答应包含什么", "What a good answer should contain"),
    "prompts_more": ("追问、类别和检查", "Later turns, category, checks"),
    "prompts_json": ("JSON 格式", "As JSON"),
    "prompts_new": ("新增", "New"),
    "prompts_up": ("上移", "Up"),
    "prompts_down": ("下移", "Down"),
    "prompts_remove": ("删除", "Remove"),
    "prompts_import": ("导入文件", "Import file"),
    "prompts_keep": ("导入时保留现有题目", "Keep the present prompts when importing"),
    "prompts_download": ("下载", "Download"),
    "prompts_restore": ("恢复原题库", "Restore original set"),
    "prompts_loaded": ("正在使用{loaded}。", "In use: {loaded}."),
    "prompts_edited": (
        "正在使用在此改过的题库，保存于 {time}。“恢复原题库”可回到{loaded}。",
        "In use: the set edited here, saved {time}. “Restore original set” brings back {loaded}.",
    ),
    "prompts_shipped": ("自带的题库", "the set that comes with the project"),
    "prompts_named": (
        "启动时用 --prompts 指定的文件（在此所做的改动只属于这个文件；以后换用别的文件或改动文件，则以文件为准）",
        "the file given with --prompts (edits made here belong to that file; another or a changed file wins over them)",
    ),
    "prompts_added": ("新增 {count} 道", "{count} added"),
    "prompts_changed": ("修改 {count} 道", "{count} changed"),
    "prompts_removed": ("删除 {count} 道", "{count} removed"),
    "prompts_moved": ("顺序有变", "order changed"),
    "prompts_unsaved": ("尚未保存：{changes}", "Not saved yet: {changes}"),
    "prompts_saved": ("已保存：{changes}", "Saved: {changes}"),
    "prompts_same": ("没有改动", "Nothing has changed"),
    "prompts_mark_new": ("新", "new"),
    "prompts_mark_changed": ("已改", "edited"),
    "error_prompts_changed": (
        "其他人刚刚保存了题库。你的改动都还在，已放到新版上；请看一遍，再保存一次",
        "Somebody else has saved the set meanwhile. Your edits are kept, on top of theirs. Check them and save again.",
    ),
}

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
