"""x"""

NOT_WITHIN_MINUTES = ()


async def make_all_true(night, say):
    return []
