"""A conversation with a server: what is asked, who sends it, with which credential, through which proxy."""
