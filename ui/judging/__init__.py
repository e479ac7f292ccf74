"""Rating answers without the models' names: recorded ones, and live blind battles."""
