"""A local cloud for one machine: container engine, base images, registry and an emulator of AWS.

It is what `make local`, `make reliability` and tests/deploy run on. Nothing here is needed for `make synth`, and nothing
of it is part of a deployment.

- `state`: where things are kept, and the processes that run there, by pid
- `debian`: Debian packages of another release, unpacked without installing them
- `stand_ins`: base images made of such packages and of wheels, where no container registry can be reached
- `engine`: the container engine and a registry beside it: the machine's own Docker, else one brought along
- `emulator`, `emulator_process`: the AWS emulator: starting and ending it, and what runs inside it
- `tour`: what `make local` shows

Data flows one way: `state -> debian -> stand_ins -> engine -> emulator -> tour`.
"""
