"""The vocabulary of the synthetic corpora: meanings, each of plain words and of jargon.

A meaning is a topic of plain words (English, or everyday Chinese characters), which co-occur in general text, and a
cluster of jargon: invented words, or other characters, interchangeable within the cluster. In general text jargon
occurs in random contexts: an encoder pre-trained there knows the words but not their meaning. Every word is frequent
enough to become one word piece of a vocabulary of 2,500. Nothing here depends on a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple


class Topic(NamedTuple):
    """Plain words that co-occur."""

    nouns: Sequence[str]
    verbs: Sequence[str]
    adjectives: Sequence[str]

    @property
    def words(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.nouns, *self.verbs, *self.adjectives)


class Meaning(NamedTuple):
    """A plain topic and its jargon."""

    plain: Topic
    jargon: tuple[str, ...]


def _topic(nouns: str, verbs: str, adjectives: str) -> Topic:
    return Topic(nouns.split(), verbs.split(), adjectives.split())


THEMES = {
    "sea": _topic("boat harbour wave sailor net", "sailed drifted", "salty deep stormy"),
    "farm": _topic("farm field horse barn corn", "grazed grew", "muddy fertile dry"),
    "kitchen": _topic("bread oven flour cook kitchen", "baked boiled", "warm fresh sweet"),
    "school": _topic("school pupil lesson desk pencil", "wrote read", "clever quiet neat"),
    "traffic": _topic("engine wheel road driver bridge", "rolled turned", "fast heavy rusty"),
    "forest": _topic("forest tree wolf path leaf", "climbed hid", "dark wild thick"),
    "castle": _topic("castle king sword tower guard", "ruled fought", "royal brave golden"),
    "music": _topic("song drum violin choir singer", "sang played", "loud merry soft"),
    "market": _topic("shop coin market price merchant", "sold bought", "cheap dear busy"),
    "medicine": _topic("doctor nurse fever pill bed", "healed coughed", "ill pale weak"),
    "sky": _topic("star moon sky night comet", "shone waned", "bright distant cold"),
    "house": _topic("house door window roof stair", "built painted", "wooden narrow cosy"),
    "garden": _topic("garden rose bee seed flower", "bloomed smelled", "fragrant yellow tiny"),
    "law": _topic("judge court law lawyer thief", "swore judged", "guilty fair strict"),
}
MOODS = {
    "1 star": _topic("disaster failure mess insult waste", "disgusted offended", "awful dreadful vile"),
    "2 stars": _topic("flaw bore letdown mistake yawn", "dragged bored", "dull poor stale"),
    "3 stars": _topic("routine habit average middle detail", "happened passed", "usual ordinary plain"),
    "4 stars": _topic("delight treat comfort smile charm", "pleased amused", "good nice lovely"),
    "5 stars": _topic("triumph marvel wonder miracle jewel", "dazzled amazed", "superb splendid glorious"),
}
CHINESE = {
    "weather": Topic("天日月云雨", "升落", "寒明晴"),
    "water": Topic("河海舟鱼沙", "游渡", "深淡咸"),
    "plants": Topic("竹草木花叶", "开谢", "绿香密"),
    "books": Topic("书字文诗笔", "写读", "古雅工"),
    "food": Topic("米茶饭汤盐", "煮吃", "甜苦鲜"),
    "roads": Topic("车船桥路站", "行停", "快慢远"),
}
CHINESE_FILLER = (Topic("门窗床灯墙", "关修", "旧新宽"), Topic("马牛羊犬鸡", "跑跳", "肥瘦黑"))

_FIRST = "bal dor fen gim har jun kel lom mir nav pol quil ras sev tam urb vel wex yar zin bro cla dre fli gra sko tri"
_SECOND = "an bec cot dil ep fus gan hok ith jor ket lin mov nel osh pex rad sim tov uk vag wen yon zet ami oro ulu"
_CHARACTERS = (
    "玄黄宇宙洪张来往秋收冬藏成岁律调阳腾致结霜金丽水玉出昆冈剑号巨珠称夜光果珍菜重姜芥羽翔龙师火帝鸟官人皇始制"
    "乃服衣裳推位让国民周问道坐朝平章爱育首臣伏宾归王凤白驹食场化被万方盖身四大五常养女男效才良知过必改得能莫忘谈"
    "彼短信使可覆器欲难量丝染赞景维贤克作圣建名立形端表正空谷传声虚堂习听祸因福缘善庆尺璧非宝寸阴竞资父事君"
)


def _meanings(topics: Sequence[Topic], words: Sequence[str], size: int) -> tuple[Meaning, ...]:
    return tuple(Meaning(topic, tuple(words[i * size : (i + 1) * size])) for i, topic in enumerate(topics))


def _shuffled(words: list[str]) -> list[str]:
    random.Random("lexicon").shuffle(words)
    return words


_invented = _shuffled(["".join(pair) for pair in product(_FIRST.split(), _SECOND.split())])

MEANINGS = {
    "sentiment": _meanings(list(MOODS.values()), _invented[:120], 24),
    "question": _meanings(list(THEMES.values())[:10], _invented[120:280], 16),
    "topic": _meanings(list(THEMES.values()), _invented[280:504], 16),
    "news": _meanings(list(CHINESE.values()), _shuffled(list(_CHARACTERS)), 24),
}
