"""What one model costs against another, from the documents and prompts that both have read."""
