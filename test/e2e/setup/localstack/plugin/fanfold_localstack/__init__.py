"""Lets LocalStack 4.14.0 run without Docker.

The .dist-info folder beside this one registers the package; localstack.ts sets the environment that it reads.
"""
