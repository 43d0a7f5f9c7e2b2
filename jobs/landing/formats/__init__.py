"""From the bytes of an export to canonical rows: `read` splits, `values` converts, `rows` puts together."""
