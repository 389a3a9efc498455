"""Indonesian abbreviations that end in a full stop, by what may follow them. Written without their dots."""

# Stand before a name or a place: never the last word of a sentence.
BEFORE_A_NAME = frozenset(
    """
    pj pjs plt plh pgs pth ybs yth kh h hj hi hc ir irs drs dra dr drg drh prof rev pdt sdr sdri tn ny nn bpk br moh mohd muh muhd abd
    letkol letjen mayjen brigjen lettu letda serda sertu serka pelda peltu kopda koptu praka pratu prada briptu bripka
    brigpol bripda aiptu aipda ipda iptu akp kompol akbp kombes pol irjen komjen jend laks marsda marsma kapt inf cpl purn
    kab kec kel des ds dsn kep prov jln jl gg gd ttd alm almh gub perum pt cv ud sbb cq rm mgr
    """.split()
)

# Stand before a number: no boundary where a digit follows.
BEFORE_A_NUMBER = frozenset(
    """
    sd no nos nmr pkl km rt rw hlm hal ps pos vol art tgl rp us tel telp fax blok lt
    jan feb mar apr jun jul agu agt agust sep sept okt nov
    """.split()
)

# Academic degrees and orders behind a name.
DEGREES = frozenset(
    """
    sh mh se mm msi mkes mpd mpdi spd spdi skm ssos sip skom mkom st mt stp sp mp mag sag shi mhi sei sstp map mkn llm ma mpa
    phd mba msc msos mipol mikom sikom spt skep sked ners sfarm apt amd amdkep sth mth mpsi spsi spog spa spb sppd spj sps mhum shum sik
    """.split()
)
