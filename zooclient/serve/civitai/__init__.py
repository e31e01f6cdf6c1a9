"""Civitai's protocol over a shelf, in the site's own shape.

A repository is a model, each state of its ``main`` branch a version, newest first. The site has numbers for names, no
folders, and a card in HTML; what a shelf has instead is turned into that here, the same way each time:

* :mod:`~zooclient.serve.civitai.numbers`: names and commits as ids;
* :mod:`~zooclient.serve.civitai.entities` and :mod:`~zooclient.serve.civitai.catalogue`: the shelf as models, versions
  and files;
* :mod:`~zooclient.serve.civitai.describe`, :mod:`~zooclient.serve.civitai.naming`,
  :mod:`~zooclient.serve.civitai.inspect`, :mod:`~zooclient.serve.civitai.markup`,
  :mod:`~zooclient.serve.civitai.pictures`, :mod:`~zooclient.serve.civitai.air`: what is told of them;
* :mod:`~zooclient.serve.civitai.payloads`, and for lists :mod:`~zooclient.serve.civitai.parameters`,
  :mod:`~zooclient.serve.civitai.filters`, :mod:`~zooclient.serve.civitai.listing` and
  :mod:`~zooclient.serve.civitai.paging`: the answers;
* :mod:`~zooclient.serve.civitai.downloads` and :mod:`~zooclient.serve.civitai.storage`: the way to the bytes;
* :mod:`~zooclient.serve.civitai.said`: the refusals;
* :mod:`~zooclient.serve.civitai.site`: which question gets which of these.

Facts are from the site's source and documentation of August 2026, and from recorded answers.
"""
