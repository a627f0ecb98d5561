"""How small each architecture is built for :mod:`benchmarks.architectures`, and which variants of it are tried."""

from __future__ import annotations

from typing import Any

SIZES: dict[str, Any] = (
    dict.fromkeys(("hidden_size", "d_model", "n_embd", "n_embed"), 32)
    | dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2)
    | dict.fromkeys(("decoder_layers", "encoder_layers"), 2)
    | dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 2)
    | dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 2)
    | dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "decoder_ffn_dim", "encoder_ffn_dim"), 48)
    | dict.fromkeys(("num_experts", "n_routed_experts", "num_local_experts"), 4)
    | dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 256)
    | {"vocab_size": 384, "num_key_value_heads": 1, "moe_intermediate_size": 16, "num_experts_per_tok": 2}
    | {"head_dim": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
)
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_expand": 2, "mamba_n_groups": 1}
LATENT = {
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "head_dim": 8,
    "num_key_value_heads": 2,
}
ONE_GROUP = {"n_group": 1, "topk_group": 1}
WINDOWED = {"layer_types": ["sliding_attention", "full_attention"], "num_kv_shared_layers": 0}
PER_LAYER = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 384}
EXTRA: dict[str, dict[str, Any]] = {
    "axk1": LATENT | ONE_GROUP,
    "axk2": LATENT | ONE_GROUP,
    "bamba": MAMBA,
    "codegen": {"rotary_dim": 4, "n_head": 4},
    "deepseek_v2": LATENT | ONE_GROUP | {"first_k_dense_replace": 1},
    "deepseek_v3": LATENT | ONE_GROUP | {"first_k_dense_replace": 1},
    "diffllama": {"num_key_value_heads": 2},
    "dots1": ONE_GROUP | {"n_shared_experts": 1},
    "gemma3n_text": WINDOWED
    | PER_LAYER
    | {"laurel_rank": 4, "activation_sparsity_pattern": [0.0, 0.0], "intermediate_size": [48, 48]},
    "gemma4_text": WINDOWED | PER_LAYER,
    "glm_moe_dsa": LATENT | ONE_GROUP | {"index_n_heads": 2, "index_head_dim": 16},
    "gptj": {"rotary_dim": 8},
    "falcon_h1": {**MAMBA, "mamba_d_ssm": 64, "lm_head_multiplier": 0.1},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    "granitemoehybrid": MAMBA,
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "longcat_flash": LATENT | {"ffn_hidden_size": 48, "expert_ffn_hidden_size": 16, "num_layers": 1},
    "minicpm3": LATENT,
    "mamba2": {"num_heads": 4, "head_dim": 16, "expand": 2, "state_size": 8, "n_groups": 1},
    "reformer": {"is_decoder": True, "axial_pos_embds": False, "attn_layers": ["local", "local"]},
    "roc_bert": {
        "is_decoder": True,
        "pronunciation_vocab_size": 16,
        "shape_vocab_size": 16,
        "pronunciation_embed_dim": 8,
        "shape_embed_dim": 8,
    },
    "xlm": {"emb_dim": 32},
    "youtu": LATENT,
    "zamba": {"layer_types": ["linear_attention", "hybrid"]},
    "zamba2": {
        "layers_block_type": ["mamba", "hybrid"],
        "layer_types": ["linear_attention", "hybrid"],
        "mamba_headdim": 16,
        "n_mamba_heads": 4,
        "mamba_d_state": 8,
        "mamba_ngroups": 1,
    },
    "zaya": {"num_experts_per_tok": 1},
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    f"{kind}, {name}": (kind, options)
    for kind, name, options in (
        ("mistral", "a window of 16", {"sliding_window": 16}),
        (
            "qwen2",
            "a window of 16",
            {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 1},
        ),
        ("phi3", "a window of 16", {"sliding_window": 16}),
        ("gemma2", "logits capped at 30", {"final_logit_softcapping": 30.0}),
        ("gemma3_text", "a window of 16", {"sliding_window": 16}),
        ("cohere2", "a window of 16", {"sliding_window": 16}),
        (
            "qwen3",
            "a window of 16",
            {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 1},
        ),
        ("starcoder2", "a window of 16", {"sliding_window": 16}),
        ("olmo3", "a window of 16", {"sliding_window": 16}),
        ("gpt_oss", "a window of 16", {"sliding_window": 16}),
        ("exaone4", "a window of 16", {"sliding_window": 16, "sliding_window_pattern": 2}),
        ("mixtral", "a window of 16", {"sliding_window": 16}),
        ("llama4_text", "chunks of 16", {"attention_chunk_size": 16}),
        ("cohere", "logits scaled", {"logit_scale": 0.3}),
        ("granite", "logits scaled", {"logits_scaling": 8.0}),
        ("bert", "as a decoder", {"is_decoder": True}),
        ("roberta", "as a decoder", {"is_decoder": True}),
        ("electra", "as a decoder", {"is_decoder": True}),
        ("big_bird", "as a decoder", {"is_decoder": True}),
        ("megatron-bert", "as a decoder", {"is_decoder": True}),
    )
}
