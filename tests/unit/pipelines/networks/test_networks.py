import numpy as np
import pytest
import torch

from pipelines.networks.apply import THREADS, apply_network, fixed_threads
from pipelines.networks.noise_unet import NoiseUNet
from pipelines.networks.plane_unet import OFFSETS_MM, PlaneUNet


@pytest.fixture(scope="module")
def noise_network():
    torch.manual_seed(0)
    return NoiseUNet((8, 12)).eval()


def test_the_noise_has_the_images_shape_and_scales_to_nothing(noise_network):
    image = torch.randn(2, 1, 32, 48) * 100
    with torch.inference_mode():
        noise = noise_network(image, torch.tensor([10.0, 0.0]).view(2, 1, 1, 1))
    assert image.shape == noise.shape
    assert noise[0].abs().max() > 0
    assert noise[1].abs().max() == 0


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (50, 20)])
def test_any_size_passes_and_comes_back(noise_network, shape):
    level = torch.full((1, 1, 1, 1), 10.0)
    image = np.random.default_rng(0).normal(0, 50, (1, *shape)).astype(np.float32)
    result = apply_network(
        lambda given: noise_network(given, level), image, noise_network.multiple, "cpu"
    )
    assert image.shape == result.shape


def test_the_number_of_threads_is_fixed_inside_and_the_callers_outside():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), fixed_threads():
        torch.set_num_threads(3)
        raise ZeroDivisionError
    assert before == torch.get_num_threads()
    with fixed_threads():
        assert THREADS == torch.get_num_threads()


def test_a_plane_network_scores_each_class_for_each_pixel():
    network = PlaneUNet(4, (8, 8, 8)).eval()
    planes = np.random.default_rng(0).normal(0, 200, (len(OFFSETS_MM), 30, 44)).astype(np.float32)
    assert (4, 30, 44) == apply_network(network, planes, network.multiple, "cpu").shape
