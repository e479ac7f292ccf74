"""The Arena tab: two panes, one vote, and three ways to compare: blind, named, and recorded answers."""
