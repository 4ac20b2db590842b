"""A small network over functionals: hand-made features, and what to weigh them by learned."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from serotone.config import Config
from serotone.features.functionals import Functionals, FunctionalsConfig
from serotone.models.base import ModelOutput
from serotone.models.blocks import Dropout, EmbeddingModel, StandardisedModel


class FunctionalsMlpConfig(Config):
    """Settings of ``FunctionalsMlp``.

    Attributes:
        n_hidden: units of the only hidden layer.
        input_dropout: of the functionals. They are many, and tell the same several times over.
        dropout: of the hidden units.
        limit: standard deviations beyond which a functional counts as no further away.
    """

    functionals: FunctionalsConfig = FunctionalsConfig()
    n_hidden: int = Field(default=128, ge=1)
    input_dropout: float = Field(default=0.5, ge=0, lt=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    limit: float = Field(default=4.0, gt=0)


class FunctionalsMlp(StandardisedModel, EmbeddingModel):
    """Functionals of the clip, standardised, one hidden layer, a linear layer each for emotion and
    intensity.
    """

    config_class = FunctionalsMlpConfig

    def __init__(self, config: FunctionalsMlpConfig, n_classes: int) -> None:
        super().__init__()
        self.functionals = Functionals(config.functionals)
        self.sample_rate = self.functionals.sample_rate
        self.limit = config.limit
        self.add_scaler(self.functionals.n_features)
        self.add_head(
            self.functionals.n_features,
            n_classes,
            embedding_size=config.n_hidden,
            first=Dropout(config.input_dropout),
            dropout=config.dropout,
        )

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, 1, F) and (B,) ones."""
        return self.functionals(waveforms, lengths), self.functionals.n_frames(lengths)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, 1, F) and (B,) to the output."""
        x = self.standardise(features, counts)[:, 0].clamp(-self.limit, self.limit)
        return self.answer(x)
