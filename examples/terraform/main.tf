# One repository and one function for each service, from what `services prune --all --json` wrote to contexts.json.
# The images are built and pushed beforehand, under the tags below: `docker buildx bake --push`.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "role_arns" {
  type        = map(string)
  description = "The role of each service's function."
}

locals {
  services = { for context in jsondecode(file("${path.module}/contexts.json")) : context.service => context if context.handler != null }
}

resource "aws_ecr_repository" "service" {
  for_each             = local.services
  name                 = each.key
  image_tag_mutability = "IMMUTABLE" # a tag is the digest of what was built
}

resource "aws_lambda_function" "service" {
  for_each      = local.services
  function_name = each.key
  role          = var.role_arns[each.key]
  package_type  = "Image"
  architectures = ["arm64"]
  image_uri     = "${aws_ecr_repository.service[each.key].repository_url}:${substr(each.value.digest, 0, 12)}"

  image_config {
    command = [each.value.handler]
  }
}
