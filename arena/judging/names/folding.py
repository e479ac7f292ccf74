"""One spelling for text in which names are looked for, whatever its width, case, script or markup."""

from __future__ import annotations

import re
import unicodedata

# Characters of names and of phrases about oneself whose traditional form differs.
_TRADITIONAL = (
    "並亞佈併來侖係個們倖偉備傢儘內別則剋創動務勞區員問喚嗎噹國團夠媽孃學實寫寶將專對層屬崑崙師幫庫廣彆後復愛"
    "應戶擁擇據數於時暫書會東條業榮構樂樣機歡歲歸沒湯準溝滿為無營現畢當發盡監盤確碼礎禮種稱穀箇節範糰絕給統絲"
    "經維網線締編練總繫繼續纔義習聯聲職脫腦臉與興舉華萬薑藍藝蘋號螞蟻衕裝裡製複覈見規覺觀計訊討訓託記設許訴註"
    "詢話該認誕語誠誤說調談請諒論諮謝識譜譯議讓負責賦質趕躍軒軟較載輯輸轅迴這進運達遜選還鋼鏈開闆闇關隊階際隨"
    "隸隻雲電靈韆題願類飛養馬駝騰驅驗體髮鷹麵麼點齣"
)
_SIMPLIFIED = (
    "并亚布并来仑系个们幸伟备家尽内别则克创动务劳区员问唤吗当国团够妈娘学实写宝将专对层属昆仑师帮库广别后复爱"
    "应户拥择据数于时暂书会东条业荣构乐样机欢岁归没汤准沟满为无营现毕当发尽监盘确码础礼种称谷个节范团绝给统丝"
    "经维网线缔编练总系继续才义习联声职脱脑脸与兴举华万姜蓝艺苹号蚂蚁同装里制复核见规觉观计讯讨训托记设许诉注"
    "询话该认诞语诚误说调谈请谅论咨谢识谱译议让负责赋质赶跃轩软较载辑输辕回这进运达逊选还钢链开板暗关队阶际随"
    "隶只云电灵千题愿类飞养马驼腾驱验体发鹰面么点出"
)
_SCRIPT = str.maketrans(
    _TRADITIONAL + "’‘＇´" + "「」『』“”„«»〝〞",
    _SIMPLIFIED + "''''" + '"' * 11,
)
# Marks that nobody sees, emoji, and the private characters that arena.judging.names.marks puts in place of names.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\ue000-\ue00f\U000e0000-\U000e0fff\u2600-\u27bf\U0001f000-\U0001faff]"
)
_CODE = re.compile(r"`([^`\n]{1,300})`")
_BARE = re.compile(r"[\w \-]{1,300}")
# A call or an assignment with a string in it, JSON, an import, a definition.
_CODE_SIGNS = r"""\w[(\[]f?["']| = ["'\[{]|^\s{0,20}[{\[]"|\bfrom \S{1,40} import\b|\bdef \w{1,40}\("""
_CODE_LINE = re.compile(rf"^[^\n]{{0,200}}?(?:{_CODE_SIGNS})[^\n]{{0,400}}$", re.MULTILINE)
_LINK = re.compile(r"\bhttps?://\S{1,500}")
_TAG = re.compile(r"<[/|]?[a-z_]{1,20}[/|]?>")
_QUOTE_MARK = re.compile(r"^[ >#]{1,12}", re.MULTILINE)
_EMPHASIS = re.compile("[*`]{1,4}|~~")
_SPELLED = re.compile(r"(?<![a-z'])[a-z](?:[ .\-·]{1,3}[a-z](?![a-z'])){2,20}")
_SPACES = re.compile(r"[^\S\n]{1,200}")
_HAN = "[\u3400-\u9fff]"
_BESIDE_HAN = re.compile(f"(?<={_HAN})[ ·・.\\-]{{1,4}}(?={_HAN})|(?<={_HAN}) (?=[a-z0-9])|(?<=[a-z0-9]) (?={_HAN})")
_FULL_STOP = re.compile(r"\.(?=\s|$)")


def fold(text: str) -> str:
    """The text in lower case and simplified characters, without markup, code, links, or gaps inside words.

    `。` ends each sentence, `"` stands for every kind of quotation mark.
    """
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    plain = _LINK.sub("", _CODE_LINE.sub("", _CODE.sub(_words_alone, _without_fences(plain))))
    plain = _TAG.sub("\n", plain).translate(_SCRIPT)
    plain = _QUOTE_MARK.sub("", _EMPHASIS.sub("", plain)).replace("_", " ")
    plain = _SPELLED.sub(lambda found: re.sub("[^a-z]", "", found.group()), _SPACES.sub(" ", plain))
    return _FULL_STOP.sub("。", _BESIDE_HAN.sub("", plain))


def _without_fences(text: str) -> str:
    """The text without its blocks of code; one that is never closed goes on to the end."""
    return "\n".join(text.split("```")[::2])


def _words_alone(code: re.Match[str]) -> str:
    """What stands between backticks if it is words, as a name is; code is left out."""
    return code.group(1) if _BARE.fullmatch(code.group(1)) else ""
