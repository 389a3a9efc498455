from pipeline.corpus.languages import languages
from pipeline.corpus.records import Article

TEXTS = {
    "id": "Bupati meminta seluruh pegawai negeri menjaga netralitas dan tidak ikut berkampanye selama pemilihan kepala daerah berlangsung.",
    "en": "The regent asked all civil servants to stay neutral and not to take part in any campaign during the regional election.",
    "jv": "Pak Lurah ngelingake kabeh warga supaya ora gampang kegodha dhuwit, amarga swara kuwi larang regane lan ora kena didol.",
}


def test_each_article_has_the_language_that_it_is_written_in():
    articles = [Article(id=code, text=text) for code, text in TEXTS.items()]
    assert languages(articles) == {code: code for code in TEXTS}
