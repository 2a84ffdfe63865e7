# One function for each service, from the archives that `services build --all --format zip` wrote, and from contexts.json for the handlers.

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
  handlers = { for context in jsondecode(file("${path.module}/contexts.json")) : context.service => context.handler if context.handler != null }
  archives = { for archive in jsondecode(file("${path.module}/zips.json")) : archive.service => archive }
}

resource "aws_lambda_function" "service" {
  for_each      = local.handlers
  function_name = each.key
  role          = var.role_arns[each.key]
  architectures = ["arm64"]
  runtime       = local.archives[each.key].runtime
  handler       = each.value

  # The same service gives the same bytes on every machine, so a plan from another one changes nothing.
  filename         = "${path.module}/${local.archives[each.key].output}"
  source_code_hash = filebase64sha256("${path.module}/${local.archives[each.key].output}")
}
