"""Cutting layers and vocabulary leaves what is kept as it was."""

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from nlpcl.core.errors import UserError
from nlpcl.text.pruning import add_characters, keep_layers, keep_pieces

PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("今", -5.0)]
PIECES += [("今天", -3.0), ("天", -5.0), ("▁the", -3.0), ("▁then", -6.0), ("n", -7.0), ("t", -7.5)]
PIECES += [("h", -8.0), ("e", -8.0), ("<mask>", 0.0)]


@pytest.fixture
def tokenizer():
    backend = Tokenizer(models.Unigram(PIECES, unk_id=3))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", 0), ("</s>", 2)]
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        pad_token_id=1,
    )
    return BertForMaskedLM(config).eval()


def test_the_first_layers_stay(model):
    ids = torch.tensor([[0, 5, 7, 2]])
    wanted = model.bert(ids, output_hidden_states=True).hidden_states[2]
    keep_layers(model, 2)
    assert model.config.num_hidden_layers == 2
    torch.testing.assert_close(model.bert(ids).last_hidden_state, wanted)


def test_more_layers_than_there_are_is_refused(model):
    with pytest.raises(UserError, match="has 3 layers"):
        keep_layers(model, 4)


def test_pieces_with_han_go_and_kept_pieces_keep_their_vectors(model, tokenizer):
    before = {
        piece: model.get_input_embeddings().weight[i].clone()
        for piece, i in tokenizer.get_vocab().items()
    }
    scores_before = model(**tokenizer("今 the", return_tensors="pt")).logits
    old = tokenizer.get_vocab()
    cut = keep_pieces(model, tokenizer, 1)
    vocabulary = cut.get_vocab()
    assert "今天" not in vocabulary
    assert "▁then" not in vocabulary
    assert "▁the" in vocabulary
    weights = model.get_input_embeddings().weight
    assert len(weights) == len(vocabulary) == model.config.vocab_size
    for piece, index in vocabulary.items():
        torch.testing.assert_close(weights[index], before[piece])
    assert weights.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert cut.tokenize("今天 then") == ["▁", "今", "天", "▁the", "n"]
    assert cut.mask_token_id == vocabulary["<mask>"]
    assert cut("天")["input_ids"][0] == cut.cls_token_id
    scores = model(**cut("今 the", return_tensors="pt")).logits
    kept = [old[piece] for piece in sorted(vocabulary, key=vocabulary.get)]
    torch.testing.assert_close(scores, scores_before[..., kept], atol=1e-5, rtol=1e-4)


def test_another_kind_of_vocabulary_is_refused(model):
    backend = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    wordy = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    with pytest.raises(UserError, match="WordLevel"):
        keep_pieces(model, wordy, 5)


def test_new_characters_join_at_the_end_and_begin_as_the_mean(model, tokenizer):
    before = model.get_input_embeddings().weight.detach().clone()
    grown = add_characters(model, tokenizer, ["我", "們"])
    assert grown.convert_tokens_to_ids(["我", "們", "<mask>"]) == [15, 16, 14]
    assert grown("我今", add_special_tokens=False)["input_ids"][-2:] == [15, 5]
    after, output = model.get_input_embeddings().weight, model.get_output_embeddings()
    assert torch.equal(after[:15], before)
    mean = before[[5, 7]].mean(0)  # 今 and 天
    torch.testing.assert_close(after[15:], mean.repeat(2, 1))
    assert output.weight.data_ptr() == after.data_ptr()
    assert model(torch.tensor([[0, 16, 2]])).logits.shape[-1] == model.config.vocab_size == 17
