from floe_plugins.configuration.formats.yaml import locate, parse

TEXT = """a:
  b: [1, {c: 2}]
  d: &base
    x: 1
e:
  <<: *base
  y: 2
"""


def test_a_position_is_where_the_key_or_item_begins():
    found = locate(TEXT)
    assert found["a",] == (1, 1)
    assert found["a", "b", 1] == (2, 10)
    assert found["a", "b", 1, "c"] == (2, 11)
    assert found["e", "y"] == (7, 3)


def test_a_merged_key_is_where_it_was_written():
    assert locate(TEXT)["e", "x"] == (4, 5)


def test_it_is_yaml_1_2():
    assert parse("{a: yes, b: off, c: 010, d: 0o10, e: true}") == {"a": "yes", "b": "off", "c": 10, "d": 8, "e": True}
