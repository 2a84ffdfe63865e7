"""The CDK constructs; the only room that imports aws_cdk."""
