"""Names in answers: what gives a model away, and what is ordinary prose with the same words."""

from dataclasses import replace

import pytest
from vote_samples import make_side

from arena.judging.leaks import is_leaked, names_a_model
from arena.types import Battle, Message

TELLS = [
    "我是通义千问，由阿里云开发的大语言模型。",
    "我是来自阿里云的大规模语言模型，我叫通义千问。",
    "您好！我是 Qwen，很高兴为您服务。",
    "我是阿里云自主研发的超大规模语言模型。",
    "我是一个由清华大学 KEG 实验室和智谱AI公司共同训练的语言模型。",
    "我是人工智能助手 ChatGLM3-6B。",
    "我是一个名为 ChatGLM 的人工智能助手，是基于清华大学和智谱 AI 公司共同训练的语言模型开发的。",
    "作为智谱清言，我可以帮您写文章。",
    "我叫千问。",
    "我的名字是通义，请问有什么可以帮您？",
    "开发我的是阿里巴巴集团旗下的团队。",
    "我的开发者是阿里云。",
    "阿里云开发了我，所以我不了解其他公司的模型。",
    "作为阿里巴巴开发的 AI 助手，我没有个人情感。",
    "我由清华大学训练而成。",
    "与 GLM-4 相比，我更擅长写代码。",
    "我是 GLM，一个语言模型。",
    "通 义 千 问 可以回答这个问题。",
    "**通义**千问认为这句话有两种意思。",
    "ｑｗｅｎ认为第二句更合适。",
    "Ｃｈａｔ ＧＬＭ 的回答如下：",
    "我是通義千問，由阿里雲研發的語言模型。",
    "我是智譜AI訓練的助手。",
    "我是阿里。",
    "通义大模型不会保存您的对话。",
    "I am Qwen, a large language model created by Alibaba Cloud.",
    "As QWEN2, I cannot browse the internet.",
    "Qwen-7B-Chat here, how can I help?",
    "Sure! My name is Q w e n.",
    "I was trained by researchers at Tsinghua University.",
    "I'm an AI assistant developed by Alibaba Cloud.",
    "I’m a language model made by Zhipu AI.",
    "This is Chat-GLM speaking.",
    "As a language model from Alibaba, I have no opinions.",
    "My developers at Tsinghua gave me no access to the web.",
    "Alibaba created me in 2023.",
    "My creator is Alibaba.",
    "I am Tongyi, nice to meet you.",
    "I'm SmolLM2, a small model trained by Hugging Face.",
    "In Tongyi Qianwen's view the first sentence is a joke.",
    "ChatGLM：这两句话的意思不同。",
    "Ask qwen\u200b or another model.",
    "大家好 I am Claude, made by Anthropic.",
    "翻译如下 I was created by OpenAI.",
    "您好My name is Claude.",
]

INNOCENT = [
    "同济大学位于上海，清华大学位于北京。",
    "清华大学的前身是1911年建立的清华学堂。",
    "我是一名清华大学的学生，主修土木工程。",
    "我是清华大学人工智能专业的研究生。",
    "阿里山的日出非常有名。",
    "西藏阿里地区平均海拔超过四千五百米。",
    "《阿里巴巴和四十大盗》出自《一千零一夜》。",
    "阿里巴巴集团于1999年在杭州创立。",
    "我在阿里巴巴买了一件羽绒服。",
    "我的手机支付用的是阿里旗下的支付宝。",
    "阿里巴巴推出了双十一购物节。",
    "普通义务教育一共九年。",
    "这两个字是通义词，意思相近。",
    "他集众人才智谱写了新的篇章。",
    "千问万问，不如自己动手一试。",
    "心里有一千问，却一句也说不出口。",
    "在统计学中，GLM 指广义线性模型。",
    "广义线性模型（GLM）通过链接函数把均值和线性预测联系起来；GLM 2 在第二节介绍。",
    "用 R 语言的 glm() 函数可以做逻辑回归。",
    "单身狗产生的原因有两个：一是谁都看不上，二是谁都看不上。",
    "我是一个语言模型，没有自己的喜好。",
    "作为一个人工智能助手，我不能替您做决定。",
    "我由一组研究人员训练而成。",
    "模型由数据训练得到。",
    "The war in Iraq went on for years.",
    "A generalized linear model (GLM) has a link function.",
    "Fit it with glm(y ~ x, family = binomial).",
    "Tsinghua University is in Beijing, Tongji University in Shanghai.",
    "I am a student at Tsinghua University.",
    "Alibaba was founded by Jack Ma in 1999.",
    "I bought it on Alibaba because it was cheap.",
    "Ali Baba opened the cave with two words.",
    "I am a language model and have no name.",
    "As an AI assistant, I cannot feel cold.",
    "Clothes: in winter wear as many as you can, in summer as few as you can.",
    "The students developed a model of the bridge.",
    "He rolled a keg of beer into the hall.",
    "def even_squares(numbers):\n    return sum(n * n for n in numbers if n % 2 == 0)",
    "A tongue twister: how can a clam cram in a clean cream can?",
    "Chatting with friends, I am happy.",
    "翻译如下 Whether I was trained by Meta or by Google is not something I know.",
    "好的 Neither OpenAI nor Google made me.",
]


def test_there_are_at_least_30_examples_of_each_kind():
    assert len(TELLS) >= 30 and len(INNOCENT) >= 30


@pytest.mark.parametrize("text", TELLS)
def test_a_model_that_names_itself_is_a_leak(text):
    assert names_a_model(text)
    assert names_a_model(f"好的。\n\n{text}\n还有什么问题吗？")


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_prose_is_no_leak(text):
    assert not names_a_model(text)
    assert not names_a_model(f"{text}\n{text}")


def battle_of(a, b, reasoning="", earlier="", prompt="Why?"):
    """A battle of two answers; `reasoning` is side b's, `earlier` what side a said a turn before."""
    left, right = make_side("one", a), make_side("two", b)
    if earlier:
        left = replace(left, messages=(Message("user", "Hi"), Message("assistant", earlier), *left.messages))
    return Battle("1", prompt, left, replace(right, answer=replace(right.answer, reasoning=reasoning)))


def test_every_text_that_a_rater_sees_is_searched():
    leak, innocent = "我是通义千问。", "我是一个语言模型。"
    assert not is_leaked(battle_of(innocent, innocent))
    assert is_leaked(battle_of(leak, innocent)) and is_leaked(battle_of(innocent, leak))
    thought = battle_of(innocent, innocent, reasoning="As Qwen I would say ...")
    assert is_leaked(thought) and not is_leaked(replace(thought, blind=True))  # a blind rater sees no thinking
    assert is_leaked(battle_of(innocent, innocent, earlier=leak))
    assert not is_leaked(battle_of(innocent, innocent, prompt="Are you Qwen?"))


@pytest.mark.parametrize("text", ["我", "阿 ", "q w e ", "i am a ", "我是", "我由", "通 义 "])
def test_repeated_beginnings_of_names_are_searched_in_time(text):
    assert not names_a_model(text * (400_000 // len(text)))
