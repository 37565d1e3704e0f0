"""The classic recipe's networks and losses, held to the published figures and to their definitions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from torch.nn import functional  # noqa: E402

from training.critics import ConvCritic  # noqa: E402
from training.generators import UNetGenerator, UpConv  # noqa: E402
from training.losses import critic_loss, generator_loss, gradient_penalty  # noqa: E402


def parameters(network: torch.nn.Module) -> int:
    """Parameters with batch-norm statistics, without the counter torch keeps beside them."""
    return sum(v.numel() for name, v in network.state_dict().items() if not name.endswith("num_batches_tracked"))


def test_published_sizes() -> None:
    assert parameters(UNetGenerator(tracks=4, planes=1, width=64)) == 8_273_540
    assert parameters(ConvCritic(tracks=4, planes=1, width=64)) == 2_766_785
    assert UNetGenerator().noise_shape == (512, 2, 8)


@pytest.mark.parametrize(("tracks", "planes"), [(4, 1), (3, 2)])
def test_shapes_and_range(tracks: int, planes: int) -> None:
    torch.manual_seed(0)
    generator = UNetGenerator(tracks=tracks, planes=planes, width=4)
    critic = ConvCritic(tracks=tracks, planes=planes, width=4)
    melody = torch.randn(3, planes, 32, 128).sign()
    made = generator(melody, torch.randn(3, *generator.noise_shape))
    assert made.shape == (3, tracks * planes, 32, 128)
    assert made.abs().max() <= 1
    assert critic(made, melody).shape == (3,)


def test_shapes_are_checked_here() -> None:
    pytest.importorskip("beartype", reason="needs the test extra: pip install -e '.[test]'")
    generator = UNetGenerator(width=4)
    with pytest.raises(Exception, match="melody"):  # jaxtyping's own error: pitch before time
        generator(torch.zeros(1, 1, 128, 32), torch.zeros(1, *generator.noise_shape))


def test_noise_changes_the_answer_and_melody_too() -> None:
    torch.manual_seed(0)
    generator = UNetGenerator(width=4).eval()
    melody, other = torch.randn(2, 1, 1, 32, 128).sign()
    noise = torch.randn(2, *generator.noise_shape)
    a, b = generator(melody.expand(2, -1, -1, -1), noise)
    assert not torch.equal(a, b)
    assert not torch.equal(a, generator(other, noise[:1])[0])


def test_the_critic_has_no_batch_norm() -> None:
    assert not [m for m in ConvCritic(width=4).modules() if isinstance(m, torch.nn.modules.batchnorm._NormBase)]


@pytest.mark.parametrize("size", [(2, 8), (5, 3), (1, 1)])
def test_transposed_convolution_equals_the_literal_one(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    up = UpConv(6, 5).double()
    x = torch.randn(2, 6, *size, dtype=torch.float64)
    doubled = functional.interpolate(x, scale_factor=2, mode="nearest")
    literal = functional.conv2d(functional.pad(doubled, (1, 2, 1, 2)), up.weight, up.bias)
    torch.testing.assert_close(up(x), literal, rtol=1e-12, atol=1e-12)


def literal_slope(critic: torch.nn.Module, tracks: torch.Tensor, melody: torch.Tensor) -> torch.Tensor:
    """As autograd finds it."""
    at = tracks.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(at, melody).sum(), at, create_graph=True)
    return slope


def test_the_critics_slope_and_what_it_teaches_are_those_that_autograd_finds() -> None:
    torch.manual_seed(0)
    critic = ConvCritic(tracks=3, planes=2, width=4).double()
    tracks, melody = torch.rand(3, 6, 32, 128).double() * 2 - 1, torch.randn(3, 2, 32, 128).double().sign()
    found, literal = critic.slope(tracks, melody), literal_slope(critic, tracks, melody)
    torch.testing.assert_close(found, literal, rtol=1e-12, atol=1e-15)
    for slope in (found, literal):
        slope.square().sum().backward()
    weights = [conv.weight for conv in critic.convs] + [critic.score.weight]
    taught = [weight.grad.clone() for weight in weights if weight.grad is not None]
    assert len(taught) == 5
    critic.zero_grad()
    literal_slope(critic, tracks, melody).square().sum().backward()
    for weight, both in zip(weights, taught, strict=True):  # both ways were added up
        torch.testing.assert_close(both, 2 * weight.grad, rtol=1e-12, atol=1e-15)


def test_the_critic_loss_is_the_one_of_three_calls() -> None:
    torch.manual_seed(0)
    critic = ConvCritic(tracks=3, planes=2, width=4).double()
    real, fake, melody = (torch.randn(3, channels, 32, 128).double().sign() for channels in (6, 6, 2))
    source = torch.Generator().manual_seed(1)
    loss = critic_loss(critic, real, fake, melody, weight=10.0, generator=source)
    share = torch.rand(3, 1, 1, 1, generator=source.manual_seed(1)).double()
    norm = literal_slope(critic, share * real + (1 - share) * fake, melody).flatten(1).norm(dim=1)
    wasserstein = critic(fake, melody).mean() - critic(real, melody).mean()
    torch.testing.assert_close(loss.total, wasserstein + 10 * (norm - 1).square().mean(), rtol=1e-9, atol=1e-9)


class LinearCritic(torch.nn.Module):
    """Scores by one fixed direction, so that its slope is known by hand."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), slope))

    def forward(self, tracks: torch.Tensor, melody: torch.Tensor) -> torch.Tensor:
        return self.weight * tracks[:, 0, 0, 0] + 0 * melody.flatten(1).sum(dim=1)

    def slope(self, tracks: torch.Tensor, melody: torch.Tensor) -> torch.Tensor:
        return literal_slope(self, tracks, melody)


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_gradient_penalty_of_a_known_slope(slope: float, penalty: float) -> None:
    windows = torch.zeros(4, 2, 32, 128)
    found = gradient_penalty(LinearCritic(slope), windows + 1, windows - 1, windows)
    assert found.item() == pytest.approx(penalty, abs=1e-4)
    found.backward()  # even a slope of zero has a finite gradient


def test_losses_of_a_known_critic() -> None:
    real, fake, melody = torch.full((4, 2, 32, 128), 1.0), torch.full((4, 2, 32, 128), -1.0), torch.zeros(4, 1, 32, 128)
    critic = LinearCritic(2.0)
    loss = critic_loss(critic, real, fake, melody, weight=10.0)
    assert loss.wasserstein.item() == pytest.approx(-4.0)  # -2 for the fakes, minus 2 for the real ones
    assert loss.penalty.item() == pytest.approx(1.0, abs=1e-4)  # slope 2 is 1 too steep
    assert loss.total.item() == pytest.approx(-4.0 + 10.0, abs=1e-3)
    assert generator_loss(critic, fake, melody).item() == pytest.approx(2.0)


def test_the_critic_loss_does_not_reach_the_generator() -> None:
    torch.manual_seed(0)
    generator, critic = UNetGenerator(width=4), ConvCritic(width=4)
    melody, real = torch.randn(2, 1, 32, 128).sign(), torch.randn(2, 4, 32, 128).sign()
    fake = generator(melody, torch.randn(2, *generator.noise_shape))
    critic_loss(critic, real, fake, melody, weight=10.0).total.backward()
    assert all(p.grad is None for p in generator.parameters())
    for name, weight in critic.named_parameters():
        assert weight.grad is not None, name
        if name != "score.bias":  # it shifts real and generated scores alike, so its gradient cancels
            assert weight.grad.abs().sum() > 0, name
