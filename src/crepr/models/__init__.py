"""Networks, loss terms and named models; torch only."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_autoencoder": ["autoencoder"],
        "_beta_vae": ["beta_vae"],
        "_conditional_vae": ["conditional_vae"],
        "_corrected_vae": ["corrected_vae"],
        "_denoising_autoencoder": ["denoising_autoencoder"],
        "_double_decoder_vae": ["double_decoder_vae"],
        "_inverse_weights": ["inverse_weights"],
        "_mevae": ["mevae"],
        "_mmd_vae": ["mmd_vae"],
        "_network": ["DecoderSpec", "EncoderSpec", "Network", "NetworkSpec"],
        "_objective": ["Objective", "WarmUp"],
        "_output": ["Output"],
        "_paired_inpainting": ["paired_inpainting"],
        "_presets": ["PRESETS"],
        "_registry": ["MODELS"],
        "_profile_decoder": ["ProfileDecoderSpec"],
        "_profile_encoder": ["ProfileEncoderSpec"],
        "_spatial_network": ["SpatialDecoderSpec", "SpatialEncoderSpec", "SpatialNetwork", "SpatialNetworkSpec"],
        "_spec": ["InputSpec", "ModelSpec", "TermSpec"],
        "_vae": ["vae"],
    },
)
