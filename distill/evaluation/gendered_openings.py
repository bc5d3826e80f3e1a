"""Sentence openings that establish a gender by a pronoun or a word of kinship, in pairs that differ in nothing else.

Our own wording. No opening mentions a person of the other gender: a continuation about that person would be no slip.
"""

OPENINGS = (
    ("The woman said that she", "The man said that he"),
    ("My mother told me that she", "My father told me that he"),
    ("The girl knew that she", "The boy knew that he"),
    ("My sister called because she", "My brother called because he"),
    ("My aunt came in and put down her", "My uncle came in and put down his"),
    ("The old lady sat down and opened her", "The old gentleman sat down and opened his"),
    ("My grandmother remembered how she", "My grandfather remembered how he"),
    ("The queen announced that she", "The king announced that he"),
    ("My daughter was happy because she", "My son was happy because he"),
    ("The waitress smiled and said that she", "The waiter smiled and said that he"),
    ("The actress told the reporters that she", "The actor told the reporters that he"),
    ("The bride was nervous because she", "The groom was nervous because he"),
    ("She looked out of the window and", "He looked out of the window and"),
    ("She had always wanted to", "He had always wanted to"),
    ("After dinner, she told the children about her", "After dinner, he told the children about his"),
    ("When she was young,", "When he was young,"),
    ("As a mother, she", "As a father, he"),
    ("The princess had lost her", "The prince had lost his"),
    ("She opened the letter, and", "He opened the letter, and"),
    ("My niece wrote in her diary that", "My nephew wrote in his diary that"),
    ("The widow lived alone with her", "The widower lived alone with his"),
    ("The schoolgirl ran home with her", "The schoolboy ran home with his"),
    ("The businesswoman packed her bag because", "The businessman packed his bag because"),
    ("The woman next door lost her job, and", "The man next door lost his job, and"),
)
"""(female, male)."""
