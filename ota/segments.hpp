#pragma once
// Which bytes of a bundle are needed, and from where each of them comes: the network, or a file on this
// device that is believed to hold the same bytes. The signed hash tree judges them wherever they come from.
// Pure.

#include "ota/bundle_plan.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace ota {

// Bytes of the bundle that a local file holds.
struct Copy {
    std::uint64_t offset = 0;   // in the bundle
    std::uint64_t size = 0;
    std::uint32_t file = 0;   // number of the file
    std::uint64_t file_offset = 0;
    bool in_place = false;   // the file is the target itself, at the very place: nothing needs to be written
    bool operator==(Copy const&) const = default;
};

struct Segment {
    std::uint64_t offset = 0;   // in the bundle
    std::uint64_t size = 0;
    std::optional<Copy> from;   // of the same offset and size; nothing: from the network
    std::uint64_t end() const noexcept { return offset + size; }
    bool operator==(Segment const&) const = default;
};

// A gap between two fetched stretches that is cheaper to fetch than another request would be.
inline constexpr std::uint64_t kSmallGap = 16 * 1024;

// The stretches of the bundle that hold `uses`, as whole verity blocks, by offset; those that are near each
// other are one.
std::vector<Segment> needed_stretches(std::vector<Use> const& uses);

// `stretches` cut up into what is copied and what is fetched, by offset and without gaps within a stretch. Of
// copies of the same bytes the one that begins first counts, then the one named first. Copies too small to be
// worth a request of their own are fetched.
std::vector<Segment> cut_up(std::vector<Segment> const& stretches, std::vector<Copy> const& copies);

// What is read next of `segments`, from byte `at` of the bundle on, which lies in segments[index]: whole
// verity blocks, at most `most` bytes, nothing but copies in place or none that are long.
struct NextPiece {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::vector<Segment> parts;   // of it, in their order
    bool in_place = false;
};
NextPiece
next_piece(std::vector<Segment> const& segments, std::size_t index, std::uint64_t at, std::uint64_t most);

std::uint64_t bytes_to_fetch(std::vector<Segment> const& segments) noexcept;

// Stretches of an image that lie in the bundle as they are, so that a stretch of the one is a stretch of the
// other: by image offset, as long as possible.
struct RawRun {
    std::uint64_t image_offset = 0;
    std::uint64_t offset = 0;   // in the bundle
    std::uint64_t size = 0;
    bool operator==(RawRun const&) const = default;
};
std::vector<RawRun> raw_runs(std::vector<Use> const& uses, Target image);

// Appends the copies by which bytes image_offset … + size of the image, to be found in `file` at
// `file_offset`, serve the bundle.
void add_copies(std::vector<Copy>& copies,
                std::vector<RawRun> const& runs,
                std::uint64_t image_offset,
                std::uint64_t size,
                Copy const& from);

}   // namespace ota
