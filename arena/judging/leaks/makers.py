"""The makers of chat models that people compare, with the names of their models, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Maker:
    """One maker and the names that give away the maker or one of its models.

    `models` mean nothing but a model. `words` are also ordinary words or people (Claude, Gemini, 豆包); with a `#` they
    are plain once a version follows (Gemini 1.5). `labs` make language models and little else; `firms` make much
    besides, or are universities. A space in a Latin name marks where people also write a hyphen or nothing.
    """

    key: str
    models: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    firms: tuple[str, ...] = ()


# Near a match of the pattern, the names of the maker mean something else.
UNLESS = {
    "zhipu": "广义线性|generali[sz]ed linear|regression|回归|logit|link function|链接函数|glm\\(|least squares",
    "google": "zodiac|horoscope|astrolog|star sign|my sign|born (?:on|in)|leo\\b|virgo|libra|aquarius|taurus|星座",
    "minimax": "algorithm|theorem|game tree|alpha-?beta|chess|von neumann|loss function|算法|剪枝|博弈|定理|棋",
}
# A maker a line; an indented line continues the one before.
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
