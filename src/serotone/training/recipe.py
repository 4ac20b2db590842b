"""A recipe: all that decides a training run, in one TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from serotone.audio.preprocess import PrepareConfig
from serotone.config import Config, override, read_toml
from serotone.effects import AugmentConfig
from serotone.effects.waveform import WaveformConfig
from serotone.errors import ConfigError, did_you_mean
from serotone.labels import CANONICAL
from serotone.models.base import Scaling
from serotone.training.sampling import Balance

Value = TypeVar("Value")


class DataConfig(Config):
    """Which clips teach, choose and test.

    Attributes:
        corpora: names of readers.
        options: of the readers, by corpus, as ``{folder = {speaker = "(s[0-9]+)"}}``.
        relabel: labels to call otherwise, by corpus, as ``{tess = {surprised = "pleasant
            surprise"}}`` or ``{ravdess = {calm = "neutral"}}``.
        labels: classes of the model, in the order of its outputs; other clips are set aside.
            Empty takes the labels that the training clips have, sorted.
        per_class: keep so many clips of each label, drawn by the seed, and no others; 0 keeps all.
        split: ``luna5:1`` and the like (see docs/corpora.md), or ``speakers`` to take the sides
            from the lists below.
        beside: those of ``corpora`` whose clips all teach; the split deals out the others'.
        dev_teaches: the dev side of the split teaches too, and nobody chooses or calibrates. Goes
            with ``optimiser.keep = "last"``, as do splits that have no dev side.
        dev_speakers, test_speakers: for ``split = "speakers"``; all others train.
        mask_absent: a clip says nothing against a label that its corpus does not have; false lets
            it, as most published systems do.
        max_s: longest training crop, in seconds.
        balance: which clips an epoch shows: ``none``, ``speakers``, ``oversample`` or ``batches``
            (see ``serotone.training.sampling``).
        shares: how much of an epoch each corpus has, in proportion, as ``{ravdess = 3, tess =
            1}``; with ``balance`` ``none`` or ``speakers``. Empty leaves it to their sizes.
        scaling: what a model's scaler does to each feature: ``standard`` gives it mean 0 and
            deviation 1, ``minmax`` the range 0 to 1. Models without a scaler take no notice.
        scaler: what it is fitted on: ``train``, or ``all`` that is read, dev side
            included, as some published systems did. Only for a protocol that leaks anyway.
        storage: precision that features are kept in; ``float16`` halves the memory.
    """

    corpora: tuple[str, ...]
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    relabel: dict[str, dict[str, str]] = Field(default_factory=dict)
    labels: tuple[str, ...] = CANONICAL
    per_class: int = Field(default=0, ge=0)
    split: str = "kfold5:1"
    beside: tuple[str, ...] = ()
    dev_teaches: bool = False
    dev_speakers: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    mask_absent: bool = True
    max_s: float = 4.0
    balance: Balance = "none"
    shares: dict[str, float] = Field(default_factory=dict)
    scaling: Scaling = "standard"
    scaler: Literal["train", "all"] = "train"
    storage: Literal["float32", "float16"] = "float32"

    @model_validator(mode="after")
    def _shares_of_all(self) -> DataConfig:
        if not self.shares:
            return self
        if set(self.shares) != set(self.corpora) or min(self.shares.values()) <= 0:
            raise ValueError("shares wants a number above 0 for each of the corpora")
        if self.balance not in ("none", "speakers"):
            raise ValueError(f"shares does not go with balance = '{self.balance}'")
        return self

    @model_validator(mode="after")
    def _beside_others(self) -> DataConfig:
        if self.beside and not set(self.beside) < set(self.corpora):
            raise ValueError("beside wants some of the corpora, and not all")
        if self.beside and self.split == "speakers":
            raise ValueError("beside is for splits by name: split = 'speakers' lists who is held")
        return self

    def by_corpus(self, table: Mapping[str, Value]) -> dict[str, Value]:
        """``shares`` or ``relabel`` by the names that clips carry: a cut copy has its corpus's."""
        return {name.removesuffix("-truncated"): value for name, value in table.items()}


WITHOUT_DEV = "keep = 'last', patience = 0 and the schedule 'cycle' or 'constant'"
"""What the optimiser needs where no dev side is looked at."""


class OptimiserConfig(Config):
    """How weights are learned, and which of them are kept.

    Attributes:
        name: ``adamw`` (Loshchilov & Hutter 2019, arXiv:1711.05101) or ``adam`` (Kingma & Ba 2015,
            arXiv:1412.6980).
        epochs: passes over the training clips, at most.
        batch_size: in clips.
        learning_rate: its peak.
        schedule: ``cycle`` (Smith & Topin 2019, 10.1117/12.2520589), ``constant``, ``plateau``,
            which lowers the rate when ``monitor`` has not improved, or ``steps``, which lowers it
            after so many epochs.
        plateau_factor, plateau_patience: by what, and after how many such epochs.
        step_start, step_every, step_factor: of ``steps``: when first, how often, by what.
        min_learning_rate: that ``plateau`` does not go below.
        patience: epochs without improvement of ``monitor`` before training stops; 0 never stops.
        monitor: figure on dev that ``plateau`` and ``patience`` look at: ``uar``, or ``loss``,
            the cross-entropy.
        keep: figure on dev whose best epoch is kept, or ``last`` for the last epoch, whatever dev
            says: with few dev speakers the best of many epochs is mostly luck.
        refit: after this, train once more from the start with the dev speakers among those that
            teach, for as many epochs, and keep the last. The temperature and the dev figures are
            those of the first training. Goes with ``keep = "last"``.
        weight_decay: of AdamW; in Adam, L2 on all weights.
        label_smoothing: share of the target spread over the classes the clip's corpus has.
        class_weights: rarer classes count more in the loss, in inverse proportion.
        focus: gamma of the focal loss (Lin et al. 2017, 10.1109/ICCV.2017.324); 0 for none.
        intensity_weight: of the intensity loss; 0 makes a model without an opinion on it.
        contrast_weight: of a loss that draws embeddings of one label together (see
            ``serotone.training.losses.supervised_contrastive_loss``); 0 for none.
        adversary_weight: of a judge who guesses the speaker, whom the model learns to leave
            nothing to go by (see ``serotone.training.speaker_adversarial``); 0 for none.
        vote_weight: share of the target of a clip with ``Utterance.votes`` that is these: how many
            raters heard what, and not only what most did (Fayek, Lech & Cavedon 2016,
            10.1109/IJCNN.2016.7727250).
        teacher_weight: share of each clip's target that is what the recipe's ``teachers`` say.
        average: decay a step of the moving average of the weights; 0 keeps the last weights.
        gradient_clip: largest norm of the gradient; 0 for any.
        precision: ``bf16`` computes in bfloat16 where that is safe; fast on hardware that has it.
        threads: that torch computes with on a processor; 0 leaves it to torch.
    """

    name: Literal["adamw", "adam"] = "adamw"
    epochs: int = Field(default=60, ge=1)
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    schedule: Literal["cycle", "constant", "plateau", "steps"] = "cycle"
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    plateau_patience: int = Field(default=3, ge=1)
    step_start: int = Field(default=50, ge=1)
    step_every: int = Field(default=20, ge=1)
    step_factor: float = Field(default=0.5, gt=0, lt=1)
    min_learning_rate: float = Field(default=0.0, ge=0)
    patience: int = Field(default=0, ge=0)
    monitor: Literal["uar", "loss"] = "uar"
    keep: Literal["uar", "loss", "last"] = "uar"
    refit: bool = False
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    class_weights: bool = False
    focus: float = Field(default=0.0, ge=0)
    intensity_weight: float = 0.0
    contrast_weight: float = Field(default=0.0, ge=0)
    adversary_weight: float = Field(default=0.0, ge=0)
    vote_weight: float = Field(default=0.0, ge=0, le=1)
    teacher_weight: float = Field(default=0.5, ge=0, le=1)
    average: float = 0.99
    gradient_clip: float = 5.0
    precision: Literal["32", "bf16"] = "32"
    threads: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _refit_has_its_epochs(self) -> OptimiserConfig:
        if self.refit and self.by_dev:
            raise ValueError(f"refit has no dev side to go by: it needs {WITHOUT_DEV}")
        return self

    @property
    def by_dev(self) -> bool:
        """Whether the training itself looks at dev, and not only calibration after it."""
        by_epoch = self.schedule in ("plateau", "steps")
        return self.keep != "last" or self.patience > 0 or by_epoch


class ExportConfig(Config):
    """What the model folder holds.

    Attributes:
        weights: precision of ``weights.safetensors``, which training goes on from; half of it
            halves the folder. ``model.onnx``, which predicts, stays float32.
    """

    weights: Literal["float32", "float16"] = "float32"


class Recipe(Config):
    """One published result, or one of your own.

    Attributes:
        name: of the result and the model.
        description: one line for people.
        model: an architecture of ``serotone.models``.
        architecture: its settings.
        init: a model, by name or folder, whose weights the run begins with; empty begins fresh.
            Layers of another shape begin fresh. None of this split's dev or test speakers may
            have taught it, and none of the test speakers chosen its epoch. ``{split}`` and
            ``{seed}`` in it stand for the run's own, as in
            ``runs/ravdess-final-{split}-{seed}/ravdess-final``: so each fold of a benchmark goes
            on from the same fold of another. Of several models the first is taken that may begin
            the run: so models of two halves may begin all folds of a split.
        prune: begin with the channels of ``init`` that matter most, as many as ``architecture``
            says (see ``serotone.training.prune``).
        teachers: models, named as ``init`` is, whose opinion of each training clip is part of its
            target (distillation: Hinton et al. 2015, arXiv:1503.02531). Of several the mean is
            taken. They must know the recipe's labels, and none of this split's dev or test
            speakers may have taught them.
        seed: of everything that is drawn.
        data: which clips.
        prepare: what happens to a sound before the features, also in predicting.
        waveform: altered copies of the training sounds.
        augment: how features are altered, anew every epoch.
    """

    name: str
    description: str = ""
    model: str = "resnet_logmel"
    architecture: dict[str, Any] = Field(default_factory=dict)
    init: str | tuple[str, ...] = ""
    prune: bool = False
    teachers: tuple[str, ...] = ()
    seed: int = 0
    data: DataConfig
    prepare: PrepareConfig = PrepareConfig()
    waveform: WaveformConfig = WaveformConfig()
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    export: ExportConfig = ExportConfig()

    @property
    def begins_with(self) -> tuple[str, ...]:
        """The models of ``init`` with the run's own split and seed in them; none begins fresh."""
        named = (self.init,) if isinstance(self.init, str) else self.init
        return tuple(self._own(name) for name in named if name)

    @property
    def taught_by(self) -> tuple[str, ...]:
        """``teachers`` with the run's own split and seed in them."""
        return tuple(self._own(name) for name in self.teachers)

    def _own(self, name: str) -> str:
        split = self.data.split.replace(":", "-")
        return name.replace("{split}", split).replace("{seed}", str(self.seed))

    @model_validator(mode="after")
    def _somebody_chooses(self) -> Recipe:
        if self.data.dev_teaches and (self.optimiser.by_dev or self.optimiser.refit):
            needs = f"{WITHOUT_DEV}, and no refit"
            raise ValueError(f"data.dev_teaches leaves nobody who chooses: it needs {needs}")
        return self

    @model_validator(mode="after")
    def _pruned_from_a_model(self) -> Recipe:
        if self.prune and not self.begins_with:
            raise ValueError("prune takes channels away from a trained model: name it as init")
        return self


def recipe_folders() -> list[Path]:
    """Where recipes are looked up by name: inside the package, or beside its source."""
    package = Path(__file__).resolve().parents[1]
    return [package / "recipes", package.parents[1] / "recipes"]


def find_recipe(name: str) -> Path:
    """The file of a recipe given by path or by name.

    Raises:
        ConfigError: when there is none.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return path
    known = {p.stem: p for folder in recipe_folders() for p in sorted(folder.glob("*.toml"))}
    if name not in known:
        raise ConfigError(
            f"unknown recipe '{name}'. {did_you_mean(name, known)} Or give a .toml file."
        )
    return known[name]


def load_recipe(name: str, assignments: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply ``--set`` assignments.

    Raises:
        ConfigError: for a missing file, an unknown key or an impossible value.
    """
    return Recipe.parse(override(read_recipe(find_recipe(name)), assignments))


def read_recipe(path: Path, before: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a recipe's file, with what it ``extends`` filled in.

    ``extends`` names another recipe, or a .toml file beside this one. What the file does not set it
    has from there: key by key in each section, and a key that it sets counts whole, so that
    ``shares = {}`` takes all shares away.

    Args:
        path: of the file.
        before: those that extend it, the first one first.

    Raises:
        ConfigError: when a file is missing, is not TOML, or extends itself.
    """
    path = path.resolve()
    if path in before:
        circle = " → ".join(p.stem for p in (*before[before.index(path) :], path))
        raise ConfigError(f"recipes extend one another: {circle}. Let one of them begin alone.")
    own = read_toml(path)
    if "extends" not in own:
        return own
    base = own.pop("extends")
    if not isinstance(base, str):
        raise ConfigError(
            f"{path}: extends got {base!r}, expected a recipe's name or a .toml file."
        )
    found = path.parent / base if base.endswith(".toml") else find_recipe(base)
    values = read_recipe(found, (*before, path))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(values.get(key), dict)
        values[key] = {**values[key], **value} if both else value
    return values
