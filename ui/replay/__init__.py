"""One battle as it was judged, and the same prompt asked again."""
