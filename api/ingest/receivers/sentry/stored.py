"""The bodies of `/store/`, which old SDKs packed by themselves. Pure."""

import base64
import binascii
import zlib

from api.http.problems import BodyTooLarge


def unpack_stored(body: bytes, max_bytes: int) -> bytes:
    """The JSON of a body: as it is, or packed with zlib and written in base64, as SDKs did before they named a coding. Raises
    BodyTooLarge."""
    text = body.lstrip()
    if text[:1] not in {b"{", b"["} and text[:1].isalnum():
        try:
            packed = base64.b64decode(text, validate=False)
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(packed, max_bytes)
        except (binascii.Error, ValueError, zlib.error):
            return body
        if unpacker.unconsumed_tail:
            raise BodyTooLarge(f"the event may have {max_bytes:,} bytes unpacked: send less")
        return unpacked
    return body
