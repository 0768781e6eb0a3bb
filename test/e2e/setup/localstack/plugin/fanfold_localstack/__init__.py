"""What LocalStack 4.14.0 needs to run without Docker. The .dist-info beside this folder registers it; start.ts sets the environment that it reads."""
