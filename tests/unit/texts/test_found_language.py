from __future__ import annotations

import io

import numpy as np
import pytest

from bertfit.texts import found_language
from bertfit.texts.found_language import UNDETERMINED, find

TEXTS = {
    "en": ["The food was cold and the waiter was rude.", "What a wonderful little place, we will come back!"],
    "de": ["Das Essen war kalt und der Kellner unfreundlich.", "Ein wunderbarer kleiner Laden, wir kommen wieder!"],
    "es": ["La comida estaba fría y el camarero fue grosero.", "¡Qué lugar tan maravilloso, volveremos pronto!"],
    "fi": ["Ruoka oli kylmää ja tarjoilija oli töykeä.", "Ihana pieni paikka, tulemme varmasti takaisin!"],
    "ru": ["Еда была холодной, а официант грубым.", "Чудесное место, мы обязательно вернёмся!"],
    "ar": ["كان الطعام باردا والنادل غير مهذب", "مكان رائع وسوف نعود إليه مرة أخرى"],
    "hi": ["खाना ठंडा था और वेटर असभ्य था।", "बहुत सुंदर जगह है, हम फिर आएंगे।"],
    "zh": ["股市上涨，投资者十分高兴。", "NBA 总决赛：湖人队获得冠军", "这家餐馆的菜很冷。"],
    "ja": ["料理は冷たく、店員は無愛想でした。", "素晴らしいお店で、また行きたいです。"],
    "ko": ["음식은 차갑고 종업원은 무례했다.", "정말 멋진 곳이라 다시 올 거예요!"],
    "th": ["อาหารเย็นและพนักงานไม่สุภาพ", "ร้านสวยมากจะกลับมาอีก"],
    "el": ["Το φαγητό ήταν κρύο και ο σερβιτόρος αγενής."],
    "bo": ["བོད་ཡིག་གི་ཡི་གེ་འདི་ཡག་པོ་འདུག"],
}


@pytest.mark.parametrize("code", TEXTS)
def test_languages(code):
    found = find(TEXTS[code])
    assert found.code == code and 0.75 <= found.probability <= 1
    assert find(TEXTS[code] * 50).code == code


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["😀", "👎 !!", "12:30"],
        ["good", "bad"],  # few letters
        ["¯\\_(ツ)_/¯", "1", "(ツ)"],
        TEXTS["en"] * 20 + TEXTS["de"] * 20,  # as many of one as of the other
        ["xq zvb wkj qqx", "bvk xzq jjw", "kqz vxb wqj"],
    ],
)
def test_undetermined(texts):
    assert find(texts).code == UNDETERMINED


def test_a_language_is_written_in_the_main_script():
    """Hindi in Latin letters is neither taken for Hindi nor for a language of other letters."""
    assert find(["yeh film bahut achhi hai aur kahani bhi acchi thi"] * 5).code not in found_language.NOT_LATIN
    assert find(["Привет, это OK"] * 10).code not in ("en", UNDETERMINED)


def test_most_texts_decide_and_a_sample_is_looked_at(monkeypatch):
    assert find(TEXTS["de"] * 30 + TEXTS["en"] * 2).code == "de"
    monkeypatch.setattr(found_language, "SAMPLE", 2)  # the first and the last
    assert find([TEXTS["de"][0], *TEXTS["en"] * 30, TEXTS["de"][1]]).code == "de"


def test_the_model_holds_no_pickled_objects():
    """numpy would refuse them; here all arrays of the package's model are read, with pickle out of reach."""
    import lzma

    from py3langid.langid import MODEL_DIR, MODEL_FILE

    content = io.BytesIO(lzma.decompress((MODEL_DIR / MODEL_FILE).read_bytes()))
    with np.load(content, allow_pickle=False) as arrays:
        assert len(arrays.files) >= 5 and all(arrays[name].dtype != object for name in arrays.files)
