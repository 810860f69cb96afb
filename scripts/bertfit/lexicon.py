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
    _topic("boat harbour wave sailor net", "sailed drifted", "salty deep stormy"),
    _topic("farm field horse barn corn", "grazed grew", "muddy fertile dry"),
    _topic("bread oven flour cook kitchen", "baked boiled", "warm fresh sweet"),
    _topic("school pupil lesson desk pencil", "wrote read", "clever quiet neat"),
    _topic("engine wheel road driver bridge", "rolled turned", "fast heavy rusty"),
    _topic("forest tree wolf path leaf", "climbed hid", "dark wild thick"),
    _topic("castle king sword tower guard", "ruled fought", "royal brave golden"),
    _topic("song drum violin choir singer", "sang played", "loud merry soft"),
    _topic("shop coin market price merchant", "sold bought", "cheap dear busy"),
    _topic("doctor nurse fever pill bed", "healed coughed", "ill pale weak"),
    _topic("star moon sky night comet", "shone waned", "bright distant cold"),
    _topic("house door window roof stair", "built painted", "wooden narrow cosy"),
    _topic("garden rose bee seed flower", "bloomed smelled", "fragrant yellow tiny"),
    _topic("judge court law lawyer thief", "swore judged", "guilty fair strict"),
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
    Topic("天日月云雨", "升落", "寒明晴"),
    Topic("河海舟鱼沙", "游渡", "深淡咸"),
    Topic("竹草木花叶", "开谢", "绿香密"),
    Topic("书字文诗笔", "写读", "古雅工"),
    Topic("米茶饭汤盐", "煮吃", "甜苦鲜"),
    Topic("车船桥路站", "行停", "快慢远"),
    Topic("门窗床灯墙", "关修", "旧新宽"),
    Topic("马牛羊犬鸡", "跑跳", "肥瘦黑"),
)

_FIRST = [
    "bal",
    "dor",
    "fen",
    "gim",
    "har",
    "jun",
    "kel",
    "lom",
    "mir",
    "nav",
    "pol",
    "quil",
    "ras",
    "sev",
    "tam",
    "urb",
    "vel",
    "wex",
    "yar",
    "zin",
    "bro",
    "cla",
    "dre",
    "fli",
    "gra",
    "sko",
    "tri",
]
_SECOND = [
    "an",
    "bec",
    "cot",
    "dil",
    "ep",
    "fus",
    "gan",
    "hok",
    "ith",
    "jor",
    "ket",
    "lin",
    "mov",
    "nel",
    "osh",
    "pex",
    "rad",
    "sim",
    "tov",
    "uk",
    "vag",
    "wen",
    "yon",
    "zet",
    "ami",
    "oro",
    "ulu",
]
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
