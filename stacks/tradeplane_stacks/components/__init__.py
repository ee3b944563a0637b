"""What a region is made of in AWS, as Pulumi components.

Each has a configuration that is checked before anything is made, and is imported from its own module: the types of AWS
take their time to load, so that nothing is imported here.
"""
