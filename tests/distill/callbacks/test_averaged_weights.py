"""The average itself: its recursion, its memory, tied weights, and what it is refused with."""

import gc
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning.strategies import FSDPStrategy

from distill.callbacks.averaged_weights import AveragedWeights, decay_at
from distill.callbacks.export_student import ExportStudent
from distill.config import AdapterConfig, OptimizerConfig, StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.module import DistillationModule

FIT = SimpleNamespace(accumulate_grad_batches=2, strategy=None, state=SimpleNamespace(fn="fit"))


class OneWeight(DistillationModule):
    """Without teacher and student."""

    def __init__(self, average: float) -> None:
        pl.LightningModule.__init__(self)
        self.weight = torch.nn.Parameter(torch.arange(3.0))
        self.optimizer = OptimizerConfig(average=average)


def module_of(folder, average=0.9, **student) -> DistillationModule:
    module = DistillationModule(
        TeacherConfig(str(folder)), student=StudentConfig(**student), optimizer=OptimizerConfig(average=average)
    )
    module.configure_model()
    return module


def started(module) -> AveragedWeights:
    callback = AveragedWeights()
    callback.setup(FIT, module, "fit")
    callback.on_fit_start(FIT, module)
    return callback


def trained(module) -> dict[str, torch.Tensor]:
    return {name: weight.data for name, weight in module.named_parameters() if weight.requires_grad}


def clones(tensors) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def take_steps(callback, module, steps, seed=0) -> None:
    """Random updates of the weights, of two micro-batches each."""
    generator = torch.Generator().manual_seed(seed)
    for batch in range(2 * steps):
        if batch % 2:
            for weight in trained(module).values():
                weight.add_(torch.randn(weight.shape, generator=generator))
        callback.on_train_batch_end(FIT, module, None, None, batch)


def saved(callback, module) -> dict:
    checkpoint = {"state_dict": module.state_dict()}
    callback.on_save_checkpoint(FIT, module, checkpoint)
    return checkpoint


def memory() -> int:
    """Bytes of all tensors that are alive."""
    gc.collect()
    # `isinstance` would ask every object for its class, and wake the lazy ones.
    pieces = [item.untyped_storage() for item in gc.get_objects() if issubclass(type(item), torch.Tensor)]
    return sum({piece.data_ptr(): piece.nbytes() for piece in pieces}.values())


@settings(max_examples=20)
@given(decay=st.floats(0.01, 0.999), steps=st.integers(0, 30), seed=st.integers(0, 99))
def test_it_is_the_moving_average_by_its_definition(decay, steps, seed):
    module = OneWeight(decay)
    callback = started(module)
    expected = module.weight.data.double()
    for step in range(1, steps + 1):
        take_steps(callback, module, 1, seed + step)
        share = min(decay, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * module.weight.data.double()
    torch.testing.assert_close(saved(callback, module)["state_dict"]["weight"].double(), expected, rtol=1e-5, atol=1e-5)


def test_the_decay_rises_to_what_is_set():
    decays = [decay_at(update, 0.99) for update in range(1, 2000)]
    assert decays == sorted(decays)
    assert (decays[0], decays[-1]) == (2 / 11, 0.99)


@pytest.mark.parametrize("adapter", [AdapterConfig(), AdapterConfig(2)], ids=["all weights", "an adapter"])
def test_it_takes_one_copy_of_what_is_trained(gpt2_folder, adapter):
    module = module_of(gpt2_folder, layers=[0, 1, 2, 3], adapter=adapter)
    wanted = sum(weight.nbytes for weight in trained(module).values())
    before = memory()
    callback = started(module)
    take_steps(callback, module, 1)
    checkpoint = saved(callback, module)
    callback.on_validation_epoch_start(FIT, module)
    assert memory() - before == wanted
    callback.on_validation_epoch_end(FIT, module)
    assert checkpoint["averaged_weights"]["weights"].keys() == trained(module).keys()
    callback.on_fit_end(FIT, module)
    del checkpoint
    assert memory() == before


def test_a_validation_sees_the_average_and_leaves_the_weights_as_they_were(gpt2_folder):
    module = module_of(gpt2_folder, layers=[0])
    callback = started(module)
    take_steps(callback, module, 2)
    live = clones(trained(module))
    average = clones(saved(callback, module)["state_dict"])
    for end in ("on_validation_epoch_end", "on_exception"):
        callback.on_validation_epoch_start(FIT, module)
        assert all(torch.equal(tensor, average[name]) for name, tensor in trained(module).items())
        getattr(callback, end)(FIT, module, *([ValueError()] if end == "on_exception" else []))
        assert all(torch.equal(tensor, live[name]) for name, tensor in trained(module).items())
    # Stopped between two steps: nothing to restore.
    callback.on_exception(FIT, module, ValueError())
    assert all(torch.equal(tensor, live[name]) for name, tensor in trained(module).items())


@pytest.mark.parametrize("student", [{"layers": [0, 1]}, {"layers": [0, 1], "adapter": AdapterConfig(1)}])
def test_a_checkpoint_gives_the_average_and_the_weights_to_continue_from(llama_folder, student):
    """… of a tied head, too, which has two names."""
    module = module_of(llama_folder, **student)
    callback = started(module)
    take_steps(callback, module, 3)
    checkpoint = saved(callback, module)
    checkpoint["state_dict"], live = clones(checkpoint["state_dict"]), clones(trained(module))
    checkpoint["averaged_weights"]["weights"] = live

    continued = module_of(llama_folder, **student)
    continued.load_state_dict(checkpoint["state_dict"])
    average = trained(continued)
    assert not all(torch.equal(tensor, live[name]) for name, tensor in average.items())
    callback.on_validation_epoch_start(FIT, module)
    assert all(torch.equal(tensor, average[name]) for name, tensor in trained(module).items())
    callback.on_validation_epoch_end(FIT, module)

    other = AveragedWeights()
    other.setup(FIT, continued, "fit")
    other.on_load_checkpoint(FIT, continued, checkpoint)
    other.on_fit_start(FIT, continued)
    assert all(torch.equal(tensor, live[name]) for name, tensor in trained(continued).items())
    for each, its in ((callback, module), (other, continued)):
        take_steps(each, its, 1, seed=5)
    one, same = saved(callback, module), saved(other, continued)
    assert all(torch.equal(tensor, same["state_dict"][name]) for name, tensor in one["state_dict"].items())
    assert one["averaged_weights"]["updates"] == same["averaged_weights"]["updates"] == 4


def test_a_checkpoint_with_other_weights_is_refused(gpt2_folder):
    module = module_of(gpt2_folder, layers=[0])
    checkpoint = saved(started(module), module)
    checkpoint["averaged_weights"]["weights"].popitem()
    with pytest.raises(UserError, match="but not all weights to continue from"):
        AveragedWeights().on_load_checkpoint(FIT, module, checkpoint)


@pytest.mark.parametrize("average", [0.9, 0])
def test_weights_that_are_divided_are_refused(gpt2_folder, average):
    module = module_of(gpt2_folder, average, layers=[0])
    sharded = SimpleNamespace(strategy=object.__new__(FSDPStrategy))
    if average:
        with pytest.raises(UserError, match=r"model.optimizer.average is 0.9, and no average is kept of weights that"):
            AveragedWeights().check(sharded, module)
    else:
        AveragedWeights().check(sharded, module)


@pytest.mark.parametrize("callbacks", [[ExportStudent()], [ExportStudent(), AveragedWeights()]])
def test_an_average_that_nothing_keeps_is_refused(gpt2_folder, callbacks):
    module = module_of(gpt2_folder, layers=[0])
    with pytest.raises(UserError, match=r"AveragedWeights\(\) before ExportStudent\(\)"):
        callbacks[0].setup(SimpleNamespace(callbacks=callbacks), module, "fit")
    module.optimizer = OptimizerConfig()
    callbacks[0].setup(SimpleNamespace(callbacks=callbacks), module, "fit")
