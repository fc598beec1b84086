import torch
from torch.nn import functional as F

from crepr.models._spec import InputSpec
from crepr.models._vae import vae


def test_background_of_memorised_planes_goes_dark():
    # with batch norm and LeakyReLU at the end, the background stays near 0.4 for thousands of steps
    generator = torch.Generator().manual_seed(0)
    size = 16
    spots = (torch.rand(64, 8, size, size, generator=generator) < 3 / size**2).float()
    planes = F.max_pool2d(spots, 5, stride=1, padding=2)
    spec = vae(
        {"rna": InputSpec(tuple("abcdefgh"), size, "planes")},
        beta=0.0,
        reconstruction={"rna": "dice_focal"},
        smooth=(1e-5, 1e-5),
        widths=(32, 64),
        totals=False,
    )
    network, objective = spec.build(), spec.build_objective()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(160):
        loss, _ = objective(network({"rna": planes}, generator=generator), {"targets": {"rna": planes}})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        probability = torch.sigmoid(network.eval()({"rna": planes}).outputs["rna"])
    assert probability[planes == 0].mean() < 0.01
    assert probability[planes == 1].mean() > 0.9
