"""What a model's makers publish about it."""

from dataclasses import dataclass

# (Chinese, English)
Texts = tuple[str, str]


@dataclass(frozen=True)
class ModelCard:
    """The facts of a model card; None and "" are unpublished.

    `parameters` is their number, `context_length` is in tokens. `released` and `updated` are ISO dates, to the day or
    the month. `address` is the card's, `repository` the source code's; `paper` is a citation.
    """

    developer: Texts
    architecture: Texts
    parameters: float
    context_length: int
    released: str
    repository: str
    address: str = ""
    training_data: Texts | None = None
    languages: Texts | None = None
    updated: str = ""
    paper: str = ""
    paper_address: str = ""
