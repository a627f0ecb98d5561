from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from counterpoise.models.loading import load_model
from counterpoise.models.tiny import make_tiny_model
from counterpoise.records import CATEGORIES

GROUPS = [("Women", "Men"), ("The poor", "The rich"), ("Old people", "Young people")]
TAILS = ["are often late for work.", "cannot drive a car.", "know nothing at all.", "like the sea."]


@pytest.fixture(scope="session")
def pairs_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pairs in CrowS-Pairs' format, over three categories."""
    path = tmp_path_factory.mktemp("data") / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        for index, (more, less) in enumerate(GROUPS):
            for number, tail in enumerate(TAILS):
                direction = "antistereo" if number == 3 else "stereo"
                writer.writerow(
                    [index * 4 + number, f"{more} {tail}", f"{less} {tail}", direction, CATEGORIES[index]]
                )
    return path


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(
        folder, [f"{group} {tail}" for pair in GROUPS for group in pair for tail in TAILS], seed=0
    )
    return folder


@pytest.fixture(scope="session")
def adapter_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random adapter: it changes every score and improves nothing."""
    folder = tmp_path_factory.mktemp("adapter")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        model = load_model(tiny_folder, "fp32", device="cpu").model
        get_peft_model(model, config).save_pretrained(folder)
    return folder
