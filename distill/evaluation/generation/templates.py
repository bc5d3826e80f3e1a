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
