"""How the documentation is built; `nox -s docs` builds it, and a warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from zooclient import __version__

project = "zooclient"
author = "The zooclient authors"
project_copyright = "The zooclient authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "variables",
    "zoos",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"zooclient {release}"

# The prompt of a console example is not part of what one types.
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
maximum_signature_line_length = 90
# Fields are described in the class's docstring; as :ivar: they do not collide with the members themselves.
napoleon_use_ivar = True
napoleon_numpy_docstring = False

# An example of a console holds output of ours beside commands of a shell: no lexer knows both.
highlight_language = "python"
