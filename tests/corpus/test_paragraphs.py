import pytest

from pipeline.corpus.paragraphs import clean

TITLE = "Bupati minta pegawai jaga jarak dari tim sukses"
OPENING = "Apel gabungan digelar di halaman kantor bupati."
CLOSING = "Bupati menutup apel itu dengan doa bersama."


def cut(text: str, title: str = TITLE) -> list[tuple[str, str]]:
    """Return ``(reason, text)`` of the pieces of ``text`` in order, the reason of prose being ``prose``."""
    cleaned = clean(text, title, heading_words=14)
    spans = sorted([(*span, "prose") for span in cleaned.prose] + cleaned.removed)
    return [(reason, text[start:end]) for start, end, reason in spans]


def reasons(*paragraphs: str) -> list[str]:
    return [reason for reason, _ in cut("\n\n".join(paragraphs))]


@pytest.mark.parametrize("line", [TITLE, TITLE.upper(), TITLE + " - Suara Serai", TITLE[:-7] + "...", TITLE[:-7]])
def test_repeated_title_is_removed(line):
    assert reasons(line, OPENING) == ["title", "prose"]


def test_sentence_that_begins_like_the_title_stays():
    sentence = TITLE + ", dan bukan hanya dari tim sukses melainkan dari semua rapat pemenangan."
    assert reasons(sentence) == ["prose"]


@pytest.mark.parametrize(
    "dateline", ["Muara Serai (Kabar Muara) - ", "RTM, Teluk Merawan: ", "RANJAU, Suaraserai.id – "]
)
def test_dateline_is_cut_off_the_first_paragraph(dateline):
    assert cut(dateline + OPENING) == [("dateline", dateline), ("prose", OPENING)]


def test_dateline_may_stand_behind_captions():
    text = f"Suasana apel pagi itu. (Foto: Humas)\n\nRANJAU – {OPENING}"
    assert cut(text)[1:] == [("dateline", "RANJAU – "), ("prose", OPENING)]


def test_only_one_dateline_is_cut():
    assert reasons("RANJAU – " + OPENING, "Kota Ranjau - " + CLOSING) == ["dateline", "prose", "prose"]


def test_site_name_before_each_paragraph_is_cut():
    sentences = [OPENING, "Sekda dan para camat ikut hadir.", CLOSING]
    text = "\n\n".join("Suaraserai – " + sentence for sentence in sentences)
    assert cut(text) == [
        piece for sentence in sentences for piece in (("dateline", "Suaraserai – "), ("prose", sentence))
    ]


@pytest.mark.parametrize(
    "credit",
    [
        "(Foto A",
        "(Foto: Kabar Muara/Des",
        "(Foto: Humas)",
        "[Foto: Yance/HKB]",
        "FOTO: ECHA/REMU POS",
        "--Foto: dok. redaksi--",
        "KABAR MUARA/Stenly M.",
        "--Rizal/Ekuator--",
    ],
)
def test_photo_credit_is_cut_off_a_caption_that_is_a_sentence(credit):
    caption = "Pelaksana tugas bupati memimpin apel gabungan di halaman kantor."
    assert cut(f"{caption} {credit}\n\n{OPENING}") == [("prose", caption), ("caption", credit), ("prose", OPENING)]


def test_caption_that_is_cut_off_is_removed():
    caption = "Suasana sosialisasi netralitas di aula kantor wali kota yang diikuti para lurah dan kepala sekol"
    assert cut(f"{caption}\n\n{OPENING}") == [("caption", caption), ("prose", OPENING)]


def test_whole_sentences_of_a_cut_off_caption_stay():
    whole = "Para lurah mengikuti sosialisasi netralitas di aula kantor."
    cut_off = "Sebagian lagi mengikutinya dari"
    assert cut(f"{whole} {cut_off} (Foto: Huma\n\n{OPENING}")[:3] == [
        ("prose", whole + " "),
        ("caption", cut_off),
        ("caption", "(Foto: Huma"),
    ]


def test_last_paragraph_without_a_full_stop_is_no_cut_off_caption():
    sentence = (
        "Bupati menutup apel gabungan itu dengan doa bersama yang dipimpin seorang staf kecamatan dan diamini peserta"
    )
    assert cut(f"{OPENING}\n\n{sentence}")[1] == ("prose", sentence)


@pytest.mark.parametrize("link", ["(Baca: Kapal Logistik Tertahan)", "[Baca juga: Kapal Logistik Tertahan?]"])
def test_link_inside_a_paragraph_is_cut_out(link):
    text = f"{OPENING} {link} {CLOSING}"
    assert [piece for piece in cut(text) if piece[0] == "related"] == [("related", link)]
    assert [part.strip() for reason, part in cut(text) if reason == "prose"] == [OPENING, CLOSING]


@pytest.mark.parametrize("link", ["Baca juga: Kapal Logistik Tertahan", "(Baca: Kapal Logistik Tertahan)"])
def test_link_at_the_end_of_a_paragraph_is_cut_off(link):
    assert cut(f"{OPENING} {link}") == [("prose", OPENING + " "), ("related", link)]


def test_links_behind_their_heading_go_until_prose_is_seen_again():
    block = ["Baca juga:", "Kapal logistik tertahan", "Kapan masa tenang dimulai?"]
    assert reasons(OPENING, *block, CLOSING) == ["prose", "related", "related", "related", "prose"]


def test_heading_behind_a_link_block_is_no_link():
    assert reasons("Baca juga:", "Kapal logistik tertahan", OPENING, "Sanksi bagi Pelanggar", CLOSING)[2:] == [
        "prose",
        "heading",
        "prose",
    ]


def test_link_block_at_the_end_is_removed():
    block = ["Berita Terkait", "Harga Beras Naik", "Dua Kampung Kebanjiran", "Buaya Muncul di Dermaga"]
    assert reasons(OPENING, *block) == ["prose"] + ["related"] * 4


@pytest.mark.parametrize("heading", ["Kolom Komentar", "Tinggalkan Balasan", "Komentar (3)", "3 Komentar"])
def test_comments_behind_the_article_are_removed(heading):
    comments = ["Setuju, Bu. Lurah saya paling rajin.", "Benar sekali itu, jangan dibiarkan."]
    assert reasons(*[OPENING] * 4, heading, *comments) == ["prose"] * 4 + ["comment"] * 3


@pytest.mark.parametrize("counter", ["3 Komentar", "Komentar (3)", "Tinggalkan Komentar"])
def test_comment_counter_above_the_article_opens_no_comment_section(counter):
    assert reasons(counter, *[OPENING] * 4)[1:] == ["prose"] * 4


@pytest.mark.parametrize(
    "sentence",
    ["Kolom komentar akun resmi KPU ditutup sementara.", "Tinggalkan komentar bernada dukungan, itu pelanggaran."],
)
def test_sentence_about_comments_opens_no_comment_section(sentence):
    assert reasons(OPENING, OPENING[:-1] + " pula.", sentence, CLOSING) == ["prose"] * 4


@pytest.mark.parametrize("sign", ["1. ", "2) ", "a. ", "- ", "• ", "* "])
def test_list_items_behind_their_heading_are_prose_without_markers(sign):
    text = f"Pegawai negeri sipil dilarang:\n{sign}Menyukai unggahan calon\n{sign}Berfoto bersama calon;\n\n{CLOSING}"
    assert cut(text) == [
        ("prose", "Pegawai negeri sipil dilarang:"),
        ("marker", sign),
        ("prose", "Menyukai unggahan calon"),
        ("marker", sign),
        ("prose", "Berfoto bersama calon;"),
        ("prose", CLOSING),
    ]


def test_dates_of_a_list_are_no_page_dates():
    items = ["1. Masa tenang: 6 - 8 Desember 2020", "2. Pemungutan suara: 9 Desember 2020"]
    found = reasons("Tahapan yang tersisa adalah sebagai berikut:", *items, CLOSING)
    assert found == ["prose", *["marker", "prose"] * 2, "prose"]


def test_short_lines_without_a_list_are_headings():
    assert reasons(OPENING, "Lima Hal yang Dilarang", CLOSING) == ["prose", "heading", "prose"]


def test_heading_words_are_a_setting():
    text = "\n\n".join([OPENING] * 3 + ["Lima hal yang dilarang bagi pegawai", CLOSING])
    assert clean(text, "", heading_words=5).removed == []
    assert [reason for *_, reason in clean(text, "", heading_words=6).removed] == ["heading"]


def test_introduction_of_nothing_is_a_heading():
    assert reasons(OPENING, "Jadwal lengkap bisa dilihat di sini:") == ["prose", "heading"]


@pytest.mark.parametrize(
    "closing", ["(fik)", "(*)", "***", "[zul]", "(yn/yit)", "(jejak)", "#asn #pilkada", "(fik) ***"]
)
def test_initials_and_ornaments_behind_the_last_full_stop_are_cut_off(closing):
    pieces = cut(f"{CLOSING} {closing}")
    assert pieces[0][0] == "prose"
    assert pieces[0][1].strip() == CLOSING
    assert {reason for reason, _ in pieces[1:]} == {"closing"}


def test_initials_may_stick_to_the_full_stop():
    assert cut(f"{CLOSING}(jejak)") == [("prose", CLOSING), ("closing", "(jejak)")]


@pytest.mark.parametrize("ending", ["(13/10/2020).", "Selasa (13/10).", "(PNS)."])
def test_bracket_at_the_end_of_a_sentence_is_no_closing(ending):
    assert reasons(f"Apel gabungan digelar di halaman kantor bupati {ending}") == ["prose"]


def test_page_without_prose_has_none():
    assert clean("Bagikan\n\nAdvertisement\n\n00:00 / 02:38", "", heading_words=14).prose == []
