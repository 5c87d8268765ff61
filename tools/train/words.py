"""What the embedded model knows: the words of each language, how espeak-ng is told to say them, and the vocabulary.

A unit is what is said in one go: text in tokens (one piece each) and the spelling for espeak-ng. A piece begins with "▁" where
a space stands before the word. Digits have a second piece, the figure, which the model answers when it is asked for
figures and punctuation (withitn).
"""

VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin", "yue": "yue", "ja": "ja", "ko": "ko"}
LANGUAGES = list(VOICES)
FULL_STOP = {"en": ".", "ko": ".", "zh": "。", "yue": "。", "ja": "。"}

DIGITS = {
    "en": "zero one two three four five six seven eight nine",
    "zh": "零=ling2 一=yi1 二=er4 三=san1 四=si4 五=wu3 六=liu4 七=qi1 八=ba1 九=jiu3",
    "yue": "零 一 二 三 四 五 六 七 八 九",
    "ja": "ゼロ=ぜろ 一=いち 二=に 三=さん 四=よん 五=ご 六=ろく 七=なな 八=はち 九=きゅう",
    "ko": "영 일 이 삼 사 오 육 칠 팔 구",
}

# word=spelling; a spelling with spaces is written with "+"
WORDS = {
    "en": "hello goodbye thanks please sorry yes no good morning night open close door window light music play stop start next"
    " louder softer up down left right weather today time home",
    "zh": "你好=ni3+hao3 再见=zai4+jian4 谢谢=xie4+xie5 请=qing3 对不起=dui4+bu5+qi3 是=shi4 不是=bu2+shi4 早上好=zao3+shang5+hao3"
    " 晚安=wan3+an1 打开=da3+kai1 关闭=guan1+bi4 门=men2 窗户=chuang1+hu5 灯=deng1 音乐=yin1+yue4 播放=bo1+fang4 停止=ting2+zhi3"
    " 开始=kai1+shi3 下一首=xia4+yi4+shou3 大声=da4+sheng1 小声=xiao3+sheng1 向上=xiang4+shang4 向下=xiang4+xia4 左边=zuo3+bian1"
    " 右边=you4+bian1 天气=tian1+qi4 今天=jin1+tian1 时间=shi2+jian1 回家=hui2+jia1",
    "yue": "你好 再見 多謝 唔該 對唔住 係 唔係 早晨 晚安 打開=打+開 閂埋=閂+埋 門 窗 燈 音樂 播放 停止 開始 下一首 大聲 細聲 向上 落低=落+低"
    " 左邊=左+邊 右邊=右+邊 天氣 今日 時間 返屋企",
    "ja": "こんにちは さようなら ありがとう お願いします=おねがいします すみません はい いいえ おはよう おやすみ 開けて=あけて 閉めて=しめて"
    " ドア=どあ 窓=まど 電気=でんき 音楽=おんがく 再生=さいせい 止めて=とめて 始めて=はじめて 次=つぎ 大きく=おおきく 小さく=ちいさく"
    " 上=うえ 下=した 左=ひだり 右=みぎ 天気=てんき 今日=きょう 時間=じかん 帰る=かえる",
    "ko": "안녕하세요 잘가요 감사합니다 부탁합니다 미안합니다 네 아니요 좋은아침 잘자요 열어 닫아 문 창문 불 음악 재생 멈춰 시작 다음 크게 작게"
    " 위로 아래로 왼쪽 오른쪽 날씨 오늘 시간 집으로",
}

# Phrases said in one go, in pieces; ordinary sentences for the demonstration.
PHRASES = {
    "en": "good morning|good night|hello good morning|yes please|no thanks|open door|close door|open window|close window|play music"
    "|stop music|start music|next music|light left|light right|weather today|music louder|music softer|good time|goodbye good night",
    "zh": "打开 灯|关闭 灯|打开 门|关闭 门|打开 窗户|关闭 窗户|播放 音乐|停止 音乐|开始 播放|今天 天气|你好 谢谢|请 大声|请 小声|请 打开 门|请 播放 音乐|再见 晚安",
    "yue": "打開 燈|閂埋 燈|打開 門|閂埋 門|打開 窗|閂埋 窗|播放 音樂|停止 音樂|開始 播放|今日 天氣|你好 多謝|大聲 唔該|細聲 唔該|打開 門 唔該|播放 音樂 唔該|再見 晚安",
    "ja": "電気 開けて|ドア 開けて|ドア 閉めて|窓 開けて|窓 閉めて|音楽 再生|音楽 止めて|今日 天気|はい お願いします|音楽 大きく|音楽 小さく|次 お願いします|おはよう ありがとう|さようなら おやすみ",
    "ko": "문 열어|문 닫아|창문 열어|창문 닫아|음악 재생|음악 멈춰|음악 시작|다음 음악|음악 크게|음악 작게|오늘 날씨|네 감사합니다|아니요 감사합니다|안녕하세요 감사합니다|문 열어 부탁합니다",
}

TAGS = ["<|zh|>", "<|en|>", "<|yue|>", "<|ja|>", "<|ko|>", "<|nospeech|>", "<|NEUTRAL|>", "<|EMO_UNKNOWN|>", "<|Speech|>", "<|Event_UNK|>",
        "<|withitn|>", "<|woitn|>"]

# Rows of embed.weight, as in the released model.
QUERIES = {"language": {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}, "event": 1, "emotion": 2,
           "textnorm": {"withitn": 14, "woitn": 15}}


def _pairs(text):
    for item in text.split():
        word, _, spelling = item.partition("=")
        yield word, (spelling or word).replace("+", " ")


def piece(language, word):
    return ("▁" if language in ("en", "ko") else "") + word


def _spellings(language):
    return dict(list(_pairs(DIGITS[language])) + list(_pairs(WORDS[language])))


def digits(language):
    """The pieces of 0 to 9 as words."""
    return [piece(language, word) for word, _ in _pairs(DIGITS[language])]


def units(language):
    """All units: [(pieces, spelling for espeak-ng)], single words first, in a fixed order."""
    spellings = _spellings(language)
    singles = [([piece(language, word)], spelling) for word, spelling in spellings.items()]
    joint = "" if language in ("yue", "ja") else " "
    phrases = [([piece(language, word) for word in phrase.split()], joint.join(spellings[word] for word in phrase.split()))
               for phrase in PHRASES[language].split("|")]
    return singles + phrases


def vocabulary():
    """All pieces; a piece's place is its id. 0 is the blank."""
    pieces = ["<blank>"] + TAGS
    for language in LANGUAGES:
        words = [p for unit, _ in units(language) for p in unit]
        figures = [piece(language, str(n)) for n in range(10)]
        pieces += words + figures + [FULL_STOP[language]]
    return list(dict.fromkeys(pieces))


def with_itn(language, pieces):
    """The same words with figures for digits and a full stop: what the model answers to withitn."""
    if not pieces:
        return []
    figures = {word: piece(language, str(n)) for n, word in enumerate(digits(language))}
    return [figures.get(p, p) for p in pieces] + [FULL_STOP[language]]
