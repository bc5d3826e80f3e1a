"""Gender disparity of generated texts, and whether two models differ in it. Needs no torch."""
