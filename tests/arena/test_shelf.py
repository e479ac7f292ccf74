"""Files to take away do not fill the disk."""

import os
import time

import pytest

from arena import shelf
from arena.shelf import Shelf


@pytest.fixture
def filled():
    """A shelf with files from a second to ten seconds ago, and their folders from the newest to the oldest."""
    made = Shelf("arena-test-")
    places = [made.new_place() for _ in range(10)]
    for age, place in enumerate(places, start=1):
        (place / "file").write_text("x")
        os.utime(place, (time.time() - age,) * 2)
    return made, places


def kept(places):
    return [place for place in places if place.exists()]


def test_what_is_new_stays_and_what_is_old_goes(filled, monkeypatch):
    made, places = filled
    assert made.new_place().is_dir() and kept(places) == places
    monkeypatch.setattr(shelf, "KEEP_SECONDS", 4.5)
    made.new_place()
    assert kept(places) == places[:4]


def test_of_too_many_the_oldest_go(filled, monkeypatch):
    made, places = filled
    monkeypatch.setattr(shelf, "MOST_PLACES", 4)
    newest = made.new_place()
    assert kept(places) == places[:3] and newest.is_dir() and list(newest.iterdir()) == []


def test_all_goes_with_the_shelf():
    made = Shelf("arena-test-")
    place = made.new_place()
    del made
    assert not place.exists()
