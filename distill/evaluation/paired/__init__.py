"""What one model costs against another, paired: both read the same documents and continue the same prompts."""
