"""`python -m cytotrial.schema` writes the schema files anew. It says nothing when all is well."""

from cytotrial.schema import write_schemas

if __name__ == "__main__":
    write_schemas()
