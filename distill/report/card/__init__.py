"""An evaluation in the model card of the student: a section of the text, and a model-index for the hub."""
