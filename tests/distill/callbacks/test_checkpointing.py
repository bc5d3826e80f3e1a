"""The state of callbacks in checkpoints."""

from distill.callbacks.checkpointing import BestCheckpoint


def test_a_renamed_best_checkpoint_finds_its_state():
    class Renamed(BestCheckpoint):
        pass

    # What checkpoints have been written with so far.
    key = (
        "BestCheckpoint{'monitor': 'val/loss', 'mode': 'min', 'every_n_train_steps': 0, 'every_n_epochs': 1, "
        "'train_time_interval': None}"
    )
    assert Renamed().state_key == BestCheckpoint().state_key == key
