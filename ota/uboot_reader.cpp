#include "ota/uboot_reader.hpp"

#include "core/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;
using core::OwnedFd;

namespace {

constexpr std::size_t kLongestDescription = 64 * 1024;
constexpr std::int64_t kBlock = 4096;   // what O_DIRECT asks of places, lengths and memory, at most

using Block = core::Owned<unsigned char, std::free>;

// File systems without direct I/O and character devices (flash) refuse the flag.
OwnedFd open_device(std::filesystem::path const& device) {
    OwnedFd direct{::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT)};
    if (direct || errno != EINVAL) return direct;
    return OwnedFd{::open(device.c_str(), O_RDONLY | O_CLOEXEC)};
}

// Where a copy begins, counted from the device's start.
Result<std::int64_t> start_of(CopyPlace const& place, int fd) {
    if (place.offset >= 0) return place.offset;
    auto const end = ::lseek(fd, 0, SEEK_END);
    if (end < 0) return fail_errno("looking for the end of " + place.device.string());
    if (end + place.offset < 0) return fail(Errc::io, place.text() + " would begin before the device does");
    return end + place.offset;
}

// Reads on until `length` bytes or the end of the device are reached; -1 with errno.
::ssize_t read_all(int fd, unsigned char* into, std::size_t length, std::int64_t from) {
    std::size_t got = 0;
    while (got < length) {
        auto const n = ::pread(fd, into + got, length - got, from + static_cast<std::int64_t>(got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        got += static_cast<std::size_t>(n);
        // At the end of a file a direct read stops in the middle of a block, and goes on from no such place.
        if (n == 0 || got % kBlock != 0) break;
    }
    return static_cast<::ssize_t>(got);
}

}   // namespace

Result<UbootReader> UbootReader::open(std::filesystem::path const& config) {
    auto const text = core::read_file(config, kLongestDescription);
    if (!text) return fail(text, "reading " + config.string());
    auto places = parse_copy_places(*text);
    if (!places) return fail(places, "reading " + config.string());
    UbootReader reader;
    for (auto const& place : *places) {
        reader.devices_.push_back(open_device(place.device));
        if (!reader.devices_.back())
            return fail_errno("opening " + place.device.string() + " for the boot environment");
    }
    reader.places_ = std::move(*places);
    return reader;
}

Result<std::vector<EnvCopy>> UbootReader::read() const {
    std::vector<EnvCopy> copies;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        // Flash has nothing to wait for, and says EINVAL.
        if (::fsync(devices_[i].get()) != 0 && errno != EINVAL)
            return fail_errno("the boot environment did not reach " + places_[i].device.string());
        auto copy = read_copy(i);
        if (!copy) return copy.error();
        copies.push_back(std::move(*copy));
    }
    return copies;
}

Result<EnvCopy> UbootReader::read_copy(std::size_t index) const {
    auto const& place = places_[index];
    int const fd = devices_[index].get();
    auto const start = start_of(place, fd);
    if (!start) return start.error();

    auto const first = *start - *start % kBlock;
    auto const skipped = static_cast<std::size_t>(*start - first);
    auto const length = (skipped + place.size + kBlock - 1) / kBlock * kBlock;
    // Without direct I/O this is what goes past the cache; with it, it makes libubootenv's next read honest.
    ::posix_fadvise(fd, first, static_cast<::off_t>(length), POSIX_FADV_DONTNEED);
    Block const memory{static_cast<unsigned char*>(std::aligned_alloc(kBlock, length))};
    if (!memory) return fail(Errc::io, "no memory to read the boot environment");
    bool const is_direct = (::fcntl(fd, F_GETFL) & O_DIRECT) != 0;
    auto const got = is_direct ? read_all(fd, memory.get(), length, first)
                               : read_all(fd, memory.get() + skipped, place.size, *start);
    if (got < 0) return fail_errno("reading the boot environment from " + place.text());
    auto const have = static_cast<std::size_t>(got) + (is_direct ? 0 : skipped);
    if (have < skipped + place.size)
        return fail(Errc::io,
                    "the boot environment on " + place.text() + " is cut short by the device's end");
    return parse_copy({memory.get() + skipped, place.size}, places_.size() > 1);
}

}   // namespace ota
