"""The registry behind Replicate, ``r8.im``, over the same shelf: each version of a model is a container image.

The protocol is OCI distribution (version 2 of Docker's registry). The digest of an image's manifest is the id of the
version, so the other side of the zoo takes its ids from here.

* :mod:`~zooclient.serve.registry.form`: how an image may be made. Pure.
* :mod:`~zooclient.serve.registry.layers`: tar archives of files, packed. Pure but for the files that it is given.
* :mod:`~zooclient.serve.registry.parts`: manifests and blobs. Pure.
* :mod:`~zooclient.serve.registry.image`: manifests, configs and labels, as Cog makes them. Pure.
* :mod:`~zooclient.serve.registry.images`: the images of the versions of a shelf, each made once.
* :mod:`~zooclient.serve.registry.layout`: an image as a folder that other tools read.
* :mod:`~zooclient.serve.registry.names`: names, digests and offsets as clients send them. Pure.
* :mod:`~zooclient.serve.registry.said`: what it says when it does not do what was asked. Pure.
* :mod:`~zooclient.serve.registry.door`: who may come in, by Basic or by a Bearer token.
* :mod:`~zooclient.serve.registry.pushed`: what clients send, from which versions come.
* :mod:`~zooclient.serve.registry.depot`: what both sides of the zoo share.
* :mod:`~zooclient.serve.registry.storage`: the second origin, which sends blobs.
* :mod:`~zooclient.serve.registry.pulling`, :mod:`~zooclient.serve.registry.pushing`: what is answered to those who
  fetch, and to those who send.
* :mod:`~zooclient.serve.registry.site`: which path says what.
"""
