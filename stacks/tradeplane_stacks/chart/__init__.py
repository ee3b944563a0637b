"""Charts of Helm, made of what kustomize renders: no object and no setting is written a second time.

A platform is rendered from configurations that differ in one thing each; what differs in the objects becomes a
template, and what does not is left as kustomize wrote it. The values of the charts are the fields of
``PlatformConfig``, by their names.
"""
