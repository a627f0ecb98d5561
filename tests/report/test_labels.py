"""Labels of a chart: none covers another, or a point."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from counterpoise.charts.labels import GAP, HEIGHT, WIDTH, Offset, label_offsets

SIZE = 9.0
coordinate = st.floats(0, 300)


def box(place: tuple[float, float], offset: Offset, label: str) -> tuple[float, float, float, float]:
    width = len(label) * SIZE * WIDTH
    left = place[0] + offset.x - (width if offset.align == "right" else 0)
    return left, place[1] + offset.y, left + width, place[1] + offset.y + SIZE * HEIGHT


def apart(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]


def test_a_lone_label_stands_right_above_its_point() -> None:
    assert label_offsets([(50.0, 50.0)], ["base"], SIZE) == [Offset(GAP, GAP / 2 + 2, "left")]


def test_points_on_one_place_have_their_labels_above_and_below() -> None:
    above, below = label_offsets([(50.0, 50.0)] * 2, ["no replay", "not steered"], SIZE)
    assert (above.align, below.align) == ("left", "left")
    assert above.y > 0
    assert below.y + SIZE * HEIGHT < 0  # its upper edge lies under the point


@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6))
def test_no_label_covers_another_or_a_point(places: list[tuple[float, float]]) -> None:
    """Six labels of 8 characters can always be set: there are more rows to move to than labels and points."""
    labels = [f"recipe {number}" for number in range(len(places))]
    boxes = [box(*item) for item in zip(places, label_offsets(places, labels, SIZE), labels, strict=True)]
    assert all(apart(a, b) for a, b in combinations(boxes, 2))
    assert all(apart(a, (x, y, x, y)) for a in boxes for x, y in places)
