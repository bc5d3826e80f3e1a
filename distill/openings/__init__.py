"""Training text that reaches the places where a gender is decided: openings about occupations and about people."""
