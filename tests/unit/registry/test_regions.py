"""Divisions by the digits of their codes: two of a province, four of a city, six of a county, none of the country."""

from __future__ import annotations

import pytest

from schemas.programmes import load_programmes
from schemas.regions import is_inside, prefix_of, region_and_parents

PREFIXES = {
    "000000": "",  # the country
    "330000": "33",  # 浙江
    "330100": "3301",  # 杭州
    "330106": "330106",  # 西湖区
    "331000": "3310",  # 台州, whose code ends like a province's
    "331002": "331002",  # 椒江区
    "331100": "3311",  # 丽水
    "500000": "50",  # 重庆, a province of one zero more
    "510100": "5101",  # 成都
    "110000": "11",  # 北京
    "120000": "12",  # 天津
}


@pytest.mark.parametrize("region", PREFIXES)
def test_a_level_is_told_by_pairs_of_digits(region: str) -> None:
    assert prefix_of(region) == PREFIXES[region]


@pytest.mark.parametrize("outer", PREFIXES)
def test_inside_is_what_has_it_among_its_parents(outer: str) -> None:
    inside = {region for region in PREFIXES if is_inside(region, outer)}
    assert inside == {region for region in PREFIXES if outer in region_and_parents(region)}


@pytest.mark.parametrize(
    ("region", "outer"), [("331100", "331000"), ("510100", "500000"), ("110000", "500000"), ("000000", "330000")]
)
def test_a_neighbour_is_not_inside(region: str, outer: str) -> None:
    assert not is_inside(region, outer)


def test_a_programme_of_chongqing_is_none_of_chengdu() -> None:
    chongqing, chengdu = (load_programmes()[name] for name in ("tanhuitong_chongqing", "tanhui_tianfu"))
    assert (chongqing.prefix, chengdu.prefix) == ("50", "5101")
