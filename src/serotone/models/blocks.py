"""What several architectures are built from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.frame import frame_mask
from serotone.features.logmel import LogMel, LogMelConfig
from serotone.features.mfcc import take_frames
from serotone.features.scale import ClipScale, ClipScaleConfig
from serotone.features.waveform import crop
from serotone.models.base import EmotionModel, ModelOutput, Scaling


class EmbeddingModel(EmotionModel):
    """A model that ends in an embedding, and a linear layer each for emotion and intensity."""

    def add_head(
        self, n_in: int, n_classes: int, *, embedding_size: int, first: nn.Module, dropout: float
    ) -> None:
        """Make its last layers.

        Args:
            n_in: numbers a clip that they are given.
            n_classes: C.
            embedding_size: E.
            first: dropout of these numbers.
            dropout: of the embedding.
        """
        self.embed = nn.Sequential(
            first, nn.Linear(n_in, embedding_size), nn.BatchNorm1d(embedding_size), nn.ReLU()
        )
        self.drop = nn.Dropout(dropout)
        self.emotion = nn.Linear(embedding_size, n_classes)
        self.intensity = nn.Linear(embedding_size, 1)

    def answer(self, x: Tensor) -> ModelOutput:
        """(B, n_in) to the output."""
        embedding = self.embed(x)  # (B, E)
        hidden = self.drop(embedding)
        intensity = self.intensity(hidden)[:, 0].sigmoid()
        return ModelOutput(self.emotion(hidden), intensity, embedding)


class StandardisedModel(EmotionModel):
    """A model whose features are scaled by what ``fit_scaler`` saw.

    Attributes:
        scaler_mean, scaler_std: (F,), taken away and divided by; 0 and 1 before fitting. They are
            saved with the weights.
    """

    scaler_mean: Tensor
    scaler_std: Tensor

    def add_scaler(self, n_features: int) -> None:
        """Make room for the statistics of F features."""
        self.register_buffer("scaler_mean", torch.zeros(n_features))
        self.register_buffer("scaler_std", torch.ones(n_features))

    def fit_scaler(self, features: Sequence[Tensor], *, scaling: Scaling = "standard") -> None:
        """Statistics of each feature over all frames; a divisor of 1 for one that never changes."""
        if scaling == "minmax":
            origin = torch.stack([clip.amin(dim=0) for clip in features]).amin(dim=0)
            width = torch.stack([clip.amax(dim=0) for clip in features]).amax(dim=0) - origin
        else:
            origin = _mean(clip.double() for clip in features)
            width = _mean((clip.double() - origin).square() for clip in features).sqrt().float()
        self.scaler_mean.copy_(origin)
        self.scaler_std.copy_(torch.where(width > 0, width, torch.ones_like(width)))

    def standardise(self, features: Tensor, counts: Tensor) -> Tensor:
        """(B, T, F) and (B,) to (B, T, F), zero after each clip's frames."""
        mask = frame_mask(counts, features.shape[1])[..., None].to(features.dtype)
        return (features - self.scaler_mean) / self.scaler_std * mask


def _mean(clips: Iterable[Tensor]) -> Tensor:
    """Mean over the frames of all clips, summed clip by clip to spare memory."""
    total, n_frames = torch.zeros(()), 0
    for clip in clips:
        total = total + clip.sum(dim=0)
        n_frames += len(clip)
    return total / max(1, n_frames)


class PictureConfig(Config):
    """Settings of ``MelPicture``.

    Attributes:
        n_samples: that a clip is cut to, or padded to with silence.
        scale: how decibels are scaled; by default the clip's 80 dB below its peak to [0, 1].
    """

    log_mel: LogMelConfig
    n_samples: int
    scale: ClipScaleConfig = ClipScaleConfig(mode="minmax", top_db=80.0, divide=1.0)

    @property
    def n_frames(self) -> int:
        return 1 + self.n_samples // self.log_mel.hop_length


class MelPicture(nn.Module):
    """A log-mel picture of one size, whatever the clip's length."""

    def __init__(self, config: PictureConfig) -> None:
        super().__init__()
        self.n_samples = config.n_samples
        self.log_mel = LogMel(config.log_mel)
        self.scale = ClipScale(config.scale)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, n_mels) and (B,), all T: silence is part of the picture."""
        clip, _ = crop(waveforms, lengths, n_samples=self.n_samples)
        whole = torch.full_like(lengths, self.n_samples)
        counts = self.log_mel.n_frames(whole)
        return self.scale(self.log_mel(clip, whole), counts), counts


class BiLstm(nn.Module):
    """An LSTM over each clip from its start and one from its own end.

    ``nn.LSTM(bidirectional=True)`` would begin its way back in the padding.

    Attributes:
        n_features: of the output, twice ``n_hidden``.
    """

    def __init__(self, n_in: int, n_hidden: int) -> None:
        super().__init__()
        self.n_features = 2 * n_hidden
        self.onward = nn.LSTM(n_in, n_hidden, batch_first=True)
        self.back = nn.LSTM(n_in, n_hidden, batch_first=True)

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_in) and (B,) to the last state of both ways, (B, 2 n_hidden)."""
        onward, _ = self.onward(x)
        back, _ = self.back(reverse(x, counts))
        return torch.cat([last_frame(onward, counts), last_frame(back, counts)], dim=-1)


def reverse(x: Tensor, counts: Tensor) -> Tensor:
    """(B, T, F) with the frames of each clip of ``counts`` (B,) turned round."""
    t = torch.arange(x.shape[1], device=x.device)[None, :]
    n = counts[:, None]
    return take_frames(x, torch.where(t < n, n - 1 - t, t))


def last_frame(x: Tensor, counts: Tensor) -> Tensor:
    """(B, T, F) and (B,) to each clip's own last frame, (B, F)."""
    return take_frames(x, counts[:, None] - 1)[:, 0]


def same_padding(n: int, *, kernel: int, stride: int) -> tuple[int, int]:
    """Padding left and right of ``n`` values that leaves ceil(n / stride), as TensorFlow's "same".

    Example:
        >>> same_padding(2376, kernel=5, stride=2)
        (1, 2)
    """
    total = max(0, (-(-n // stride) - 1) * stride + kernel - n)
    return total // 2, total - total // 2


class KerasBatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation with the defaults of Keras."""

    def __init__(self, n_channels: int, momentum: float = 0.01) -> None:
        super().__init__(n_channels, eps=1e-3, momentum=momentum)


class KerasBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with the defaults of Keras."""

    def __init__(self, n_channels: int, momentum: float = 0.01) -> None:
        super().__init__(n_channels, eps=1e-3, momentum=momentum)


class Dropout(nn.Dropout):
    """Dropout (Srivastava et al. 2014, JMLR 15:1929) that is quick on a processor.

    torch draws a number of double precision for each value; here one integer of 64 bits decides
    about four values. The share that falls out is p to the nearest 1/65,536.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(…) to the same shape and order in memory; nothing falls out when evaluating."""
        if not self.training or x.device.type != "cpu" or not 0 < self.p < 1:
            return super().forward(x)
        n = x.numel()
        draws = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
        stays = draws.view(torch.int16)[:n] >= round(self.p * 2**16) - 2**15
        like = torch.empty_like(x)
        mask = stays.to(x.dtype).div_(1 - self.p).as_strided(like.size(), like.stride())
        return x * mask


def conv_block(
    n_in: int, n_out: int, *, pool: int, dropout: float, momentum: float = 0.01
) -> nn.Sequential:
    """Convolution, ReLU, batch norm, max pool, dropout: (B, n_in, H, W) to (B, n_out, H', W').

    ``momentum`` is the share of a batch in the running statistics of the norm.
    """
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1),
        nn.ReLU(),
        KerasBatchNorm2d(n_out, momentum),
        nn.MaxPool2d(pool),
        Dropout(dropout),
    )


def init_as_keras(model: nn.Module) -> None:
    """Draw weights as Keras does.

    Glorot's uniform for kernels, orthogonal for recurrent ones, zero for biases, one for the
    forget gate (Glorot & Bengio 2010, PMLR 9:249; Jozefowicz et al. 2015, PMLR 37:2342).
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM | nn.GRU):
            for name, parameter in module.named_parameters():
                if name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(parameter)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(parameter)
                else:
                    nn.init.zeros_(parameter)
                    # torch adds two biases; one of them opens the gate.
                    if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                        open_forget_gate(parameter)


def open_forget_gate(bias: Tensor) -> None:
    """Set the forget gate's quarter of an LSTM's bias to 1."""
    n_hidden = len(bias) // 4
    nn.init.ones_(bias[n_hidden : 2 * n_hidden])


def l2(layers: Iterable[nn.Conv2d | nn.Linear], weight: float) -> Tensor:
    """Sum of the squared kernels of ``layers``, times ``weight``; biases cost nothing."""
    return weight * torch.stack([layer.weight.square().sum() for layer in layers]).sum()
