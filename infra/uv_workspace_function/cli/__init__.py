"""The commands of `services`, one module each; `cli` loads only the one that is called."""
