"""Replicate's HTTP API over a shelf, in its own shape: models that are run, and hardly ever downloaded.

* :mod:`~zooclient.serve.replicate.hosted`: how the owner of a model hosts it: what it takes, what running it does.
* :mod:`~zooclient.serve.replicate.catalogue`: the shelf as Replicate has it: models with versions, 64 hex each.
* :mod:`~zooclient.serve.replicate.schema`: the OpenAPI document of a version, as Cog makes it. Pure.
* :mod:`~zooclient.serve.replicate.checking`: what the API has against an input. Pure.
* :mod:`~zooclient.serve.replicate.payloads`, :mod:`~zooclient.serve.replicate.said`: what answers look like. Pure.
* :mod:`~zooclient.serve.replicate.listing`: pages and searches.
* :mod:`~zooclient.serve.replicate.runs`: predictions and trainings, each a thread that runs a Python callable.
* :mod:`~zooclient.serve.replicate.uploads`: files that are sent to be inputs.
* :mod:`~zooclient.serve.replicate.delivery`: the origin of output files and of streams.
* :mod:`~zooclient.serve.replicate.reading`, :mod:`~zooclient.serve.replicate.running`: what is answered to those who
  read, and to those who run.
* :mod:`~zooclient.serve.replicate.site`: which path says what.

The API has no download: there is no list of files and no bytes of weights here. Webhooks and deployments are not
spoken; a webhook that is asked for is taken and never called.
"""
