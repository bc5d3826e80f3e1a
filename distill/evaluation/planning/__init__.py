"""How many texts will decide? Answered before anything is generated. Needs no torch and no model."""
