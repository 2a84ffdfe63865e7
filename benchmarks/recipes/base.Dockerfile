# What all recipes start from.
FROM public.ecr.aws/lambda/python:3.14
