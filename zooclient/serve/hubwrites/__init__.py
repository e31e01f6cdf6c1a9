"""Writing to the Hub: repositories, uploads, commits, branches and tags, in the Hub's own shape.

Each module answers some calls of the official client; :mod:`~zooclient.serve.hubwrites.site` tells them apart. Large
files come by git LFS, in one piece or in parts. Xet is not spoken: ``xetEnabled`` is false, a token for it is refused
with a sentence that says what to do.
"""
