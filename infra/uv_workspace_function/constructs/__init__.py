"""The CDK constructs; the only room that imports aws_cdk.

Its modules:

    function, zip_function    UvWorkspaceFunction, UvWorkspaceZipFunction
    image, service_archive    their code as an asset: UvWorkspaceImage, and an archive that is made when it is published
    function_options, image_options, zip_options    what they take, typed
    defaults         options said once for a part of the construct tree
    option_checks    what is wrong with them before a workspace is looked at
    function_parts, execution_role, log_group    what every function has
    starting_image   an image that a build starts from, and what stands for it in the hash
    asset_folder, context_warnings    a build context in the cloud assembly; what may be wrong with it
    stack_limit      CloudFormation's limit of resources
"""

from importlib.util import find_spec

# The distribution's base is the model and the commands: who deploys by other means needs none of the CDK's 240 MB.
if missing := [name for name in ("aws_cdk", "constructs", "jsii") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"UvWorkspaceFunction and UvWorkspaceImage need the AWS CDK, and {', '.join(missing)} cannot be imported; install "
        "uv-workspace-function with its extra: `uv add --dev 'uv-workspace-function[cdk]'`",
        name=missing[0],
    )
