"""Random weights at the shapes of real models, in the forms that the engines want. Their values are no model's."""
