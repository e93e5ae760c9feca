# All that `make repro` and `make test` need, but not the project itself, which is mounted: docs/container.md.

# torch's wheel brings CUDA's libraries, so the smallest flavour will do. It is of the CUDA that torch is built for, as NVIDIA's
# runtime then refuses to start it on a driver that is too old for torch.
FROM nvidia/cuda:13.0.2-base-ubuntu24.04

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates=20* git=1:2.43.* make=4.3-* python3-venv=3.12.3-* \
    && rm -rf /var/lib/apt/lists/*

# What is written into the mounted project belongs to this user: build with your own ids. Ubuntu's image has a user of id 1000.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN if id ubuntu; then userdel --remove ubuntu; fi \
    && groupadd --non-unique --gid "$GROUP_ID" asr \
    && useradd --no-log-init --create-home --uid "$USER_ID" --gid "$GROUP_ID" asr \
    && install --directory --owner=asr --group=asr /opt/venv /project /cache

USER $USER_ID:$GROUP_ID
ENV HOME=/home/asr \
    VENV=/opt/venv
ENV PATH=$VENV/bin:$PATH

# The lists lie in a folder of their own, as the project is mounted over /project. DVC's cache is set for the user, so that the
# project's own .dvc/config stays as it is. Python compiles everything here, and not whenever a container starts; a few packages
# hold files that are not of its syntax, which does no harm.
WORKDIR /home/asr/packages
COPY Makefile requirements*.txt ./
RUN PIP_NO_CACHE_DIR=1 make "$VENV/requirements.txt" "$VENV/requirements-dev.txt" \
    && dvc config --global cache.dir /cache/dvc \
    && { python -m compileall -q -j 0 "$VENV/lib" > /dev/null || true; }

ENV ASR_CACHE=/cache/features \
    ASR_CHECKPOINTS=/cache/training \
    ASR_TENSORBOARD=/cache/tensorboard \
    HF_HOME=/cache/huggingface
VOLUME /cache

WORKDIR /project
CMD ["make", "repro"]
