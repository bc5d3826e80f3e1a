"""How unevenly the genders are spoken of, and whether two models differ in it. Free of torch."""
