"""A GPT partition table (UEFI specification 2.10, section 5.3): read and checked, never written. In bytes throughout."""
import dataclasses
import struct
import uuid
import zlib

SECTOR = 512
_HEADER = struct.Struct("<8s4I4Q16sQ3I")   # up to and with the checksum of the entries
_ENTRY = struct.Struct("<16s16s3Q72s")


class NoTable(ValueError):
    """Its text is a sentence about what was read: no GPT, or a damaged one."""


@dataclasses.dataclass(frozen=True)
class Partition:
    number: int
    label: str
    type: str
    uuid: str
    start: int
    size: int

    @property
    def end(self):
        return self.start + self.size


@dataclasses.dataclass(frozen=True)
class Table:
    uuid: str
    at: int        # of this header
    other: int     # of the other copy's
    entries: int   # where they are
    first: int     # what partitions may use
    last: int      # the end of it
    partitions: tuple

    def __getitem__(self, label):
        """The partition of that label, or None."""
        return next((one for one in self.partitions if one.label == label), None)


def read(read_at, at=SECTOR):
    """The table whose header is at that offset. read_at(offset, size) gives bytes, fewer at the end."""
    header = read_at(at, SECTOR)
    if len(header) < _HEADER.size or header[:8] != b"EFI PART":
        raise NoTable("it holds no GPT partition table")
    (_, _, size, crc, _, own, other, first, last, disk, entries, count, entry_size, entries_crc) = \
        _HEADER.unpack_from(header)
    if not _HEADER.size <= size <= SECTOR or zlib.crc32(header[:16] + bytes(4) + header[20:size]) != crc:
        raise NoTable("its partition table is damaged (the header's checksum)")
    if own * SECTOR != at or entry_size < _ENTRY.size or count > 1024 or entry_size > 4096:
        raise NoTable("its partition table is damaged (the header's values)")
    table = read_at(entries * SECTOR, count * entry_size)
    if len(table) < count * entry_size or zlib.crc32(table) != entries_crc:
        raise NoTable("its partition table is damaged (the entries' checksum)")
    found = (_partition(number + 1, table[number * entry_size:]) for number in range(count))
    return Table(_name(disk), at, other * SECTOR, entries * SECTOR, first * SECTOR, (last + 1) * SECTOR,
                 tuple(one for one in found if one))


def _partition(number, entry):
    kind, own, first, last, _, label = _ENTRY.unpack_from(entry)
    if kind == bytes(16):
        return None
    return Partition(number, label.decode("utf-16-le", "replace").split("\0")[0], _name(kind), _name(own),
                     first * SECTOR, (last - first + 1) * SECTOR)


def _name(guid):
    return str(uuid.UUID(bytes_le=guid)).upper()
