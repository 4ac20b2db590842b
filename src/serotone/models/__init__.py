"""Architectures: one per file, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serotone.registry import Registry

if TYPE_CHECKING:
    from serotone.models.base import EmotionModel

MODELS: Registry[type[EmotionModel]] = Registry(
    "model",
    "serotone.models",
    {
        "cnn1d_stack2376": "serotone.models.cnn1d_stack2376:Cnn1dStack2376",
        "cnn2d_logmel128": "serotone.models.cnn2d_logmel128:Cnn2dLogMel128",
        "cnn_bilstm_mfcc39": "serotone.models.cnn_bilstm_mfcc39:CnnBiLstmMfcc39",
        "cnn_gru_mel64": "serotone.models.cnn_gru_mel64:CnnGruMel64",
        "cnn_lstm_mel64": "serotone.models.cnn_lstm_mel64:CnnLstmMel64",
        "cnn_lstm_mel64_l2": "serotone.models.cnn_lstm_mel64_l2:CnnLstmMel64L2",
        "cnn_lstm_mel64_small": "serotone.models.cnn_lstm_mel64_small:CnnLstmMel64Small",
        "conformer_logmel": "serotone.models.conformer_logmel:ConformerLogMel",
        "dscnn_logmel": "serotone.models.dscnn_logmel:DsCnnLogMel",
        "ecapa_logmel": "serotone.models.ecapa_logmel:EcapaLogMel",
        "functionals_mlp": "serotone.models.functionals_mlp:FunctionalsMlp",
        "light_sernet": "serotone.models.light_sernet:LightSerNet",
        "lstm_attention": "serotone.models.lstm_attention:LstmAttention",
        "lstm_mfcc": "serotone.models.lstm_mfcc:LstmMfcc",
        "resnet_logmel": "serotone.models.resnet_logmel:ResNetLogMel",
    },
)
