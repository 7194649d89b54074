"""What the server that forks the tests' commands loads before: all of the worker, and the libraries of its commands."""

import importlib
import pkgutil

import aiokafka.admin  # noqa: F401
import google.cloud.texttospeech_v1  # noqa: F401

import worker

for each in pkgutil.walk_packages(worker.__path__, "worker."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)
