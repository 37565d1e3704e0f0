"""Settings of training: `[train]` and `[data]` in the settings file.

What a musician is told of a setting stands beside it, under `PLAIN`: `accompanist train --explain` and the console's
form show the same words.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

PLAIN = "plain"
"""Key of a setting's meaning in a musician's words, among what its `Meta` holds extra."""


def _plain(words: str) -> dict[str, Any]:
    return {PLAIN: words}


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a model is trained."""

    model: Annotated[
        Literal["musegan", "live"],
        Meta(
            description="recipe: the classic one, or the one that anticipates",
            extra=_plain(
                "What kind of band. musegan hears two bars, then answers for them: quick to train, always late. "
                "live listens beat by beat and plans ahead of you: it is the one to play with, and takes hours."
            ),
        ),
    ] = "musegan"
    data: Annotated[
        tuple[str, ...],
        Meta(
            description="sources to train on, see `accompanist data list`, each with a weight where one is wanted: "
            "mine=3; none: the recipe's own",
            extra=_plain(
                "Which records the band grows up with. mine=3 plays each piece of that source three times as often; "
                "the start of the run says what share of the whole that makes."
            ),
        ),
    ] = ()
    tag: Annotated[
        tuple[str, ...],
        Meta(
            description='only songs with all these tags, such as "meter=4/4" or "mode=major"',
            extra=_plain(
                "Only a part of those records: waltzes, pieces in minor, your ska. See accompanist data show."
            ),
        ),
    ] = ()
    weight: Annotated[
        tuple[str, ...],
        Meta(
            description='how often songs with a tag are heard, beside all others: "style=ska=3"',
            extra=_plain(
                "More of one kind, without leaving the others out: style=ska=3 plays ska three times as often."
            ),
        ),
    ] = ()
    base: Annotated[
        str,
        Meta(
            description="run, checkpoint or exported model to begin from; empty: from nothing",
            extra=_plain(
                "A band that can already play goes on to your music: fine-tuning. It keeps what it knows where your "
                "music does not contradict it, and needs a fraction of the time."
            ),
        ),
    ] = ""
    epochs: Annotated[
        int,
        Meta(
            ge=0,
            description="times through the training songs; 0: the recipe's own number",
            extra=_plain(
                "How often the band listens to the whole record collection. Too few and it has only caught the mood; "
                "too many and it begins to recite. The report says when it stopped getting better."
            ),
        ),
    ] = 0
    learning_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="step size of the generator, or of the live network, where it is the highest and fades",
            extra=_plain(
                "How much one hearing changes the way the band plays. Small steps learn slowly and surely; with large "
                "ones it lurches, and may fall apart (losses that run away). For fine-tuning take a third or less."
            ),
        ),
    ] = 1e-3
    critic_learning_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="step size of the critic; 0: as learning_rate, and 0.0003 for the live model's",
            extra=_plain(
                "The same for the critic, the listener who is to tell the band from the records. If the critic's loss "
                "swings while the band's stands still, let the critic learn more slowly."
            ),
        ),
    ] = 0.0
    beta1: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="musegan: Adam's first moment decay",
            extra=_plain("How long a direction is kept once taken: 0 turns at once, 0.9 like a heavy ship."),
        ),
    ] = 0.5
    beta2: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="musegan: Adam's second moment decay",
            extra=_plain("How long it remembers which notes were hard, to step more carefully there."),
        ),
    ] = 0.9
    batch: Annotated[
        int,
        Meta(
            ge=0,
            description="windows, or stretches of songs, per update; 0: the recipe's own number",
            extra=_plain(
                "How many passages it hears before it changes anything. More give a calmer, more general lesson and "
                "want more memory."
            ),
        ),
    ] = 0
    critic_updates: Annotated[
        int,
        Meta(
            ge=1,
            description="musegan: critic updates per generator update; with an adaptive ratio the most",
            extra=_plain(
                "How many lessons the listener gets for each one of the band. A band can only learn from a listener "
                "who is ahead of it; a listener far ahead only says no."
            ),
        ),
    ] = 5
    ratio: Annotated[
        Literal["fixed", "adaptive"],
        Meta(
            description="musegan: whether the critic always has critic_updates, or as many as its loss still asks for",
            extra=_plain(
                "adaptive: whoever of the two is changing faster gets the next lessons, so that neither runs away. "
                "Quicker; the critic hears fewer passages per epoch."
            ),
        ),
    ] = "fixed"
    gradient_penalty: Annotated[
        float,
        Meta(
            ge=0,
            description="musegan: weight of the gradient penalty (lambda)",
            extra=_plain(
                "Keeps the listener's opinions smooth: nearly the same music must get nearly the same mark. Without it "
                "training falls apart; with too much the listener hears no difference."
            ),
        ),
    ] = 10.0
    noise: Annotated[
        float,
        Meta(
            ge=0,
            le=4,
            description="musegan: standard deviation of the noise that the generator is given",
            extra=_plain(
                "How much of its own fancy the band brings to the same melody: at 0 it always answers alike, at 2 it "
                "is more capricious. The model keeps it: the seed in play then chooses among its fancies."
            ),
        ),
    ] = 1.0
    width: Annotated[
        int,
        Meta(
            ge=0,
            le=1024,
            description="filters of the first level, or width of a token; 0: the recipe's own number",
            extra=_plain(
                "How much the band can hold in its head. Wider knows more, learns more slowly and answers more slowly; "
                "twice the width is about four times the work."
            ),
        ),
    ] = 0
    planes: Annotated[
        Literal[1, 2],
        Meta(
            description="musegan: 2 for onset and held planes; 1: held only, as published (repeats fuse)",
            extra=_plain("Whether it can strike a note again while it sounds. With 1 repeated notes melt into one."),
        ),
    ] = 2
    transpose: Annotated[
        int,
        Meta(
            ge=0,
            le=6,
            description="musegan: random transposition of each window by up to this many semitones",
            extra=_plain(
                "Plays each passage in other keys as well, so that few records teach all keys; 6 where you have few. "
                "live hears everything in one key and needs none."
            ),
        ),
    ] = 0
    adversarial_epochs: Annotated[
        int,
        Meta(
            ge=0,
            description="live: epochs after those, in which it plays free and learns against a critic",
            extra=_plain(
                "After the lessons come rehearsals: it plays on its own to melodies and hears from a critic where it "
                "did not sound like people."
            ),
        ),
    ] = 2
    layers: Annotated[
        int,
        Meta(
            ge=1,
            le=32,
            description="live: layers of the transformer",
            extra=_plain("How many times it thinks a beat over. Deeper grasps longer shapes, and answers later."),
        ),
    ] = 4
    stretch_beats: Annotated[
        int,
        Meta(
            ge=16,
            le=1024,
            description="live: beats of a stretch of a song",
            extra=_plain("How long the passages are that it hears at a time: 192 beats are 48 bars of four."),
        ),
    ] = 192
    seed: Annotated[
        int,
        Meta(
            ge=0,
            description="seed of weights, order and noise",
            extra=_plain(
                "Another throw of the dice: same seed, same run to the last digit on the same machine. Train two or "
                "three seeds before you believe that a setting helped."
            ),
        ),
    ] = 0
    sample_every: Annotated[
        int,
        Meta(
            ge=1,
            description="epochs between samples and metrics",
            extra=_plain("How often it plays you the same melodies, so that you can hear it learn."),
        ),
    ] = 1
    stop: Annotated[
        tuple[str, ...],
        Meta(
            description="what ends the run early, the first that comes: plateau, epochs:N, steps:N, minutes:N, "
            "METRIC>=X or METRIC<=X",
            extra=_plain(
                "When it has learnt enough. plateau ends it when its music comes no nearer to people's and its loss "
                'keeps to one height; "coupling>=0.4" when the band holds your notes that much more often than chance '
                "would; minutes:90 when you need the machine. You can always go on later."
            ),
        ),
    ] = ()
    tensorboard: Annotated[
        bool,
        Meta(
            description="write the record for TensorBoard too, with rolls and sound",
            extra=_plain("For those who watch their trainings in TensorBoard; report.html tells the same without it."),
        ),
    ] = False
    keep: Annotated[
        int,
        Meta(
            ge=1,
            description="newest checkpoints kept; the best one is kept beside them",
            extra=_plain("How many of its last states you can go back to."),
        ),
    ] = 2
    best_by: Annotated[
        str,
        Meta(
            description="metric that the best checkpoint is best by, such as similarity_index or coupling",
            extra=_plain(
                "By what the best state is chosen, the one that export takes. similarity_index: how near it stands to "
                "people's music in everything that is measured. coupling: how much more its harmony holds your "
                "melody's notes than chance would; a band that hardly plays may be best at that alone."
            ),
        ),
    ] = "similarity_index"
    runs: Annotated[
        str, Meta(description="folder that holds the runs", extra=_plain("Where everything of a run is kept."))
    ] = "runs"
    name: Annotated[
        str,
        Meta(
            description="name of the run; empty: the recipe and its data",
            extra=_plain("What you will look for it by."),
        ),
    ] = ""
    threads: Annotated[
        int,
        Meta(
            ge=0,
            description="CPU threads; 0: one per core",
            extra=_plain("How much of the machine it may take. Leave one core free if you play meanwhile."),
        ),
    ] = 0
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Meta(
            description="where to train",
            extra=_plain("cuda is an NVIDIA graphics card; auto takes it where there is one."),
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bf16"],
        Meta(
            description="of the computing; auto: bf16 for the live model on CUDA, else float32",
            extra=_plain("How finely it reckons. bf16 is coarser and, on new graphics cards, quicker."),
        ),
    ] = "auto"


class DataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where music is kept."""

    home: Annotated[
        str, Meta(description="folder of downloaded archives (pop909.zip, deepcomposer.zip); empty: look around")
    ] = ""
    cache: Annotated[str, Meta(description="folder of read music; empty: the user's cache folder")] = ""
