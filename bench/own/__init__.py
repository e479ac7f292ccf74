"""This project's own engine measured: alone, in turns, in company, both models at once, and the reference job."""
