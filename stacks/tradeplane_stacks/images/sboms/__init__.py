"""What is in an image, as a software bill of materials (SBOM): CycloneDX 1.6, one for each processor.

It is made from the trees that become the image's layers, after they were made: from the descriptions that Debian
packages and Python distributions leave there, and from the bills that wheels carry of what was compiled into them (PEP
770). So it lists what is there, and not what somebody meant to be; what nobody describes is not in it, and
docs/images.md says what that is. The same trees give the same bytes: no time, no path and no order of a directory
stands in them.
"""
