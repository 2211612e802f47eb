"""What people type who come from other programs, and what is typed here: settings, parameters, techniques, commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nnreg.registry import entries

_SETTINGS: Mapping[str, str] = {
    "optimizer.lr={}": "lr learning_rate base_lr init_lr lr0 eta step_size learning_rate_init",
    "steps={}": (
        "n_steps num_steps max_steps nb_steps total_steps train_steps updates n_updates iter iters n_iter num_iters "
        "max_iter iterations n_iterations num_iterations max_iters"
    ),
    "batch={}": "batch_size bs batches minibatch minibatch_size train_batch_size per_device_train_batch_size",
    "seed={}": "random_seed random_state manual_seed rng rng_seed seeds torch_seed np_seed global_seed",
    "optimizer={}": "opt optim optimiser optimizers algorithm solver algo optimizer_name optimizer_class",
    "init={}": (
        "initialization initialisation initializer initialiser weight_init weights_init inits init_scheme "
        "kernel_initializer init_method initializers weight_initialization weight_initializer"
    ),
    "init@bias={}": "bias_init bias_initializer",
    "activation={}": "act act_fn activation_fn activation_function activations nonlinearity",
    "dataset={}": "data datasets data_set dataset_name task_name data_name train_data dset",
    "loss={}": "criterion loss_fn loss_function losses objective cost cost_function",
    "schedule={}": "lr_schedule lr_scheduler scheduler schedules lr_policy learning_rate_schedule lr_decay sched",
    "augmentation={}": "augment augmentations aug data_augmentation transform transforms augmenter",
    "sampler={}": "samplers batch_sampler sampling_strategy data_sampler",
    "network={}": "model net arch architecture backbone",
    "norm={}": "normalization normalisation norm_layer normalizer norms",
    "surface={}": "function landscape surfaces test_function",
    "warmup={}": "warmup_steps num_warmup_steps lr_warmup warm_up",
    "patience={}": "early_stopping_patience n_iter_no_change early_stopping_rounds",
    "clip_norm={}": (
        "grad_clip clip clip_grad gradient_clip gradient_clipping gradient_clip_val grad_clip_norm max_grad_norm "
        "clipnorm clip_grad_norm max_norm grad_norm_clip"
    ),
    "clip_value={}": "clipvalue clip_grad_value",
    "dtype={}": "precision float_type data_type",
    "validate_every={}": (
        "eval_every val_every eval_steps validation_freq val_check_interval eval_interval eval_freq validation_interval "
        "test_every val_freq val_interval check_val_every_n_epoch"
    ),
    "train_size={}": "n_train num_train train_samples max_train_samples n_samples subset",
    "experiment_name={}": "project experiment_id mlflow_experiment mlflow_experiment_name project_name",
    "tracking_uri={}": "mlflow_uri mlflow_tracking_uri uri store",
    "hydra.run.dir={}": "output_dir out outdir log_dir save_dir folder output run_dir",
    "sweep.dry_run={}": "dry_run",
    "sweep.max_jobs={}": "max_jobs",
    "sweep.metric={}": "metric",
    "sweep.target={}": "target",
    "hydra.sweeper.n_trials={}": "n_trials num_trials trials",
    "checkpoint_seconds={}": "checkpoint_every save_every checkpoint_freq save_steps",
    "watch_train={}": "eval_train track_train",
    "regularizer=l2 regularizer.weight_decay={}": "l2 l2_reg l2_lambda reg reg_lambda lambda l2_penalty",
    "regularizer=l1 regularizer.weight_decay={}": "l1 l1_reg l1_lambda l1_penalty",
    "regularizer=decoupled regularizer.weight_decay={}": "weight_decay wd decay",
    "dropout=dropout dropout.rate={}": "dropout_rate drop dropout_p dropout_prob p_drop drop_rate drop_prob",
    "optimizer=momentum optimizer.momentum={}": "momentum",
    "hydra/launcher=joblib": "n_jobs num_workers n_workers jobs parallel processes cores",
}
"""What is typed here, with a place for the value, to the words that are typed elsewhere."""

_SAYINGS: Mapping[str, str] = {
    "a network is the widths of its hidden layers: hidden=[100,100] has two of 100 units": (
        "hidden_size hidden_sizes hidden_dim hidden_dims hidden_units hidden_layers hidden_layer_sizes n_hidden "
        "num_hidden n_layers num_layers layers depth width units neurons widths "
        "hidden_width n_units layer_sizes num_units n_neurons"
    ),
    "a run trains on the processor: there is nothing to choose": (
        "device gpu gpus cuda accelerator use_gpu use_cuda devices no_cuda mps cpu tpu n_gpu"
    ),
    "norm=batch_norm or norm=layer_norm normalises every hidden layer": "batch_norm use_bn bn layer_norm use_batch_norm",
    "early stopping is patience=STEPS: so many without a lower validation loss": "early_stopping early_stop",
    "every epoch is a fresh permutation with sampler=epoch": "shuffle replacement with_replacement",
    "what a terminal shows does not depend on a setting; --cfg job shows the configuration": (
        "verbose verbosity log_level debug_mode"
    ),
    "dtype=float32 or dtype=float64 is the precision": "fp16 amp bf16 half mixed_precision fp32 fp64",
    "a dataset divides its rows itself: `python -m nnreg plugins dataset/NAME` says how": (
        "val_split validation_split test_size valid_size val_size validation_fraction split train_split"
    ),
    "the parameters of a rule are its own, such as optimizer=adam optimizer.beta1=0.9 optimizer.beta2=0.999": "betas beta",
    "tracking=off keeps a run in its folder only; tracking=mlflow sends it": (
        "wandb mlflow tensorboard logger log no_tracking"
    ),
    "-m sweeps over what has several values, such as -m optimizer=sgd,adam seed=1,2,3": (
        "multirun grid grid_search n_seeds num_seeds"
    ),
    "`python -m nnreg resume FOLDER` goes on with a run": ("resume_from resume_from_checkpoint checkpoint ckpt ckpt_path load"),
}
"""What is said, to the words of which there is no equal here."""

EPOCHS = "epochs epoch n_epochs num_epochs nb_epochs nb_epoch max_epochs num_train_epochs train_epochs total_epochs"

_PARAMETERS: Mapping[str, str] = {
    "lr": "learning_rate eta alpha step_size base_lr",
    "beta1": "betas beta_1 b1 momentum beta",
    "beta2": "betas beta_2 b2 rho decay",
    "eps": "epsilon eps_",
    "momentum": "beta mu gamma beta1 rho",
    "decay": "rho alpha gamma beta2 beta smoothing",
    "weight_decay": "wd decay l2 l1 lambda strength coefficient alpha scale penalty",
    "rate": "p prob probability drop dropout dropout_rate",
    "std": "stddev sigma scale sd stdev",
    "mode": "fan fan_mode distribution",
    "slope": "negative_slope alpha leak",
    "path": "file filename csv data filepath",
    "target": "label labels y target_column label_column targets column",
    "delimiter": "sep separator delim",
    "standardise": "standardize normalize normalise scale standardisation",
    "valid_fraction": "val_split validation_split val_fraction validation_fraction valid_size val_size",
    "test_fraction": "test_split test_size",
    "rows": "n_samples samples n size n_rows",
    "milestones": "steps boundaries epochs",
    "every": "step_size period step",
    "gamma": "decay factor decay_rate rate",
    "end": "eta_min min_lr final lr_min end_factor",
    "label_smoothing": "smoothing smooth",
}

_TECHNIQUES: Mapping[tuple[str, str], str] = {
    ("init", "he"): "kaiming kaiming_normal kaiming_uniform he_normal he_uniform msra",
    ("init", "xavier"): "xavier_normal xavier_uniform",
    ("init", "glorot"): "glorot_normal glorot_uniform",
    ("init", "zeros"): "zero",
    ("init", "lecun"): "lecun_normal lecun_uniform",
    ("init", "normal"): "gaussian random_normal randn",
    ("init", "uniform"): "random_uniform rand",
    ("init", "identity"): "eye",
    ("init", "saved"): "pretrained checkpoint",
    ("activation", "silu"): "swish",
    ("activation", "identity"): "linear none",
    ("activation", "sigmoid"): "logistic",
    ("activation", "leaky_relu"): "lrelu",
    ("activation", "hard_tanh"): "htanh",
    ("activation", "prelu"): "parametric_relu",
    ("activation", "rrelu"): "randomized_relu random_relu",
    ("loss", "softmax_cross_entropy"): (
        "cross_entropy ce nll cross_entropy_loss categorical_crossentropy softmax log_loss "
        "sparse_categorical_crossentropy nll_loss"
    ),
    ("loss", "binary_cross_entropy"): "bce bce_loss bce_with_logits binary_crossentropy bce_with_logits_loss",
    ("loss", "mse"): "l2 mean_squared_error squared_error mse_loss squared",
    ("regularizer", "l2"): "ridge",
    ("regularizer", "l1"): "lasso",
    ("regularizer", "elastic"): "elastic_net l1_l2",
    ("regularizer", "decoupled"): "weight_decay adamw",
    ("network", "mlp"): "dense fully_connected feedforward perceptron linear",
    ("network", "residual"): "resnet resmlp",
    ("network", "convolutional"): "cnn conv convnet lenet conv2d",
    ("network", "autoencoder"): "ae auto_encoder",
    ("norm", "batch_norm"): "bn batch batchnorm1d batchnorm2d",
    ("norm", "layer_norm"): "ln layer",
    ("norm", "rms_norm"): "rms",
    ("norm", "group_norm"): "gn group",
    ("optimizer", "sgd"): "gd gradient_descent vanilla",
    ("optimizer", "nesterov"): "nag",
    ("optimizer", "momentum"): "sgd_momentum heavy_ball",
    ("schedule", "cosine"): "cosine_annealing cosine_annealing_lr cos",
    ("schedule", "step"): "step_lr",
    ("schedule", "multi_step"): "multistep_lr",
    ("schedule", "polynomial"): "linear poly",
    ("schedule", "one_cycle"): "one_cycle_lr",
    ("schedule", "constant"): "none",
    ("dataset", "breast_cancer"): "cancer",
    ("dataset", "fashion_mnist"): "fashion",
    ("dataset", "moons"): "make_moons",
    ("dataset", "circles"): "make_circles",
    ("dataset", "blobs"): "make_blobs",
    ("dropout", "dropout"): "inverted standard",
    ("augmentation", "none"): "identity off",
    ("augmentation", "noise"): "gaussian gaussian_noise jitter",
    ("augmentation", "shift"): "translate translation crop random_crop",
    ("augmentation", "cutout"): "erase random_erasing cut_out",
    ("augmentation", "mixup"): "mix_up",
    ("sampler", "with_replacement"): "replacement random uniform bootstrap iid none",
    ("sampler", "epoch"): "shuffle shuffled permutation without_replacement epochs",
    ("sampler", "full"): "full_batch all batch sequential",
    ("sampler", "balanced"): "class_balanced weighted class_aware oversampling stratified",
    ("sampler", "growing"): "growing_batch increasing adabatch",
}


_COMMANDS: Mapping[str, str] = {
    "a run has no command, `python -m nnreg optimizer=adam` is one": "train run fit start main experiment execute",
    "-m sweeps, such as `python -m nnreg -m optimizer=sgd,adam seed=1,2,3`": "sweep multirun grid search tune gridsearch",
    "`python -m nnreg plugins` lists what there is": "list ls show info techniques plugin optimizers datasets",
    "`python -m nnreg --help` shows what can be typed": "help usage man",
    "`python -m nnreg --version` says which this is": "version",
    "`python -m nnreg ui` shows the runs": "mlflow server dashboard web view board",
    "`python -m nnreg runs clean` puts the runs in order": "clean gc",
    "`python -m nnreg runs push` sends runs": "push sync upload",
}
"""What is said, to first words that are no command."""


def _bare(word: str) -> str:
    """Return a word as it is compared: small letters, without what stands between them."""
    return re.sub(r"[\W_]", "", word).lower()


_TYPED = {_bare(word): typed for typed, words in _SETTINGS.items() for word in words.split()}
_SAID = {_bare(word): said for said, words in _SAYINGS.items() for word in words.split()}
_SAID_OF_COMMANDS = {_bare(word): said for said, words in _COMMANDS.items() for word in words.split()}
_BARE_EPOCHS = {_bare(word) for word in EPOCHS.split()}


def is_epochs(key: str) -> bool:
    """Tell whether a word asks for epochs."""
    return _bare(key) in _BARE_EPOCHS


def meant_setting(key: str, value: str) -> str:
    """Return what is typed in place of ``key=value``, where the key is another program's; "" for any other."""
    head, dot, tail = key.partition(".")
    typed = _TYPED.get(_bare(head), "")
    if dot and typed.removesuffix("={}") in entries.kinds():
        return f"there is no kind '{head}': type {typed.removesuffix('={}')}.{tail}={value}"
    bare = _bare(key)
    if is_epochs(key):
        return f"there is no setting '{key}': type steps=N, which is epochs x training rows / batch"
    if bare in _TYPED:
        return f"there is no setting '{key}': type {_TYPED[bare].format(value)}"
    return f"there is no setting '{key}': {_SAID[bare]}" if bare in _SAID else ""


def meant_parameter(key: str, known: Iterable[str]) -> str | None:
    """Return which of the parameters of a technique is meant by a word, or None."""
    names = list(known)
    alike = next((name for name in names if _bare(name) == _bare(key)), None)
    return alike or next((name for name in names if _bare(key) in map(_bare, _PARAMETERS.get(name, "").split())), None)


def technique_of(kind: str, word: str) -> str | None:
    """Return which technique of a kind is meant by a word: by another case, or another program's name; None where none is."""
    names, bare = entries.techniques(kind), _bare(word)
    found = next((name for name in names if bare and _bare(name) == bare), None)
    called = (
        name for (of, name), words in _TECHNIQUES.items() if of == kind and name in names and bare in map(_bare, words.split())
    )
    return found or next(called, None)


def kinds_of(word: str) -> list[str]:
    """Return the kinds that have a technique of a name, in any case."""
    return [kind for kind in entries.kinds() if any(_bare(name) == _bare(word) != "" for name in entries.techniques(kind))]


def meant_command(word: str) -> str:
    """Return what is typed in place of a command that there is not, "" where nothing is known."""
    return _SAID_OF_COMMANDS.get(_bare(word), "") or as_choice(word)


def as_choice(word: str) -> str:
    """Return how the technique of a name is chosen, "" where none has it."""
    kinds = kinds_of(word)
    return f"{word} is {of_kind(kinds[0])}, type {kinds[0]}={technique_of(kinds[0], word)}" if kinds else ""


def of_kind(kind: str) -> str:
    """Return a kind with its article: ``an optimizer``."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
