"""What every model of the zoo must do; a new folder is tested by its name alone."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
import torch

from nlpcl import zoo

NAMES = zoo.names()
VARIANTS = [(name, variant) for name in NAMES for variant in zoo.entry(name).variants]
CONTRASTS = {"self_supervised", "supervised", "calibration"}
"""Parts whose least value is not 0, and which depend on what else is in the batch."""
TERMS = 2 * 32 * 16
"""How many numbers flow into one: up to 2 layers of width 32 over 16 places or frames."""
PRESETS = [(name, preset) for name in NAMES for preset in zoo.entry(name).presets]


def test_there_are_models():
    assert "sdcl" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_what_the_model_is(name, tiny):
    assert tiny(name).model.name == name
    entry = zoo.entry(name)
    assert entry.summary.endswith(".")
    assert len(entry.summary) < 100
    parameters = inspect.signature(entry.model_class().forward).parameters.values()
    assert not [p for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


@pytest.mark.parametrize("name", NAMES)
def test_forward_has_the_right_shapes(name, tiny):
    made = tiny(name)
    made.model.eval()
    batch = made.batch()
    output = made.model(**batch)
    assert output.loss.shape == ()
    assert output.loss.dtype == torch.float32
    assert torch.isfinite(output.loss)
    assert output.parts
    for part in output.parts.values():
        assert part.total.shape == part.count.shape == ()
    plain = made.model(**made.unlabelled())
    assert plain.loss is None
    assert torch.isfinite(possible(plain.logits)).all()
    if made.scores_tokens:
        vocabulary = made.model.backbone.config.vocab_size
        assert plain.logits.shape == (*batch["input_ids"].shape, vocabulary)


def possible(logits):
    """Logits with 0 at spans that cannot be entities."""
    return logits.masked_fill(logits == -torch.inf, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_the_weighted_sum_of_its_parts(name, tiny):
    made = tiny(name)
    with torch.no_grad():
        output = made.model(**made.batch())
    wanted = sum(p.weight * float(p.total) / float(p.count) for p in output.parts.values())
    assert float(output.loss) == pytest.approx(wanted, rel=1e-6)
    for part, count in made.model.counts(made.batch()).items():
        assert int(count) == int(output.parts[part].count)


@pytest.mark.parametrize("name", NAMES)
def test_backward_gives_every_weight_a_finite_gradient(name, tiny):
    made = tiny(name)
    made.model.train()
    made.model(**made.batch()).loss.backward()
    trained = [(n, w) for n, w in made.model.named_parameters() if w.requires_grad]
    assert trained
    for weight_name, weight in trained:
        assert weight.grad is not None, weight_name
        assert torch.isfinite(weight.grad).all(), weight_name
        assert weight.grad.abs().sum() > 0, weight_name


@pytest.mark.parametrize("name", NAMES)
def test_overfits_eight_rows(name, tiny):
    made = tiny(name)
    optimiser = torch.optim.AdamW(made.model.parameters(), lr=1e-2 if made.is_text else 5e-3)
    losses = []
    # Most need 20 steps; some weights to begin with need 150.
    while len(losses) < 400:
        output = made.model.train()(**made.batch())
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        # The speaker head of an adversary is not what has to be learned.
        aside = {"speaker", *CONTRASTS}
        parts = [part for part_name, part in output.parts.items() if part_name not in aside]
        losses.append(sum(part.weight * float(part.mean().detach()) for part in parts))
        if losses[-1] < 0.1 * losses[0] and len(losses) % 10 == 0 and mistakes(made) == []:
            break
    assert losses[-1] < 0.1 * losses[0]
    assert mistakes(made) == []


def mistakes(made):
    """The sentences that a model for correction does not correct."""
    from nlpcl.training.inference import infer

    if made.config.task != "correction":
        return []
    edits, _ = infer(made.model, made.task, made.rows, precision="fp32")
    wrong = []
    for example, found in zip(made.examples, edits, strict=True):
        characters = list(example["source"])
        for edit in found:
            characters[edit.position] = edit.right
        if "".join(characters) != example["target"]:
            wrong.append(example)
    return wrong


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_a_row_alone_gives_what_it_gives_in_a_batch(name, tiny, assert_near):
    made = tiny(name)
    made.model.eval()
    logits, parts = made.model(**made.unlabelled()).logits, made.model(**made.batch()).parts
    totals = dict.fromkeys(parts, 0.0)
    for number, row in enumerate(made.rows):
        batch = made.batch([row])
        for part, value in made.model(**batch).parts.items():
            totals[part] += float(value.total)
        batch.pop("labels")
        batch.pop("speakers", None)
        alone = made.model(**batch).logits[0]
        whole = made.own(logits[number], alone)
        assert ((whole == -torch.inf) == (alone == -torch.inf)).all()
        assert_near(possible(whole), possible(alone), TERMS)
    for part, value in parts.items():
        assert float(value.total) == pytest.approx(totals[part], rel=1e-4), part


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name, tiny):
    made = tiny(name)
    made.model.eval()
    batch = made.batch()
    wide = {key: widened(key, values) for key, values in batch.items()}
    loss, wide_loss = made.model(**batch).loss, made.model(**wide).loss
    assert float(wide_loss) == pytest.approx(float(loss), rel=1e-5)
    for inputs in (batch, wide):
        inputs.pop("labels")
    narrow_logits, logits = made.model(**batch).logits, made.model(**wide).logits
    if made.scores_tokens:
        mask = batch["attention_mask"].bool()
        logits, narrow_logits = logits[:, : mask.shape[1]][mask], narrow_logits[mask]
    logits = made.own(logits, narrow_logits)
    torch.testing.assert_close(logits, narrow_logits)


def widened(key, values):
    """A batch's tensor with nine more places of padding."""
    if key == "inputs":
        return torch.nn.functional.pad(values, (0, 0, 0, 9), value=7.0)
    fills = {"input_ids": 1, "attention_mask": 0, "labels": -100, "starts": False, "ends": False}
    if key not in fills or values.dim() != 2:
        return values
    return torch.nn.functional.pad(values, (0, 9), value=fills[key])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "electra", "distilbert"])
def test_saved_and_loaded_it_is_the_same(name, kind, tiny, tmp_path, assert_near):
    made = tiny(name, kind, dropout=0.1)
    if not made.is_text and kind != "bert":
        pytest.skip("reads no text")
    made.model.eval()
    before = made.model(**made.unlabelled()).logits
    made.model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    loaded = type(made.model).from_pretrained(tmp_path, dtype=torch.float32)
    assert not loaded.training
    # The order of additions in a recurrent layer depends on how its weights lie in memory.
    after = loaded(**made.unlabelled()).logits
    assert_near(possible(after), possible(before), 0 if made.is_text else TERMS)
    assert loaded.config.options == made.config.model_options()
    for model in (made.model, loaded) if made.scores_tokens else ():
        shared = model.backbone.get_output_embeddings().weight
        assert shared.data_ptr() == model.backbone.get_input_embeddings().weight.data_ptr()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_variant_trains(name, variant, tiny):
    made = tiny(name, **zoo.entry(name).variants[variant])
    loss = made.model(**made.batch()).loss
    loss.backward()
    assert torch.isfinite(loss)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_variants_are_different(name, tiny):
    losses = {}
    for variant, options in zoo.entry(name).variants.items():
        made = tiny(name, **options)
        # Without dropout; some differ in what is learned while training alone.
        loss = round(float(made.model.train()(**made.batch()).loss), 5)
        # What training adds to the loss is no part of the model.
        added = [
            getattr(made.config, field.name)
            for field in dataclasses.fields(made.config)
            if field.metadata.get("panel") == "Regularisation"
        ]
        losses[variant] = (loss, *added)
    assert len(set(losses.values())) == len(losses), losses


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_is_a_valid_configuration(name, preset):
    config = zoo.entry(name).config_class(**zoo.entry(name).presets[preset])
    assert config.check() is config
