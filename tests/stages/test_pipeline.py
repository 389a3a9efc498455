def test_x(workplace):
    assert workplace.exported.is_dir()
