"""The reversal: by example, and its promises on arbitrary text."""

import pickle
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment import Lexicon, Reversal, RoleReverser, Swap
from augment.english.first_names import name_pairs
from augment.records import SWAP

LEXICON = Lexicon.load()
PLAIN = RoleReverser(lexicon=LEXICON)
NAMING = RoleReverser(names=True, lexicon=LEXICON)

# Words that are reversed, words around them that decide, signs that separate or protect, and anything at all.
NAMES = ["Mary", "James", "Mark", "Bates", "Walter"]
WORDS = st.sampled_from([*sorted(LEXICON.counterparts), *sorted(LEXICON.tells)[:20], *NAMES, "keys", "the"]).flatmap(
    lambda word: st.sampled_from([word, word.capitalize(), word.upper(), word.swapcase()])
)
WITHOUT_A_WIDTH = "\u200b\u200c\u200d\u200e\u2060\ufeff\u00ad"
SIGNS = st.sampled_from(
    [*" \n\t.,;:'’\"“”()-_/@#<>=&\\`\u0301😀", *WITHOUT_A_WIDTH, "\r\n", "\n\n", "--", "http://", ".com", "'s", " "]
)
TEXTS = st.lists(st.one_of(WORDS, SIGNS, SIGNS, st.text(max_size=4)), max_size=40).map("".join)
REVERSERS = st.sampled_from([PLAIN, NAMING])


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("The nurse said she lost her keys.", "The nurse said he lost his keys."),
        ("Give it to her. HER KEYS! It's hers.", "Give it to him. HIS KEYS! It's his."),
        ("I saw him with his wife; the fault was his.", "I saw her with her husband; the fault was hers."),
        ("She hurt herself.", "He hurt himself."),
        ("she's he'll she’d’ve the king's actresses'", "he's she'll he’d’ve the queen's actors'"),
        ("Yes, ma'am. Yes, Ma’am! MA'AM", "Yes, sir. Yes, Sir! SIR"),
        ("Mr. Lee, Mrs. Lee, Ms. Lee, Miss Lee", "Ms. Lee, Mr. Lee, Mr. Lee, Mr Lee"),
        ("Miss the bus. I miss you.", "Miss the bus. I miss you."),
        ("It took 5 ms in MS Word.", "It took 5 ms in MS Word."),
        ("Sir Walter met a lady, Lady Anne. Yes, sir.", "Dame Walter met a gentleman, Lord Anne. Yes, madam."),
        ("My lord, my lady", "My lady, my lord"),
        ("step-mother, mother-in-law, stepmother, ex-wife", "step-father, father-in-law, stepfather, ex-husband"),
        ("a man-of-war, man-made", "a man-of-war, man-made"),
        ("a man walked, a grown man", "a woman walked, a grown woman"),
        ("king-size, king size, queen bed, guy wires", "king-size, king size, queen bed, guy wires"),
        ("God knows the god of war.", "God knows the goddess of war."),
        ("you guys, that guy", "you guys, that gal"),
        ("madam/sir, Dear Sir or Madam", "madam/sir, Dear Sir or Madam"),
        ("Ladies and gentlemen", "Gentlemen and ladies"),
        (
            "he or she, his or her keys, him/herself, s/he, (s)he",
            "she or he, her or his keys, her/himself, s/he, (s)he",
        ),
        ("Désiré, De\u0301sir\u0301, sirloin, heShe, hE", "Désiré, De\u0301sir\u0301, sirloin, heShe, hE"),
        ("http://x.com/his user.his his_id @his his@x.com", "http://x.com/his user.his his_id @his his@x.com"),
        ('<b class="his">his keys</b>', '<b class="his">her keys</b>'),
        ("_her_ father’s fiancée, the señorita", "_his_ mother’s fiancé, the señor"),
        ("a\r\n\tshe\u00a0said… 😀 “he”", "a\r\n\the\u00a0said… 😀 “she”"),
        ("Count Vronsky; count on him", "Countess Vronsky; count on her"),
        ("the Earl of Derby and Countess Lidia", "the Countess of Derby and Count Lidia"),
        ("the Countess of Derby", "the Earl of Derby"),
        ("the Countess of his heart", "the Count of her heart"),
        ("they lost their keys themselves", "they lost their keys themselves"),
        ("Ask your husband/wife. He uses he/him/his.", "Ask your wife/husband. She uses she/her/hers."),
        ("**his** bag, [her] bag, his/her; ask him/her.", "**her** bag, [his] bag, her/his; ask her/him."),
        ("A friend of his came. Me and her went.", "A friend of hers came. Me and him went."),
        ("Oh man, man! Man, it's a man.", "Oh man, woman! Man, it's a woman."),
        ("Man the pumps. Man is mortal.", "Man the pumps. Woman is mortal."),
        ("And boy, was he glad. Atta boy! A boy.", "And boy, was she glad. Atta boy! A girl."),
        ("an old wives' tale, a widow’s peak", "an old wives' tale, a widow’s peak"),
        ("Sacramento Kings, Kings Cross, King Street", "Sacramento Kings, Kings Cross, King Street"),
        ("\ufeffShe lost her\u200b keys; \u200ehe\u2060, too", "\ufeffHe lost his\u200b keys; \u200eshe\u2060, too"),
        ("king\u00adfisher, she\u200d, \u200che", "king\u00adfisher, she\u200d, \u200che"),
        ("", ""),
    ],
)
def test_examples(text: str, counterfactual: str) -> None:
    assert PLAIN.reverse(text).counterfactual == counterfactual


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("Mr. King said he knew.", "Ms. King said she knew."),
        ("Regina King and Mark King, B. B. King, B.B. King", "Regina King and Mark King, B. B. King, B.B. King"),
        ("MR. KING, Mayor Prince, Rev. Priest", "MS. KING, Mayor Prince, Rev. Priest"),
        ("Mr. Stephen King. Will King Henry come?", "Ms. Stephen King. Will Queen Henry come?"),
        ("King Henry, the King, a Mr. lord", "Queen Henry, the Queen, a Ms. lady"),
        ("Mary Queen of Scots, General Prince Igor", "Mary King of Scots, General Princess Igor"),
    ],
)
def test_surnames_stay(text: str, counterfactual: str) -> None:
    reversal = PLAIN.reverse(text)
    assert reversal.counterfactual == counterfactual
    assert not {"King", "Prince"} & set(revealed(reversal))


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("the ladies' room, the ladies’ room", "the gentlemen's room, the gentlemen’s room"),
        ("the gentlemen's club, GENTLEMEN’S CLUB", "the ladies' club, LADIES’ CLUB"),
        ("the actress' husband, the actress's", "the actor's wife, the actor's"),
        ("the actor's, the mermen's", "the actress's, the mermaids'"),
        ("‘For the ladies’ he said", "‘For the gentlemen’ she said"),
        ("'for ladies' and such", "'for gentlemen' and such"),
        ("‘Ladies’ is plural, 'ladies' too", "‘Gentlemen’ is plural, 'gentlemen' too"),
        ("Ladies’, and the wives' tea", "Gentlemen’, and the husbands' tea"),
    ],
)
def test_possessive_endings(text: str, counterfactual: str) -> None:
    reversal = PLAIN.reverse(text)
    assert reversal.counterfactual == counterfactual
    assert PLAIN.mirror(reversal).invert() == counterfactual


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("I invited her and her friends.", "I invited him and his friends."),
        ("his or her keys, her and his dog", "her or his keys, his and her dog"),
        ("arrested her Monday. On her Monday class", "arrested him Monday. On his Monday class"),
        ("They beat her 6-4, 6-3 in her 6-4 win.", "They beat him 6-4, 6-3 in his 6-4 win."),
        ("I love her 😂😂 and her ★", "I love him 😂😂 and him ★"),
        (
            "It was his until May. It is his now. His now famous hat",
            "It was hers until May. It is hers now. Her now famous hat",
        ),
        ("MS. LEE: No. MS Word, 5 MS. Ms. and Mr. Day", "MR. LEE: No. MS Word, 5 MS. Mr. and Ms. Day"),
        ("“Yes, miss.” A hit, miss, or win", "“Yes, sir.” A hit, miss, or win"),
        ("Never Miss Another Day. How to Count Calories", "Never Miss Another Day. How to Count Calories"),
        ("The Lord said: oh god, bad actors and an actor", "The Lord said: oh god, bad actors and an actress"),
    ],
)
def test_found_in_real_text(text: str, counterfactual: str) -> None:
    assert PLAIN.reverse(text).counterfactual == counterfactual


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("Prince George, Virgin Mary, Queen Anne style", "Prince George, Virgin Mary, Queen Anne style"),
        ("Miss Elizabeth and Miss James", "Mr William and Mr James"),
        ("Saint Patrick and El Salvador", "Saint Patrick and El Salvador"),
    ],
)
def test_names_in_phrases_and_after_titles(text: str, counterfactual: str) -> None:
    assert NAMING.reverse(text).counterfactual == counterfactual


def test_a_possessive_is_ambiguous_with_a_closing_quotation_mark() -> None:
    reversal = PLAIN.reverse("The ladies' room, the gentlemen's")
    assert [swap.ambiguous for swap in reversal.swaps] == [True, False]
    assert [swap.ambiguous for swap in PLAIN.mirror(reversal).swaps] == [False, True]


def test_possessive_endings_of_names() -> None:
    reversal = NAMING.reverse("James' hat and JAMES’ hat, ‘James’ is Mary's. Mary’s")
    assert reversal.counterfactual == "Mary's hat and MARY’S hat, ‘Mary’ is James's. James’s"


@pytest.mark.parametrize(
    ("text", "counterfactual"),
    [
        ("Mary told James. MARY!", "James told Mary. JAMES!"),
        ("Mary's friend Mr. James", "James's friend Ms. James"),
        ("mary, Mary-Ann, @Mary, Mary.com", "mary, Mary-Ann, @Mary, Mary.com"),
        ("San Francisco, St. Paul", "San Francisco, St. Paul"),
    ],
)
def test_names(text: str, counterfactual: str) -> None:
    assert NAMING.reverse(text).counterfactual == counterfactual


def test_names_stay_by_default() -> None:
    reversal = PLAIN.reverse("Mary said she knew James Brown.")
    assert reversal.counterfactual == "Mary said he knew James Brown."
    assert revealed(reversal) == ["Mary", "James"]


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("a pregnant doctor and a Bearded one", ["pregnant", "Bearded"]),
        ("her maiden name, a maiden", ["maiden"]),
        ("Mark it; then Mark said", ["Mark"]),
        ("Mr. James, the king-size bed, you guys", []),
        ("Mary-Ann left", ["Mary", "Ann"]),
        ("@Mary", []),
        ("Lady Gaga, the First Lady, Our Lady and the Lord", ["Lady", "Lady", "Lady", "Lord"]),
        ("Holy Father, Mother Teresa, Father Christmas", ["Father", "Mother", "Teresa", "Father"]),
        ("Wonder Woman, Girl Scouts, a beauty queen", ["Woman", "Girl", "queen"]),
        ("Big Brother, Mother Superior, King Kong", ["Brother", "Mother", "King"]),
        ("Madam President, dude, two bros", ["Madam", "dude", "bros"]),
        ("mother tongue, guy wire, Burger King, thank God, Warner Bros.", []),
    ],
)
def test_tells(text: str, tells: list[str]) -> None:
    assert revealed(PLAIN.reverse(text)) == tells


def test_an_excluded_phrase_may_reveal_a_gender(tmp_path) -> None:
    path = tmp_path / "lexicon.yaml"
    path.write_text(
        "groups: {g: [{male: king, female: queen}]}\n"
        "exclusions: [{phrase: virgin queen, tells: true, reason: one person}, {phrase: queen bed, reason: a bed}]"
    )
    reversal = RoleReverser(lexicon=Lexicon.load(path)).reverse("The Virgin Queen, a queen bed, a queen.")
    assert reversal.counterfactual == "The Virgin Queen, a queen bed, a king."
    assert revealed(reversal) == ["Queen"]


def test_spans() -> None:
    reversal = PLAIN.reverse("A lady lost her hat.")
    assert reversal.counterfactual == "A gentleman lost his hat."
    assert reversal.swaps == (Swap(2, 6, 2, 11, True), Swap(12, 15, 17, 20, True))


def test_ambiguous_are_the_words_that_looked_ahead() -> None:
    text = "He told her and his mother that she is hers and him himself."
    swaps = PLAIN.reverse(text).swaps
    assert [text[swap.start : swap.end] for swap in swaps if swap.ambiguous] == ["her", "his"]
    assert len(swaps) == 8


@pytest.mark.parametrize("word", sorted(LEXICON.counterparts))
def test_every_word_is_reversed_in_its_cases(word: str) -> None:
    for case, form in (("lower", word), ("title", word[0].upper() + word[1:]), ("upper", word.upper())):
        text = f"x {form} Walter" if any(option.reading for option in LEXICON.counterparts[word]) else f"x {form}, y"
        reversal = PLAIN.reverse(text)
        if case not in LEXICON.cases.get(word, (case,)):
            assert not reversal.swaps
        elif reversal.swaps:
            (swap,) = reversal.swaps
            new = reversal.counterfactual[swap.counterfactual_start : swap.counterfactual_end]
            assert new.lower() in {option.word for option in LEXICON.counterparts[word]}
            assert (new.islower(), new.isupper()) == (form.islower(), form.isupper())
            assert new[0].isupper() == form[0].isupper()
        else:
            # Only what an exclusion or a reading leaves alone.
            assert form in {"God", "Guy", "Queens"} or word in {"count", "dame", "miss", "ms"}


@pytest.mark.parametrize(("male", "female"), name_pairs()[:40])
def test_a_name_and_its_partner_change_places(male: str, female: str) -> None:
    assert NAMING.reverse(f"then {male} met {female}s and {female}").counterfactual == (
        f"then {female} met {female}s and {male}"
    )


@given(TEXTS, REVERSERS)
def test_outside_the_spans_nothing_changes(text: str, reverser: RoleReverser) -> None:
    reversal = reverser.reverse(text)
    assert reversal.text == text
    position = new_position = 0
    for swap in reversal.swaps:
        assert position <= swap.start < swap.end
        assert new_position <= swap.counterfactual_start < swap.counterfactual_end
        assert text[position : swap.start] == reversal.counterfactual[new_position : swap.counterfactual_start]
        old = text[swap.start : swap.end]
        new = reversal.counterfactual[swap.counterfactual_start : swap.counterfactual_end]
        assert old != new
        assert (old.islower(), old.isupper()) == (new.islower(), new.isupper())
        assert swap.ambiguous == (old.lower() in LEXICON.ambiguous_words or old[-1] in "'’")
        position, new_position = swap.end, swap.counterfactual_end
    assert text[position:] == reversal.counterfactual[new_position:]


@given(TEXTS, REVERSERS)
def test_invert_gives_the_original(text: str, reverser: RoleReverser) -> None:
    assert reverser.reverse(text).invert() == text


def test_invert_is_rebuilt_from_the_record() -> None:
    record = PLAIN.reverse("I saw him and his dog.")
    shortened = Reversal(record.text, record.counterfactual, record.record[: SWAP.size], record.tells)
    assert shortened.invert() == "I saw him and her dog."


@given(TEXTS, REVERSERS)
def test_mirror(text: str, reverser: RoleReverser) -> None:
    reversal = reverser.reverse(text)
    mirrored = reverser.mirror(reversal)
    assert (mirrored.text, mirrored.counterfactual) == (reversal.counterfactual, reversal.text)
    assert mirrored.invert() == reversal.counterfactual
    assert revealed(mirrored) == revealed(reversal)
    for swap in mirrored.swaps:
        assert swap.ambiguous == (mirrored.text[swap.start : swap.end].lower() in LEXICON.ambiguous_words)
    assert reverser.mirror(mirrored) == reversal


@given(TEXTS, REVERSERS)
def test_tells_are_sorted_and_no_swaps(text: str, reverser: RoleReverser) -> None:
    reversal = reverser.reverse(text)
    swapped = {(swap.start, swap.end) for swap in reversal.swaps}
    assert list(reversal.tells) == sorted(set(reversal.tells))
    assert not swapped & set(reversal.tells)


@given(st.text(alphabet=string.ascii_lowercase + " .,\n"))
def test_a_word_is_reversed_whole_or_not_at_all(text: str) -> None:
    for swap in PLAIN.reverse(text).swaps:
        assert not text[: swap.start][-1:].isalnum()
        assert not text[swap.end :][:1].isalnum()


def test_mirror_moves_tells() -> None:
    mirrored = PLAIN.mirror(PLAIN.reverse("The lady knew pregnant Mary and him."))
    assert revealed(mirrored) == ["pregnant", "Mary"]
    assert [swap.ambiguous for swap in mirrored.swaps] == [False, True]


@settings(max_examples=5, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_reverse_all_keeps_the_order(texts: list[str]) -> None:
    assert PLAIN.reverse_all(texts) == [PLAIN.reverse(text) for text in texts]


def test_reverse_all_on_two_processes() -> None:
    texts = [f"{number}: she said" for number in range(50)]
    assert NAMING.reverse_all(texts, num_proc=2) == NAMING.reverse_all(texts)
    assert NAMING.reverse_all([], num_proc=2) == []


def test_reverse_all_takes_an_iterator() -> None:
    assert [reversal.counterfactual for reversal in PLAIN.reverse_all(iter(["he", "she"]))] == ["she", "he"]


def test_fingerprint() -> None:
    assert PLAIN.fingerprint == RoleReverser().fingerprint
    assert PLAIN.fingerprint != NAMING.fingerprint


def test_a_reversal_is_a_value() -> None:
    reversal = PLAIN.reverse("she")
    with pytest.raises(AttributeError):
        reversal.text = "he"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(reversal)) == reversal


def revealed(reversal: Reversal) -> list[str]:
    return [reversal.text[start:end] for start, end in reversal.tells]
