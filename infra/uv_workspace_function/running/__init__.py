"""A handler, called once with one event on this machine.

    events           a file with an event, and the samples beside a service
    outcome          how it went: the answer or what was raised, times, memory
    variables, lambda_variables    what `--env` asks for; what Lambda itself sets
    environment, closure_environment    the call in an environment that holds the service's closure only; how that is made
    container        the call in the service's image

Two programs, which import nothing of this package:

    _call_handler    is run by the Python of such an environment
    _serve_runtime   is run by that of an image
"""
