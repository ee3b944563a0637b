"""Capture: a feed taken down to a spool, and sealed into snapshots that follow each other without overlap or hole.

    agent = Agent(specification, folder, store_url, Told())
    asyncio.run(agent.run(stop))

What arrives is appended to a segment of the spool, in the form of docs/formats/binance-raw.md, and synced every 100 ms:
that is what *acknowledged* means. A segment that has ended is sealed by another process, which imports it, writes the
snapshot, and derives from it the lines that the next segment's recording begins with: the books as they are at the cut.
See docs/capture.md.
"""
