"""A small corpus made of halves of sentences: 24 articles, every label in each, no two sentences alike."""

import json
from pathlib import Path

ARTICLES = 24

WHO = (
    "Bupati Lubuk Serai",
    "Camat Tanjung Merawan",
    "Sekretaris Daerah Kota Ranjau",
    "Kepala Dinas Pendidikan",
    "Ketua panitia pengawas kecamatan",
    "Inspektur Kabupaten Muara Teluk",
    "Kepala badan kepegawaian",
    "Rektor universitas negeri setempat",
)
# What they do, by the labels of the sentence. Each stands behind each of WHO in three articles at most.
DOES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("appeal",): (
        "meminta seluruh pegawai menjaga netralitas selama masa kampanye",
        "mengimbau para guru tetap mengajar sampai pekan pemungutan suara",
        "mengajak warga desa datang ke tempat pemungutan suara tepat waktu",
        "mengingatkan lurah agar melayani semua pendukung dengan adil",
        "berharap aparatur menjadi teladan bagi lingkungan tempat tinggalnya",
        "mewajibkan kepala bidang menandatangani ikrar bersikap netral",
        "mendorong perangkat kampung melaporkan setiap tekanan dari atasan",
        "menyerukan supaya dokter puskesmas mengutamakan pelayanan pasien",
    ),
    ("prohibition",): (
        "melarang kendaraan dinas dipakai mengantar tim sukses",
        "menegaskan pegawai tidak boleh berfoto bersama calon mana pun",
        "mengatakan aparatur jangan menyukai unggahan pasangan calon",
        "menyebut rumah ibadah dilarang menjadi lokasi kampanye",
        "memperingatkan honorer tidak diperkenankan memasang spanduk partai",
        "menyatakan fasilitas sekolah haram digunakan untuk rapat pemenangan",
        "menilai ajakan memilih lewat grup kantor termasuk pelanggaran",
        "meneken larangan membagikan bantuan sosial berlogo kandidat",
    ),
    ("sanction",): (
        "menjatuhkan teguran tertulis kepada seorang staf kelurahan",
        "mencopot kepala seksi yang terbukti mendukung salah satu calon",
        "merekomendasikan hukuman disiplin berat bagi dua penyuluh",
        "mengancam memotong tunjangan pegawai yang ikut berkampanye",
        "memproses laporan kasus netralitas hingga pemberhentian",
        "menyampaikan pelanggar dapat dipidana enam bulan penjara",
        "menurunkan pangkat seorang pengawas sekolah selama setahun",
        "mendenda kepala pasar yang menggelar deklarasi dukungan",
    ),
    ("logistics",): (
        "mengirim surat suara ke gudang kecamatan dengan dua truk",
        "menyiapkan anggaran pengamanan sebesar tiga miliar rupiah",
        "membuka pelatihan petugas di aula kantor mulai Senin pagi",
        "menjadwalkan distribusi kotak suara ke pulau terluar hari Kamis",
        "menempatkan empat puluh personel di setiap gudang logistik",
        "menyewa perahu motor karena jalan menuju hulu terendam banjir",
        "menetapkan pukul tujuh sebagai awal pemungutan di seluruh TPS",
        "menerima bilik dan tinta dari penyedia pada tahapan terakhir",
    ),
    ("appeal", "prohibition"): (
        "meminta bawahannya bersikap netral dan tidak memihak siapa pun",
        "mengimbau pendamping desa bekerja jujur serta menolak pemberian calon",
        "mengajak semua tenaga kesehatan rukun dan jangan terpancing hasutan",
        "mengingatkan bendahara tertib mencatat dan tidak mendanai kampanye",
        "berpesan supaya sopir kantor waspada dan menjauhi posko partai",
        "mengharapkan pustakawan santun dan tidak menyebar kabar bohong",
        "menginstruksikan ajudan hadir bertugas tanpa mengenakan atribut",
        "mewajibkan operator data teliti dan dilarang membocorkan berkas",
    ),
    (): (
        "menceritakan pengalaman masa kecilnya di tepi sungai",
        "menganggap minat baca pelajar meningkat dibanding tahun lalu",
        "baru saja pulang dari kunjungan keluarga ke kota tetangga",
        "mengaku gembira melihat pasar terapung kembali ramai",
        "sudah tiga tahun memimpin kantor berlantai dua itu",
        "memuji kesenian daerah yang tampil memukau penonton",
        "menjelaskan sejarah jembatan kayu peninggalan leluhur",
        "percaya panen padi musim depan akan melimpah ruah",
    ),
}
TITLES = (
    "Suasana pagi {} di kantor pemerintah",
    "Catatan singkat {} menjelang musim hujan",
    "Cerita warga {} tentang pasar lama",
)
PLACES = (
    "Lubuk Serai",
    "Tanjung Merawan",
    "Kota Ranjau",
    "Muara Teluk",
    "Rawa Bening",
    "Bukit Sirih",
    "Pulau Dandan",
    "Sungai Keruh",
)
LINK = "Baca juga: Harga cabai turun lagi"


def sentences(article: int) -> list[tuple[str, tuple[str, ...]]]:
    """Return the sentences of one article with their labels, title first."""
    row, column = divmod(article, len(WHO))
    title = TITLES[row].format(PLACES[column])
    # The halves are shifted against each other, so that no pair of them comes twice.
    body = [
        (f"{WHO[(article + shift) % 8]} {does[(article + 3 * row) % 8]}.", labels)
        for shift, (labels, does) in enumerate(DOES.items())
    ]
    return [(title, ()), *body]


def article_id(article: int) -> str:
    return f"made-{article:02d}"


CHALLENGES = [
    {"id": "plain", "rule": "norm", "kind": "minimum", "text": "Pegawai harus netral.", "labels": ["appeal"]},
    {
        "id": "loud",
        "rule": "case",
        "kind": "invariance",
        "text": "PEGAWAI HARUS NETRAL.",
        "labels": ["appeal"],
        "base": "plain",
    },
    {
        "id": "ban",
        "rule": "ban",
        "kind": "direction",
        "text": "Pegawai dilarang hadir.",
        "labels": ["prohibition"],
        "base": "plain",
        "label": "prohibition",
        "direction": "up",
    },
]


# A cell of the plan; its articles are ``made-05`` and ``made-13``.
HELD_CELL = {"manner": "regional daily", "event": "recount"}


def write_plan(path: Path) -> None:
    rows = [("id", "manner", "event")]
    for number in range(ARTICLES):
        held = number in {5, 13}
        manner = "regional daily" if held or number % 3 else "public radio"
        rows.append((article_id(number), manner, "recount" if held or not number % 3 else "verdict"))
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def write_corpus(folder: Path) -> None:
    """Write ``articles/``, ``annotations/``, ``challenge/`` and ``plan.csv`` as the pipeline reads them.

    A line of each article is a link, and no sentence.
    """
    articles, annotations = [], []
    for number in range(ARTICLES):
        (title, _), *body = sentences(number)
        text = "\n\n".join([*(sentence for sentence, _ in body[:3]), LINK, *(sentence for sentence, _ in body[3:])])
        articles.append(
            {"id": article_id(number), "title": title, "text": text, "published": f"2024-10-{number + 1:02d}"}
        )
        annotations += [
            {"article_id": article_id(number), "text": sentence, "labels": labels, "annotator": "first"}
            for sentence, labels in sentences(number)
        ]
    files = {"articles/made": articles, "annotations/made": annotations, "challenge/challenge": CHALLENGES}
    for name, records in files.items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    write_plan(folder / "plan.csv")
