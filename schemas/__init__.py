"""The language everything else speaks: values, records, their Avro form, and sealing."""
