"""The words of the miniature world: general ones in topics, evidence ones in clusters of interchangeable words.

General words are plain English or everyday Chinese characters and come in topics: what belongs together in general
text. Evidence words are invented (two short syllables) or further characters. They come in clusters, and its cluster
is all that such a word means: within a cluster each word is as good as any other. Nothing here depends on a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

Cluster = tuple[str, ...]


class Topic(NamedTuple):
    """Words that occur together in general text."""

    nouns: Sequence[str]
    verbs: Sequence[str]
    adjectives: Sequence[str]


def _topic(nouns: str, verbs: str, adjectives: str) -> Topic:
    return Topic(nouns.split(), verbs.split(), adjectives.split())


ENGLISH = (
    _topic("boat harbour wave sailor net shore storm fish", "sailed drifted landed sank", "salty deep stormy calm"),
    _topic("farm field horse barn corn farmer plough fence", "grazed grew planted dug", "muddy fertile dry green"),
    _topic("bread oven flour cook kitchen soup butter spoon", "baked boiled stirred tasted", "warm fresh sweet crisp"),
    _topic(
        "school pupil lesson desk pencil teacher chalk book", "wrote read learned spelled", "clever quiet neat young"
    ),
    _topic(
        "engine wheel road driver bridge wagon track bolt", "rolled turned pulled braked", "fast heavy rusty smooth"
    ),
    _topic("forest tree wolf path leaf hunter river owl", "climbed hid ran howled", "dark wild thick mossy"),
    _topic(
        "castle king sword tower guard crown gate queen", "ruled fought marched knelt", "royal brave golden ancient"
    ),
    _topic("song drum violin choir singer dance stage bell", "sang played danced rang", "loud merry soft slow"),
    _topic("shop coin market price merchant cloth basket stall", "sold bought paid weighed", "cheap dear busy honest"),
    _topic("doctor nurse fever pill bed wound bandage clinic", "healed coughed rested bled", "ill pale weak tired"),
    _topic(
        "star moon sky night comet planet cloud telescope", "shone waned blinked glowed", "bright distant cold clear"
    ),
    _topic(
        "house door window roof stair carpet lamp chimney", "built painted opened swept", "wooden narrow cosy dusty"
    ),
    _topic(
        "garden rose bee seed flower lawn hedge spade", "bloomed smelled buzzed faded", "fragrant yellow tiny sunny"
    ),
    _topic("judge court law lawyer thief prison trial witness", "swore judged stole lied", "guilty fair strict legal"),
)

ATTITUDES = tuple(
    tuple(words.split())
    for words in (
        "awful dreadful horrid nasty rotten vile",
        "dull poor boring bland stale weary",
        "usual average ordinary plain normal common",
        "good nice pleasant decent lovely charming",
        "superb splendid brilliant wonderful glorious excellent",
    )
)

CHINESE = (
    Topic("天日月云雨星", "升落照暗", "寒明晴朗"),
    Topic("河海舟鱼沙岸", "游渡漂沉", "深淡咸凉"),
    Topic("竹草木花叶林", "开谢种长", "绿香密嫩"),
    Topic("书字文诗笔墨", "写读念抄", "古雅工妙"),
    Topic("米茶饭汤盐瓜", "煮吃尝烤", "甜苦鲜热"),
    Topic("车船桥路站轮", "行停转驶", "快慢远近"),
    Topic("门窗床灯墙屋", "关修扫搬", "旧新宽窄"),
    Topic("马牛羊犬鸡兔", "跑跳叫睡", "肥瘦黑灰"),
)

_FIRST = ["bal", "dor", "fen", "gim", "har", "jun", "kel", "lom", "mir", "nav", "pol", "quil", "ras", "sev", "tam", "urb", "vel", "wex", "yar", "zin", "bro", "cla", "dre", "fli", "gra", "sko", "tri"]
_SECOND = (
    ["an", "bec", "cot", "dil", "ep", "fus", "gan", "hok", "ith", "jor", "ket", "lin", "mov", "nel", "osh", "pex", "rad", "sim", "tov", "uk", "vag", "wen", "yon", "zet", "ami", "oro", "ulu"]
)
_CHARACTERS = (
    "玄黄宇宙洪张来往秋收冬藏成岁律调阳腾致结霜金丽水玉出昆冈剑号巨珠称夜光果珍菜重姜芥羽翔龙师火帝鸟官人皇始制"
    "乃服衣裳推位让国民周问道坐朝平章爱育首臣伏宾归王凤白驹食场化被万方盖身四大五常养女男效才良知过必改得能莫忘谈"
    "彼短信使可覆器欲难量丝染赞景维贤克作圣建名立形端表正空谷传声虚堂习听祸因福缘善庆尺璧非宝寸阴竞资父事君"
)


def _clusters(words: Sequence[str], number: int, size: int) -> tuple[Cluster, ...]:
    return tuple(tuple(words[i * size : (i + 1) * size]) for i in range(number))


def _shuffled(words: list[str]) -> list[str]:
    random.Random("lexicon").shuffle(words)
    return words


_INVENTED = _shuffled(["".join(pair) for pair in product(_FIRST, _SECOND)])

CLUSTERS: dict[str, tuple[Cluster, ...]] = {
    "sentiment": _clusters(_INVENTED[:120], 5, 24),
    "question": _clusters(_INVENTED[120:280], 10, 16),
    "topic": _clusters(_INVENTED[280:504], 14, 16),
    "news": _clusters(_shuffled(list(_CHARACTERS)), 6, 24),
}
