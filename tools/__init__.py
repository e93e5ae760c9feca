"""How the bundled base model and the bundled sample were made. Needs the espeak-ng program; see tools/README.md."""
