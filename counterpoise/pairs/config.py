"""How the pairs are read and split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from counterpoise.records import CATEGORIES
from counterpoise.settings import Settings


class PairsConfig(Settings):
    """The benchmark pairs and the folds that keep training and evaluation apart."""

    source: str = Field(
        "crows-pairs",
        description="Registry name of the pairs (crows-pairs, smoke-pairs), or a CSV file's path in the same format.",
    )
    training_source: str = Field(
        "",
        description=(
            "Pairs to train on in place of `source`, of which all are then judged by one adapter: registry name "
            "(stereoset) or path of StereoSet's JSON or a CSV file; empty: `source` itself, by folds."
        ),
    )
    method: Literal["stratified", "notebook", "leave-one-category-out"] = Field(
        "stratified",
        description=(
            "stratified: folds balanced by category, near-duplicate contexts kept together; "
            "notebook: the case study's split (datasets.train_test_split, 80/20, then 90/10); "
            "leave-one-category-out: a fold is a category, and nothing of it is trained on: does it generalise?"
        ),
    )
    folds: int = Field(
        4,
        ge=3,
        le=20,
        description="Number of folds; the notebook method makes 3, leave-one-category-out one a category (9).",
    )
    evaluate: tuple[int, ...] = Field(
        (0,),
        description="Folds to hold out, one training each; all of them = cross-fitting over every pair.",
    )
    context_similarity: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Jaccard similarity of the shared words from which two pairs count as near-duplicates, 0 to 1.",
    )

    @model_validator(mode="after")
    def _evaluated_folds_exist(self) -> PairsConfig:
        wrong = [fold for fold in self.evaluate if not 0 <= fold < self.folds]
        if wrong or not self.evaluate or len(set(self.evaluate)) != len(self.evaluate):
            raise ValueError(
                f"evaluate = {list(self.evaluate)}: expected distinct folds from 0 to {self.folds - 1}"
            )
        return self

    @property
    def every_fold(self) -> tuple[int, ...]:
        """Folds that are all held out where every pair is to be judged; pairs of another source leave one."""
        return (0,) if self.training_source else tuple(range(self.folds))

    @model_validator(mode="after")
    def _training_source_fits(self) -> PairsConfig:
        if self.training_source and (self.method, self.evaluate) != ("stratified", (0,)):
            raise ValueError(
                "training_source needs method = 'stratified' and evaluate = [0]: that fold is all of `source`"
            )
        return self

    @model_validator(mode="after")
    def _method_fits_the_folds(self) -> PairsConfig:
        if self.method == "notebook" and (self.folds, self.evaluate) != (3, (0,)):
            raise ValueError("method = 'notebook' needs folds = 3 and evaluate = [0]")
        if self.method == "leave-one-category-out" and self.folds != len(CATEGORIES):
            raise ValueError(
                f"method = 'leave-one-category-out' needs folds = {len(CATEGORIES)}, one a category"
            )
        return self
