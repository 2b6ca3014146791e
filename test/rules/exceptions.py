"""Source files whose header no test includes, and why that is right. An exception that is not needed is a finding."""

WITHOUT_OWN_TEST = {}
