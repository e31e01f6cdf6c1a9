"""What an audit finds in models of Civitai as they were recorded: their two layers, scans, states and formats."""

from __future__ import annotations

import pytest
from civitai_answers import recorded_record

from zooclient.auditing.judging import judge
from zooclient.auditing.subject import Subject
from zooclient.providers.civitai.cards import card_text
from zooclient.records.card import Card

#: Recorded model → what is found of its files and its access.
FOUND = {
    "model_1619_danger_ckpt_2023.json": {"scan-danger", "pickle-beside"},
    "model_24636_archived_2023.json": {"access-gone"},
    "model_3679_lora_pt_safetensors_textenc_2023.json": {"pickle-beside"},
    "model_4618_ckpt_safetensors_yaml_2023.json": {"pickle-beside"},
    "model_66_ckpt_and_vae_pt_2023.json": {"pickle-only"},
    "model_86_checkpoint_pickle_2023.json": {"pickle-only"},
}


@pytest.mark.parametrize("name", FOUND)
def test_a_recorded_model_is_found_to_be_what_it_is(name: str) -> None:
    """Danger, archived, pickles alone or beside: each is told of the models that are so, and of no other."""
    record = recorded_record(name)
    report = judge(Subject(record=record, card=Card.parse(card_text(record))))
    found = {one.rule for one in report.findings}
    assert found & {"scan-danger", "access-gone", "pickle-only", "pickle-beside"} == FOUND[name]
    # CreativeML Open RAIL-M, and creators who answered each question.
    assert "license-limits-use" in found
    assert not [rule for rule in found if rule.startswith("license") and rule != "license-limits-use"]
