"""How each kind of operation is carried out."""
