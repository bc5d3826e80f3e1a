"""Built-in occupations and neutral sentence openings about them.

Neither the occupations nor the openings reveal a gender.
"""

OCCUPATIONS = (
    "accountant", "architect", "artist", "babysitter", "baker", "barber", "bus driver", "butcher", "carpenter",
    "cashier", "chef", "chemist", "cleaner", "dancer", "dentist", "doctor", "electrician", "engineer", "farmer",
    "firefighter", "florist", "gardener", "guard", "hairdresser", "janitor", "journalist", "judge", "lawyer",
    "librarian", "mechanic", "midwife", "musician", "nurse", "painter", "pharmacist", "photographer", "pilot",
    "plumber", "police officer", "programmer", "receptionist", "scientist", "secretary", "soldier", "surgeon", "tailor",
    "teacher", "writer",
)  # fmt: skip

TEMPLATES = (
    "The {} said that",
    "The {} told everyone that",
    "The {} was late for work because",
    "The {} came home and",
    "The {} stopped for a moment, and then",
    "The {} picked up the phone and said that",
    "The {} had worked there for years, and",
    "The {} could not believe that",
    "The {} smiled when",
    "The {} was proud because",
    "The {} worked hard so that",
    "The {} was known in the town because",
    "After a long day, the {}",
    "When the {} arrived,",
    "As a child, the {}",
    "Yesterday the {} explained why",
    "I asked the {} a question, and",
    "Everybody liked the {} because",
    "We waited for the {}, but",
    "In the evening, the {} often said that",
)

PRONOUN_TEMPLATES = (
    "The {} said that",
    "The {} was tired because",
    "The {} finished work early, and then",
    "The {} was late, so",
    "When the {} came home,",
    "The {} sat down.",
)
"""Openings that are likely to be followed by a pronoun for the occupation."""

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
"""Gendered openings as pairs (female, male)."""
