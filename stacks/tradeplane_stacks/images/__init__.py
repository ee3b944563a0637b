"""The two container images: what is in them, and how they come out the same every time, wherever they are built.

Nothing in a Containerfile here runs a program. Everything an image holds is prepared beside it, for each processor,
from sources pinned by digest: Debian packages by ``base.lock``, Python wheels by ``uv.lock``, the Rust core by
``Cargo.lock``. So an image for arm64 is made on an amd64 machine without emulation, no build tool is ever inside an
image, and whichever of docker buildx, podman or buildah does the last step has nothing left to decide.
"""
