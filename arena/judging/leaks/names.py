"""The text that is searched for leaks: in one spelling, and with marks in place of the names of models and makers."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Maker:
    """One maker and the names that give away the maker or one of its models.

    `models` always mean a model. `words` are also ordinary words or people (Claude, Gemini, 豆包); with a `#` they are
    unambiguous when a version follows (Gemini 1.5). `labs` mainly make language models; `firms` make many other things,
    or are universities. A space in a Latin name marks where people also write a hyphen or nothing.
    """

    key: str
    models: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    firms: tuple[str, ...] = ()


# Near a match of the pattern, the maker's names mean something else.
UNLESS = {
    "zhipu": "广义线性|generali[sz]ed linear|regression|回归|logit|link function|链接函数|glm\\(|least squares",
    "google": "zodiac|horoscope|astrolog|star sign|my sign|born (?:on|in)|leo\\b|virgo|libra|aquarius|taurus|星座",
    "minimax": "algorithm|theorem|game tree|alpha-?beta|chess|von neumann|loss function|算法|剪枝|博弈|定理|棋",
}
# One maker per line; an indented line continues the one before.
_TABLE = """
alibaba | models: qwen, qianwen, tongyi qianwen, tongyi lab, qwq, 通义千问, 通义大模型, 通义实验室, 通义万相, 通义灵码
    | words: 千问, 通义, tongyi | firms: alibaba cloud, alibaba, aliyun, damo academy, damo, 阿里巴巴, 阿里云, 阿里,
    达摩院
zhipu | models: chat glm, glm edge, codegeex, cogvlm, autoglm, 智谱清言 | words: glm#, 清言 | labs: zhipu ai, zhipu,
    z.ai, 智谱华章, 智谱 | firms: tsinghua, thudm, keg, 清华
deepseek | models: deep seek | labs: 深度求索 | firms: high-flyer, 幻方量化
openai | models: chat gpt, gpt | words: davinci | labs: open ai
anthropic | words: claude#, 克劳德 | labs: anthropic
google | models: gemini advanced | words: gemini#, gemma#, bard, lamda | labs: google deepmind, google ai
    | firms: google, deepmind, 谷歌
meta | models: code llama | words: llama#, 羊驼 | labs: meta ai | firms: meta, facebook, 脸书
moonshot | models: kimi chat | words: kimi# | labs: moonshot ai, 月之暗面 | firms: moonshot
mistral | models: mistral, mixtral, codestral, ministral, pixtral, magistral, devstral, mathstral | labs: mistral ai
openbmb | models: mini cpm, cpm bee, 面壁小钢炮 | words: 小钢炮 | labs: openbmb, model best, 面壁智能 | firms: 面壁
internlm | models: intern lm, intern vl, intern s1, 书生浦语, 书生万象, 书生大模型, 浦语 | labs: shanghai ai laboratory,
    shanghai ai lab, shanghai artificial intelligence laboratory, 上海人工智能实验室, 上海ai实验室
tencent | models: hun yuan, 混元大模型, 混元助手, 腾讯元宝 | words: 混元, 元宝, yuanbao | firms: tencent, 腾讯
baidu | models: ernie bot, wenxin yiyan, 文心一言, 文心大模型, 文小言 | words: ernie#, wenxin, 文心 | firms: baidu, 百度
bytedance | models: dou bao, 豆包大模型 | words: 豆包, 云雀 | firms: byte dance, 字节跳动, 字节, 火山引擎
01ai | models: yi lightning, yi large | words: yi#, 万知 | labs: 01.ai, 零一万物
microsoft | models: wizard lm | words: phi#, copilot, orca#, cortana, 小冰, 小娜 | firms: microsoft research, microsoft,
    微软
baichuan | models: bai chuan, 百川大模型, 百小应 | words: 百川# | labs: baichuan intelligence, baichuan ai, 百川智能
minimax | models: hailuo, 海螺ai, 海螺问问 | words: 海螺, abab | labs: mini max, 稀宇科技, 稀宇
stepfun | models: step chat, 跃问, 阶跃大模型 | labs: step fun, 阶跃星辰, 阶跃
iflytek | models: iflytek spark, sparkdesk, spark desk, 讯飞星火, 星火认知, 星火大模型 | words: spark, 星火
    | firms: iflytek, 科大讯飞, 讯飞
sensetime | models: sense nova, sense chat, 商汤日日新, 商汤商量, 日日新大模型 | words: 日日新, 商量
    | firms: sense time, 商汤
xai | words: grok# | labs: xai, x.ai
cohere | models: command r, c4ai | words: command, aya | labs: cohere
tii | models: falcon llm | words: falcon | labs: technology innovation institute, tii
ai2 | models: olmo, olmoe | words: tulu, molmo | labs: allen institute for ai, allen institute, ai2, allenai
lg | models: exaone | labs: lg ai research | firms: lg
ibm | words: granite#, watson | labs: ibm research | firms: ibm
huggingface | models: smol lm, star coder, hugging chat | words: zephyr# | firms: hugging face, 抱抱脸
nvidia | models: nemotron, minitron | firms: nvidia, 英伟达
huawei | models: 盘古大模型, 华为盘古 | words: 盘古#, pangu#, 小艺 | firms: huawei, 华为云, 华为
kunlun | models: skywork, 天工大模型, 天工ai | words: 天工 | firms: 昆仑万维, kunlun tech
360 | models: 360智脑, 360gpt | words: 智脑 | firms: 奇虎360, 奇虎, 三六零, 360公司, qihoo
xiaomi | models: milm, mimo | words: 小爱同学, 小爱 | firms: xiaomi, 小米
vivo | models: blue lm, 蓝心大模型 | words: 蓝心, 蓝心小v | firms: vivo
oppo | models: andes gpt, 安第斯大模型 | words: 小布 | firms: oppo
baai | models: aquila chat, 悟道天鹰 | words: aquila, 悟道 | labs: baai, 智源研究院 | firms: 智源
casia | models: 紫东太初 | firms: 中科院自动化所, 中国科学院自动化研究所
ant | models: 蚂蚁百灵, 百灵大模型 | words: 百灵 | firms: ant group, 蚂蚁集团, 蚂蚁
meituan | models: long cat | firms: meituan, 美团
jd | models: 言犀, chat rhino | firms: 京东
netease | models: 子曰大模型 | words: 子曰 | firms: 网易有道, 网易, 有道
kuaishou | models: 快意大模型, kwaiyii | words: 快意 | firms: kuaishou, 快手
telecom | models: tele chat, 星辰大模型 | firms: china telecom, 中国电信
inspur | firms: inspur, 浪潮
idea | models: ziya, 姜子牙大模型 | words: 姜子牙
duxiaoman | models: xuan yuan, 轩辕大模型 | words: 轩辕 | firms: 度小满
xverse | models: xverse | labs: 元象科技 | firms: 元象
fudan | words: moss | firms: fudan university, fudan, 复旦
lmsys | words: vicuna# | labs: lmsys, large model systems organization | firms: uc berkeley
stanford | words: alpaca# | firms: stanford
databricks | models: dbrx | words: dolly | firms: databricks, mosaic ml
amazon | words: nova, titan, alexa | firms: amazon web services, amazon, aws, 亚马逊
apple | models: open elm | words: siri | firms: apple, 苹果公司
ai21 | models: jamba, jurassic 2 | labs: ai21 labs, ai21
inflection | labs: inflection ai
perplexity | words: sonar | labs: perplexity ai | firms: perplexity
reka | labs: reka ai
upstage | words: solar# | labs: upstage
nous | models: open hermes | words: hermes# | labs: nous research
stability | models: stable lm, stable beluga | labs: stability ai
eleuther | models: gpt j, gpt neox | words: pythia# | labs: eleuther ai
bigscience | models: bloomz | words: bloom# | labs: bigscience
laion | models: open assistant | labs: laion
others | models: tiny llama, rwkv, tiger bot | words: openchat, dolphin#, koala#
snowflake | words: arctic | firms: snowflake
salesforce | models: xgen | firms: salesforce
naver | models: hyper clova | words: clova | firms: naver
sber | models: giga chat | firms: sberbank, sber
yandex | models: yandex gpt | firms: yandex
liquid | models: lfm2 | labs: liquid ai
alephalpha | words: luminous | labs: aleph alpha
"""


def _maker(line: str) -> Maker:
    key, *columns = line.split(" | ")
    return Maker(key, **{kind: tuple(names.split(", ")) for kind, names in (column.split(": ") for column in columns)})


MAKERS = tuple(map(_maker, _TABLE.strip().replace("\n   ", "").split("\n")))

# ---- the text

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
_SCRIPT = str.maketrans(_TRADITIONAL + "’‘＇´" + "「」『』“”„«»〝〞", _SIMPLIFIED + "''''" + '"' * 11)
# Invisible characters, emoji, and the private characters that serve as marks below.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\ue000-\ue00f\U000e0000-\U000e0fff\u2600-\u27bf\U0001f000-\U0001faff]"
)
_HAN = "[\u3400-\u9fff]"
_REPLACEMENTS = tuple(
    (re.compile(pattern, re.MULTILINE), new)
    for pattern, new in (
        # Inline code goes unless it is words, as a name is; so do lines of code, and links.
        (r"`(?:([\w \-]{1,300})|[^`\n]{1,300})`", r"\1"),
        (
            r"""^[^\n]{0,200}?(?:\w[(\[]f?["']| = ["'\[{]|^\s{0,20}[{\[]"|\bfrom \S{1,40} import\b|\bdef \w{1,40}\()"""
            r"[^\n]{0,400}$",
            "",
        ),
        (r"\bhttps?://\S{1,500}", ""),
        (r"<[/|]?[a-z_]{1,20}[/|]?>", "\n"),
        (r"[*`]{1,4}|~~", ""),
        (r"^[ >#]{1,12}", ""),
        (r"(?:_|[^\S\n]){1,200}", " "),
    )
)
_SPELLED = re.compile(r"(?<![a-z'])[a-z](?:[ .\-·]{1,3}[a-z](?![a-z'])){2,20}")
_BESIDE_HAN = re.compile(f"(?<={_HAN})[ ·・.\\-]{{1,4}}(?={_HAN})|(?<={_HAN}) (?=[a-z0-9])|(?<=[a-z0-9]) (?={_HAN})")
_FULL_STOP = re.compile(r"\.(?=\s|$)")

# A private-use character marks each kind of name (less ambiguous kinds first), the next four mark names in the battle.
_MODEL, _WORD, _LAB, _FIRM = range(4)
_FIRST_MARK, _OWN = 0xE000, 4
# Follows a mark whose name has a version.
_VERSION_MARK = "\ue008"
# Replaces a name that says nothing about the writer.
MASKED = "\ue009"
NAME = re.compile(f"[\ue000-\ue007]{_VERSION_MARK}?")
OWN = re.compile("[\ue004-\ue007]")
OWN_MODEL = re.compile("\ue004")

_VERSION = r"(?P<version>[ \-]?v?\d{1,4}(?:\.\d{1,3}){0,2}(?:x\d{1,3})?(?:[bkmovr]\d{0,3}|vl)?(?![a-z]))?"
_TAIL = (
    r"(?:[ \-]?(?:v?\d{1,4}(?:\.\d)?[bkm]?|[qk]\d[a-z0-9]{0,6}|a\d{1,3}b|instruct|chat|base|lite|mini|turbo|plus|pro|"
    "max|ultra|flash|nano|large|small|medium|tiny|coder|code|math|vl|omni|vision|opus|sonnet|haiku|thinking|preview|"
    "exp|distill|r1|it|hf|gguf|int4|int8|lm|llm)(?![a-z])){0,6}"
)
_QUOTED_NAME = re.compile(f'["《]({NAME.pattern})["》]')
# A maker before the name of its model, or one name of a thing after the other.
_RUN = re.compile(f"{NAME.pattern}(?:(?:[ ·/&]?\\(?| ?的|'s ){NAME.pattern}\\)?){{1,4}}")


@dataclass(frozen=True)
class Marked:
    """A folded text with marks in place of names, and the keys of the makers whose names they were."""

    text: str
    makers: frozenset[str]


def fold(text: str) -> str:
    """The text in lower case and simplified characters, without markup, code, links, or gaps inside words.

    `。` ends each sentence, `"` stands for every kind of quotation mark.
    """
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    # A block of code that is never closed goes on to the end.
    folded = "\n".join(folded.split("```")[::2])
    for pattern, new in _REPLACEMENTS:
        folded = pattern.sub(new, folded)
    folded = _SPELLED.sub(lambda match: re.sub("[^a-z]", "", match.group()), folded.translate(_SCRIPT))
    return _FULL_STOP.sub("。", _BESIDE_HAN.sub("", folded))


def mark(folded: str, own: tuple[Maker, ...] = ()) -> Marked:
    """The text with every name marked; `own` are the makers of the models in the battle."""
    pattern, names = _names(tuple(maker for maker in own if maker not in MAKERS))
    makers: set[str] = set()

    def marked(match: re.Match[str]) -> str:
        (kind, maker, is_numbered), version = names[_squeezed(match["name"])], match["version"]
        kind = _MODEL if is_numbered and version else kind
        near = folded[max(0, match.start() - 80) : match.end() + 80]
        if kind != _MODEL and maker.key in UNLESS and re.search(UNLESS[maker.key], near):
            return match.group()
        makers.add(maker.key)
        return _mark(kind, maker in own, bool(version))

    text = _QUOTED_NAME.sub(r"\1", pattern.sub(marked, folded))
    return Marked(_RUN.sub(_strongest, text), frozenset(makers))


def _mark(kind: int, is_own: bool, has_version: bool) -> str:
    return chr(_FIRST_MARK + kind + _OWN * is_own) + _VERSION_MARK * has_version


def _strongest(run: re.Match[str]) -> str:
    """One mark for several in a row: `Google's Gemini` is unambiguous."""
    marks = [ord(mark[0]) - _FIRST_MARK for mark in NAME.findall(run.group())]
    kinds = {mark % _OWN for mark in marks}
    kind = _MODEL if _WORD in kinds and kinds & {_LAB, _FIRM} else min(kinds)
    return _mark(kind, max(marks) >= _OWN, _VERSION_MARK in run.group())


@lru_cache(maxsize=64)
def _names(more: tuple[Maker, ...]) -> tuple[re.Pattern[str], dict[str, tuple[int, Maker, bool]]]:
    """The pattern of all names; by name without gaps its kind, its maker, and whether a version makes it unambiguous.

    `more` are makers that are not in the table.
    """
    names: dict[str, tuple[int, Maker, bool]] = {}
    patterns: dict[str, str] = {}
    for maker in (*more, *MAKERS):
        for kind, spellings in enumerate((maker.models, maker.words, maker.labs, maker.firms)):
            for name in spellings:
                bare = name.rstrip("#")
                names.setdefault(_squeezed(bare), (kind, maker, name != bare))
                patterns.setdefault(bare, _pattern(bare, kind == _MODEL))
    latin, han = (_either(patterns, is_ascii) for is_ascii in (True, False))
    end = r"(?:(?<![a-z0-9])|(?![a-z]))"
    return re.compile(f"(?P<name>(?<![a-z0-9])(?:{latin})|(?:{han}))(?:{_VERSION}{_TAIL}){end}"), names


def _either(patterns: dict[str, str], is_ascii: bool) -> str:
    """Any of the names in one script, longer ones first; grouped by first letter, which is ten times as fast."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(patterns, key=len, reverse=True):
        if name.isascii() == is_ascii:
            by_letter.setdefault(name[0], []).append(patterns[name].removeprefix(name[0]))
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


def _squeezed(name: str) -> str:
    return re.sub(r"[ \-.·']", "", name)


def _pattern(name: str, is_plain: bool) -> str:
    """How a name may be written: a plain one in Latin letters with a gap anywhere, others with gaps at their spaces."""
    if not name.isascii():
        return re.escape(name)
    parts, between = (list(_squeezed(name)), r"[ \-.·]{0,2}") if is_plain else (name.split(" "), r"[ \-]?")
    return between.join(map(re.escape, parts))
